/**
 * What a webview's page may do, as a Content Security Policy: run the scripts that carry the nonce, and draw with the extension's own
 * styles, fonts and pictures. No script in the page or made from text, no connection, no frame, no form.
 *
 * @param own where the extension's files come from
 */
export function webviewPolicy(nonce: string, own: string): string {
  return [
    `default-src 'none'`,
    `script-src 'nonce-${nonce}'`,
    `style-src ${own}`,
    `font-src ${own}`,
    `img-src ${own} data:`,
    // These two do not fall back to the default.
    `base-uri 'none'`,
    `form-action 'none'`,
  ].join('; ');
}
