/** Token texts and names from files that mean no good are shown as text: in hovers, notifications, reports, tables and the terminal. */
import { expect, test } from 'vitest';
import { reportFiles } from '../../extension/analysis/export/files.ts';
import { reportOf } from '../../extension/analysis/export/report.ts';
import { subjectOf } from '../../extension/analysis/sections/subject.ts';
import { tableCsv, tableTsv } from '../../extension/analysis/export/csv.ts';
import { visibleText } from '../../extension/analysis/tokenText.ts';
import { sectionText } from '../../extension/cli/sectionText.ts';
import { renderTables, visibleLines } from '../../extension/cli/table.ts';
import { hoverMarkdown } from '../../extension/host/hoverText.ts';
import { escapeMarkdown, unlinked } from '../../extension/host/markdown.ts';
import { demoTrace } from '../webview/demoTrace.ts';
import { HOSTILE_TEXTS, UNSEEN } from '../support/hostile.ts';
import { routedTextOf, type LayerInput } from './routedTextOf.ts';

/** As VS Code's parseLinkedText finds links in the message of a notification. */
const NOTIFICATION_LINK = /\[([^\]]+)\]\(((?:https?:\/\/|command:|file:)[^)\s]+)(?: (["'])(.+?)(\3))?\)/gi;

const layer: LayerInput = { layer: 0, experts: 2, k: 1, slots: [[[1, 1]]], entropy: [0.5], margin: [0.5] };

/** The routing of a real text, whose tokens stand for the hostile ones instead. */
function hostileTrace() {
  const { trace } = demoTrace('balanced', 'router.ts');
  const count = trace.tokens.ids.length;
  const pieces = Array.from({ length: count }, (_, t) => HOSTILE_TEXTS[t % (HOSTILE_TEXTS.length - 1)]!);
  const end = new Uint32Array(count);
  let at = 0;
  pieces.forEach((piece, t) => {
    end[t] = at += piece.length;
  });
  const start = Uint32Array.from(end, (_, t) => end[t - 1] ?? 0);
  const [name] = HOSTILE_TEXTS as [string];
  const model = { ...trace.origin.model, name, note: HOSTILE_TEXTS[19]! };
  return {
    trace: { ...trace, tokens: { ...trace.tokens, start, end }, origin: { ...trace.origin, model } },
    text: pieces.join(''),
  };
}

test.each(HOSTILE_TEXTS.map((text) => [text.slice(0, 40), text]))('the hover over %j is text', (_, text) => {
  const routed = routedTextOf({ text, tokens: [[0, text.length]], layers: [layer], logProb: [-1], windows: [0] });
  const options = { uri: 'file:///a.txt', layer: 0, palette: 'vivid', theme: 'dark' } as const;
  const markdown = hoverMarkdown(routed, [0], options);
  const [headline = ''] = markdown.split('\n');
  // All that is the token's is one code span: no fence as long as its own stands in it, and nothing ends the line.
  const [, fence, inner, rest] = /^(`+)(.*?[^`]|.*?[^`] )\1(?!`)(.*)$/u.exec(headline)!;
  expect(inner!.trim()).toBe(visibleText(text));
  expect(fence).not.toBe('');
  expect(rest).toMatch(/^ &nbsp; token 0 · id 100 · <span title="[a-z ]+">surprise/);
  expect(headline.replaceAll(/\s/g, '')).not.toMatch(UNSEEN);
  expect(headline.length).toBeLessThan(2000);
});

test.each(HOSTILE_TEXTS.slice(0, -1))(
  '%j makes no link in a notification, and nothing but text in a tooltip',
  (text) => {
    expect(unlinked(text).match(NOTIFICATION_LINK)).toBeNull();
    expect(escapeMarkdown(text)).not.toMatch(/(?<!\\)[<>[\]`]/u);
  },
);

test('a spreadsheet finds no formula in any cell', () => {
  const columns = [{ label: '=cmd', unit: 'text' }] as const;
  const rows = HOSTILE_TEXTS.map((text) => [text]);
  const cells = tableTsv({ columns, rows }).split('\n');
  for (const cell of cells) expect(cell).not.toMatch(/^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]/u);
  for (const text of HOSTILE_TEXTS) {
    const [, cell = ''] = tableCsv({ columns: [{ label: 'x', unit: 'text' }], rows: [[text]] }).split(/\n([^]*)/u);
    expect(cell.replace(/^"/u, ''), text.slice(0, 40)).not.toMatch(/^(?:\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])/u);
  }
});

test('exported pages and charts hold no element, link or sign that a name or a token brings', () => {
  const { trace, text } = hostileTrace();
  for (const name of HOSTILE_TEXTS.filter((one) => /[<\u001b\u202e]/u.test(one))) {
    const report = reportOf(subjectOf(name, trace, text));
    const [page] = reportFiles([report], 'html', 'vivid');
    expect(page!.text).toContain('&lt;img src=x onerror=&quot;alert(1)&quot;&gt;');
    for (const format of ['html', 'svg'] as const) {
      for (const { path, text: file } of reportFiles([report], format, 'vivid')) {
        expect(path).toMatch(/^[\p{L}\p{N}._/-]+$/u);
        expect(file).not.toMatch(/<(?:img|script|svg onload|https)|\son\w+="|javascript:/iu);
        expect(file.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/u);
      }
    }
  }
});

test('nothing of it reaches the terminal as it is', () => {
  const { trace, text } = hostileTrace();
  const said = [
    renderTables({ trace, text }, trace.layers[0]),
    ...reportOf(subjectOf(HOSTILE_TEXTS[19]!, trace, text)).sections.map(sectionText),
    ...HOSTILE_TEXTS.map(visibleLines),
  ];
  for (const lines of said) expect(lines.replaceAll('\n', '')).not.toMatch(UNSEEN);
});
