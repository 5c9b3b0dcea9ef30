/** Reports as files: what other programs, spreadsheets and readers rely on. */
import { expect, test } from 'vitest';
import { tableCsv, tableTsv } from '../../extension/analysis/export/csv.ts';
import { reportFiles } from '../../extension/analysis/export/files.ts';
import { reportsHtml } from '../../extension/analysis/export/html.ts';
import { reportJson } from '../../extension/analysis/export/json.ts';
import { reportOf } from '../../extension/analysis/export/report.ts';
import { chartSvg } from '../../extension/analysis/export/svg.ts';
import { subjectOf } from '../../extension/analysis/sections/subject.ts';
import type { Section } from '../../extension/protocol/report.ts';
import { charts } from '../webview/chartSamples.ts';
import { demoTrace } from '../webview/demoTrace.ts';

const { trace, text } = demoTrace('balanced', 'router.ts');
const subject = subjectOf('router.ts', trace, text.join(''));
const report = reportOf(subject);

test('a table as CSV keeps all digits, leaves the unknown empty, and quotes what needs it', () => {
  const columns = [
    { label: 'token, as text', unit: 'text' },
    { label: 'share', unit: 'percent' },
    { label: 'time', unit: 'ms' },
  ] as const;
  const rows = [
    ['say "hi"\n', 1 / 3, null],
    ['=1+1', 0, 2.5],
    ['plain', 1e-9, -1],
  ];
  expect(tableCsv({ columns, rows })).toBe(
    '"token, as text",share (fraction),time (ms)\n' +
      '"say ""hi""\n",0.3333333333333333,\n' +
      // A spreadsheet must not run what a text says.
      "'=1+1,0,2.5\n" +
      'plain,1e-9,-1\n',
  );
  expect(tableTsv({ columns, rows })).toBe(
    'token, as text\tshare (fraction)\ttime (ms)\nsay "hi" \t0.3333333333333333\t\n\'=1+1\t0\t2.5\nplain\t1e-9\t-1',
  );
});

test('JSON has every key of the report and its sections, null where nothing is known', () => {
  type Json = { load: { layers: object[] }; sections: object[] };
  const { name, model, source, loads, evidence } = subject;
  const counted = { name, model, source, loads, evidence };
  for (const made of [report, reportOf(counted)]) {
    const { load, sections } = JSON.parse(reportJson(made)) as Json;
    expect(sections.length).toBeGreaterThan(10);
    for (const each of sections) {
      expect(Object.keys(each)).toEqual(['id', 'title', 'verdict', 'lacking', 'controls', 'figures']);
    }
    for (const each of [load, ...load.layers]) {
      expect(Object.keys(each)).toEqual(expect.arrayContaining(['entropy', 'margin']));
    }
  }
  const without = JSON.parse(reportJson(reportOf(counted))) as Json;
  expect(without.load).toMatchObject({ entropy: null, margin: null });
});

test('a file asks for no click', () => {
  const measured = { ...subject, source: 'measured', model: { ...subject.model, folder: '/m' } } as const;
  const html = reportsHtml([reportOf(measured)], 'vivid');
  const absent = html.split('Not in this report')[1];
  expect(absent).toContain('What if: <span class="dim">Measured on request, which had not been made.</span>');
  const asks = ['“Measure”', 'Choose a change', 'Take Each Away', 'Balance It', 'A click'];
  expect(asks.filter((ask) => html.includes(ask))).toEqual([]);
});

test('one file a table and one a chart; several reports go into folders of their own', () => {
  const figures = report.sections.flatMap((section) => section.figures);
  const csv = reportFiles([report], 'csv', 'vivid');
  expect(csv.map(({ path }) => path)).toEqual(figures.map(({ id }) => `${id}.csv`));
  const svg = reportFiles([report], 'svg', 'vivid');
  expect(svg.map(({ path }) => path)).toEqual(figures.filter(({ chart }) => chart).map(({ id }) => `${id}.svg`));
  const named = ['a/../b.ts', 'A-..-B.ts', 'con'].map((name) => reportOf({ ...subject, name }, {}, ['losses']));
  const folders = reportFiles(named, 'csv', 'vivid').map(({ path }) => path.split('/')[0]);
  expect(new Set(folders)).toEqual(new Set(['a-..-b.ts', 'A-..-B.ts-2', 'text-con']));
});

test('the report has the settings that were made, and only the sections that were asked for', () => {
  const some = reportOf(subject, { capacity: { factor: 2 } }, ['capacity', 'balance']);
  expect(some.sections.map(({ id }) => id)).toEqual(['balance', 'capacity']);
  expect(some.sections[1]!.verdict).toContain('At a capacity factor of 2.00, 5.1\u202f% of the slots are dropped');
});

