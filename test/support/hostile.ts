/** Texts of tokens and names that mean no good, wherever they are shown. */

/** Invisible, turning, broken, or taken for something else by a page, Markdown, a spreadsheet or a terminal. */
export const HOSTILE_TEXTS: readonly string[] = [
  '<img src=x onerror="alert(1)">',
  '</code></td><script>alert(1)</script>',
  '"><svg onload=alert(1)>',
  "' onfocus='alert(1)' autofocus='",
  '[click](command:workbench.action.quit)',
  '`](command:workbench.action.quit)`` [x](command:workbench.action.quit "t")',
  '![x](https://example.com/x.png)',
  '<https://example.com>',
  '| a | b |\n|--|--|\n| c | d |',
  '```\ncode',
  '``````',
  '$(alert) $(sync~spin)',
  '=HYPERLINK("https://example.com","x")',
  ' =1+1',
  '＝1+1',
  '@SUM(1)',
  '+1',
  '-2+3',
  '\t=1',
  '\u001b]0;title\u0007\u001b[2J\u001b[31mred',
  '\u009b2J',
  '\r\nforged line',
  '\u202eabc\u202c',
  '\u2066a\u2069\u061c',
  '\u200b\u200d\u2060\ufeff\u00ad',
  '\u3164\u2800\u115f\u{e0041}',
  '\ud83d',
  '\udc00\ud800',
  '\0',
  'Z\u0351\u036b\u0343\u036a\u0302'.repeat(30),
  '\u2028\u2029\u0085',
  '{{constructor.constructor("alert(1)")()}}',
  '${alert(1)}',
  'x'.repeat(1_000_000),
];

/** Control and format characters, separators of lines and lone surrogates: none may reach a page, a sheet or a terminal as it is. */
export const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
