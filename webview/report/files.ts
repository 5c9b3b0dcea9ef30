/** One figure's files, as the page hands them to the host. */
import { tableCsv } from '../../extension/analysis/export/csv.ts';
import { figureJson } from '../../extension/analysis/export/json.ts';
import { chartSvg } from '../../extension/analysis/export/svg.ts';
import type { Figure } from '../../extension/protocol/report.ts';
import type { FromReportPage, PaletteName } from '../../extension/protocol/webview.ts';

export const FILE_KINDS = ['csv', 'json', 'svg', 'png'] as const;
export type FileKind = (typeof FILE_KINDS)[number];

type Save = Extract<FromReportPage, { type: 'save' }>;

/** Width of charts in files, in pixels. */
const WIDTH = 800;
/** Pixels of a picture for one of the drawing: sharp on paper, too. */
const DENSITY = 2;

/** Undefined where the figure has no chart to draw. */
export async function figureFile(figure: Figure, kind: FileKind, palette: PaletteName): Promise<Save | undefined> {
  const name = `${figure.id}.${kind}`;
  const file = (content: string, encoding: Save['encoding'] = 'utf8'): Save => ({
    type: 'save',
    name,
    content,
    encoding,
  });
  switch (kind) {
    case 'csv':
      return file(tableCsv(figure.table));
    case 'json':
      return file(figureJson(figure));
    case 'svg': {
      const svg = chartSvg(figure, { width: WIDTH, palette, theme: 'both' });
      return svg === undefined ? undefined : file(`${svg}\n`);
    }
    case 'png': {
      const svg = chartSvg(figure, { width: WIDTH, palette, theme: 'light' });
      return svg === undefined ? undefined : file(await png(svg), 'base64');
    }
  }
}

/** Draws an SVG of a known size on a canvas. */
async function png(svg: string): Promise<string> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = image.naturalWidth * DENSITY;
  canvas.height = image.naturalHeight * DENSITY;
  canvas.getContext('2d')!.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL('image/png').replace(/^[^,]*,/, '');
}