test('every chart is a file of its own: its colours within, nothing fetched, what it shows in words', () => {
  const files = reportFiles([report], 'svg', 'colorBlind');
  expect(files).toHaveLength(report.sections.flatMap(({ figures }) => figures).filter(({ chart }) => chart).length);
  for (const { path, text: svg } of files) {
    expect(svg, path).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" .* role="img" aria-labelledby=/);
    expect(svg, path).toMatch(/<title id="[^"]+">[^<]+<\/title><desc id="[^"]+">[^<]+<\/desc><style>/);
    expect(svg, path).not.toMatch(/ style=|<script|href=|NaN|Infinity|undefined/);
    // Each class that is used has a rule, but for those that only group.
    const sheet = /<style>(.*?)<\/style>/s.exec(svg)![1]!;
    for (const [, names] of svg.matchAll(/ class="([^"]+)"/g)) {
      for (const name of names!.split(' ')) {
        if (!['chart', 'dim', 'cell', 's', 'd0'].includes(name))
          expect(sheet, `${path}: ${name}`).toContain(`.${name}`);
      }
    }
  }
});

test('a chart has light and dark colours, or those of one theme', () => {
  const figure = charts.figures[0]!;
  const sheet = (theme: 'both' | 'light'): string => chartSvg(figure, { width: 400, palette: 'vivid', theme })!;
  expect(sheet('both')).toContain('prefers-color-scheme:dark');
  expect(sheet('light')).not.toContain('prefers-color-scheme');
});

test('a heat map of 58 layers of 256 experts is a path a colour', () => {
  const figure = charts.figures.find(({ id }) => id === 'large-heat')!;
  const svg = chartSvg(figure, { width: 1000, palette: 'vivid', theme: 'light' })!;
  expect(svg.match(/<path class="h\d+"/g)!.length).toBeLessThanOrEqual(25);
});

test('the HTML has every section, figure, explanation and table, and runs and fetches nothing', () => {
  const html = reportsHtml([report], 'vivid');
  for (const { id, title, verdict, lacking, figures } of report.sections) {
    if (figures.length === 0)
      expect(html).toContain(`<li>${escaped(title)}: <span class="dim">${escaped(verdict ?? lacking!)}`);
    else expect(html).toContain(`<section id="r1-${id}">`);
    if (verdict !== undefined) expect(html).toContain(escaped(verdict));
    for (const { help, basis } of figures) {
      expect(html).toContain(`<p>${escaped(help.meaning)}</p>`);
      expect(html).toContain(`<span class="dim">${basis}</span>`);
    }
  }
  const tables = report.sections.flatMap(({ figures }) => figures).filter(({ table }) => table.rows.length > 0);
  expect(html.match(/<table>/g)).toHaveLength(tables.length);
  expect(html).not.toMatch(/<script|<link|<img|src=|@import|url\((?!#)|https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
  const ids = Array.from(html.matchAll(/ id="([^"]+)"/g), ([, id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

test('hostile names and texts are text in every file', () => {
  const hostile = `</style><script>alert(1)</script>\u202e"'&\u0000\ud800`;
  const section: Section = {
    ...charts,
    title: hostile,
    verdict: hostile,
    figures: charts.figures.map((figure) => ({
      ...figure,
      title: hostile,
      text: hostile,
      help: { meaning: hostile, formula: hostile },
      table: { columns: [{ label: hostile, unit: 'text' }], rows: [[hostile]] },
      ...(figure.chart?.kind === 'bars'
        ? { chart: { ...figure.chart, labels: figure.chart.labels.map(() => hostile) } }
        : {}),
    })),
  };
  const made = { subject: { ...subject, name: hostile }, sections: [section] };
  for (const format of ['html', 'svg'] as const) {
    for (const { path, text: file } of reportFiles([made], format, 'vivid')) {
      expect(file).not.toMatch(/<script|[\u0000\u202e]|\p{Cs}/u);
      expect(path).toMatch(/^[\p{L}\p{N}._-]+$/u);
    }
  }
});

test('a report of a text in which nothing was routed is a report', () => {
  const nothing = reportOf(subjectOf('empty', { ...trace, routed: 0 }));
  for (const format of ['html', 'json', 'csv', 'svg'] as const) {
    for (const { path, text: file } of reportFiles([nothing], format, 'vivid')) {
      expect(file, path).not.toMatch(/NaN|Infinity|undefined/);
    }
  }
});

function escaped(sentence: string): string {
  return sentence
    .replace(/&/g, '&amp;')
    .replace(/"/g, '&quot;')
    .replace(/'/g, '&#39;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;');
}

test('a cell that begins with a quote takes no others along when it is pasted', () => {
  const columns = [
    { label: 'token', unit: 'text' },
    { label: 'loss', unit: 'number' },
  ] as const;
  expect(
    tableTsv({
      columns,
      rows: [
        ['"a"', 1],
        ['b"', 2],
      ],
    }),
  ).toBe('token\tloss\n"""a"""\t1\nb"\t2');
});
