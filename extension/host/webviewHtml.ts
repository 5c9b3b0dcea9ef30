import { randomBytes } from 'node:crypto';
import { env, l10n, Uri, type Webview, type WebviewOptions } from 'vscode';
import { webviewPolicy } from './webviewPolicy.ts';

/** Bundles of pages in dist/webview. */
export type WebviewEntry = 'load' | 'map' | 'model' | 'report';

/** Webviews reach their own bundle and nothing else. */
export function webviewOptions(extension: Uri): WebviewOptions {
  return { enableScripts: true, localResourceRoots: [bundleFolder(extension)] };
}

/** The page of a webview: the policy, the styles, the script; what it shows comes by message. */
export function webviewHtml(webview: Webview, extension: Uri, entry: WebviewEntry, title: string): string {
  const nonce = randomBytes(16).toString('base64');
  const resource = (file: string): string =>
    webview.asWebviewUri(Uri.joinPath(bundleFolder(extension), file)).toString();
  const policy = webviewPolicy(nonce, webview.cspSource);
  const translated = l10n.uri !== undefined;
  // Before the page's own script, which holds sentences as constants.
  const translations = translated
    ? `<script nonce="${nonce}" src="${resource(`l10n.${env.language}.js`)}"></script>`
    : '';
  return `<!doctype html>
<html lang="${translated ? env.language : 'en'}">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="${policy}" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>${title}</title>
    <link rel="stylesheet" href="${resource('codicon.css')}" />
    <link rel="stylesheet" href="${resource(`${entry}.css`)}" />
  </head>
  <body data-entry="${entry}">
    ${translations}
    <script nonce="${nonce}" src="${resource(`${entry}.js`)}"></script>
  </body>
</html>`;
}

function bundleFolder(extension: Uri): Uri {
  return Uri.joinPath(extension, 'dist', 'webview');
}
