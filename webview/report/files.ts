/** One figure's chart as a file, as the page hands it to the host. */
import { chartSvg } from '../../extension/analysis/export/svg.ts';
import { DATA_FORMATS, type Figure } from '../../extension/protocol/report.ts';
import type { FromReportPage, PaletteName } from '../../extension/protocol/webview.ts';

const CHART_KINDS = ['svg', 'png'] as const;
export type ChartKind = (typeof CHART_KINDS)[number];
export const FILE_KINDS = [...DATA_FORMATS, ...CHART_KINDS] as const;
export type FileKind = (typeof FILE_KINDS)[number];

type Save = Extract<FromReportPage, { type: 'save' }>;

/** Width of charts in files, in pixels. */
const WIDTH = 800;
/** Pixels of a picture for one of the drawing: sharp on paper, too. */
const DENSITY = 2;

/** Undefined where the figure has no chart to draw. */
export async function chartFile(figure: Figure, kind: ChartKind, palette: PaletteName): Promise<Save | undefined> {
  const svg = chartSvg(figure, { width: WIDTH, palette, theme: kind === 'svg' ? 'both' : 'light' });
  if (svg === undefined) return undefined;
  const name = `${figure.id}.${kind}`;
  return kind === 'svg'
    ? { type: 'save', name, content: `${svg}\n`, encoding: 'utf8' }
    : { type: 'save', name, content: await png(svg), encoding: 'base64' };
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
