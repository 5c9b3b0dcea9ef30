/** What a page of ours may do; that each page can do its work under it is what the tests of the webviews see, which set it. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { webviewPolicy } from '../../extension/host/webviewPolicy.ts';

const OWN = 'https://file+.vscode-resource.example';

test('only scripts with the nonce run, only files of ours are drawn with, and nothing is fetched or sent', () => {
  const directives = new Map(
    webviewPolicy('abc', OWN)
      .split('; ')
      .map((directive) => [directive.split(' ')[0], directive.split(' ').slice(1).join(' ')]),
  );
  expect(Object.fromEntries(directives)).toEqual({
    'default-src': "'none'",
    'script-src': "'nonce-abc'",
    'style-src': OWN,
    'font-src': OWN,
    'img-src': `${OWN} data:`,
    'base-uri': "'none'",
    'form-action': "'none'",
  });
});

test('every page is made in one place, with the policy and no script of its own', () => {
  const folder = new URL('../../extension/host/', import.meta.url);
  const sources = readdirSync(folder).map((file) => ({ file, source: readFileSync(new URL(file, folder), 'utf8') }));
  expect(sources.filter(({ source }) => source.includes('<!doctype')).map(({ file }) => file)).toEqual([
    'webviewHtml.ts',
  ]);
  expect(
    sources.filter(({ source }) => /\.html =/.test(source)).every(({ source }) => source.includes('webviewHtml(')),
  ).toBe(true);
  const { source } = sources.find(({ file }) => file === 'webviewHtml.ts')!;
  expect(source).toContain('http-equiv="Content-Security-Policy" content="${policy}"');
  for (const [script] of source.matchAll(/<script[^]*?<\/script>/gu)) {
    expect(script).toMatch(/^<script nonce="\$\{nonce\}" src="[^"]*"><\/script>$/u);
  }
  expect(source).not.toMatch(/ (?:style|on\w+)="/u);
});
