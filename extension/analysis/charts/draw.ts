import type { Chart } from '../../protocol/report.ts';
import { bars } from './bars.ts';
import type { Drawing, Frame } from './drawing.ts';
import { heat } from './heat.ts';
import { lines } from './lines.ts';
import { points } from './points.ts';

/** Draws any chart. */
export function draw(chart: Chart, frame: Frame): Drawing {
  switch (chart.kind) {
    case 'bars':
      return bars(chart, frame);
    case 'lines':
      return lines(chart, frame);
    case 'points':
      return points(chart, frame);
    case 'heat':
      return heat(chart, frame);
  }
}
