/** Reports as files, in each form that they are exported in. */
import type { PaletteName } from '../../protocol/webview.ts';
import type { DataFormat, Figure } from '../../protocol/report.ts';
import { tableCsv } from './csv.ts';
import { reportsHtml } from './html.ts';
import { figureJson, reportJson } from './json.ts';
import type { Report } from './report.ts';
import { chartSvg } from './svg.ts';

export type ExportFormat = 'html' | 'svg' | DataFormat;

export interface ExportedFile {
  /** Relative, with "/" between folders. */
  readonly path: string;
  readonly text: string;
}

/** Width of charts in files of their own, in pixels. */
const WIDTH = 800;

/** One file as HTML or JSON (a line a report); one file a table or chart as CSV or SVG, in a folder a report where there are several. */
export function reportFiles(reports: readonly Report[], format: ExportFormat, palette: PaletteName): ExportedFile[] {
  switch (format) {
    case 'html':
      return [{ path: `${stem(reports)}.html`, text: reportsHtml(reports, palette) }];
    case 'json':
      return [{ path: `${stem(reports)}.json`, text: reports.map(reportJson).join('') }];
    case 'csv':
      return eachFigure(reports, (figure) => figureFile(figure, format));
    case 'svg':
      return eachFigure(reports, (figure) => {
        const svg = chartSvg(figure, { width: WIDTH, palette, theme: 'both' });
        return svg === undefined ? undefined : { path: `${figure.id}.svg`, text: `${svg}\n` };
      });
  }
}

/** One figure's data. */
export function figureFile(figure: Figure, format: DataFormat): ExportedFile {
  return {
    path: `${figure.id}.${format}`,
    text: format === 'csv' ? tableCsv(figure.table) : figureJson(figure),
  };
}

function eachFigure(reports: readonly Report[], file: (figure: Figure) => ExportedFile | undefined): ExportedFile[] {
  const folders = folderNames(reports);
  return reports.flatMap(({ sections }, i) =>
    sections.flatMap(({ figures }) =>
      figures.flatMap((figure) => {
        const made = file(figure);
        return made ? [{ path: `${folders[i]!}${made.path}`, text: made.text }] : [];
      }),
    ),
  );
}

/** None for one report; otherwise one each, of which no two are alike even where case does not count. */
function folderNames(reports: readonly Report[]): string[] {
  if (reports.length === 1) return [''];
  const taken = new Set<string>();
  return reports.map(({ subject }) => {
    const name = fileName(subject.name);
    let free = name;
    for (let n = 2; taken.has(free.toLowerCase()); n++) free = `${name}-${n}`;
    taken.add(free.toLowerCase());
    return `${free}/`;
  });
}

function stem(reports: readonly Report[]): string {
  return reports.length === 1 ? `${fileName(reports[0]!.subject.name)}-report` : 'reports';
}

/** A name that every file system takes. */
function fileName(name: string): string {
  const plain = name
    .replace(/[^\p{L}\p{N}._-]+/gu, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, 80);
  return plain === '' || /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(plain) ? `text-${plain}` : plain;
}
