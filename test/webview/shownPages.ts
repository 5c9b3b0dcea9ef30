/** Each page with something on it, and open what opens on demand: what tests of all pages begin with. */
import type { WebviewEntry } from '../../extension/host/webviewHtml.ts';
import { inspectionOf } from '../support/inspection.ts';
import { charts } from './chartSamples.ts';
import { demoTrace } from './demoTrace.ts';
import type { View } from './harness.ts';

const demo = demoTrace('balanced', 'router.ts');
const needed = { float32: 60e9, float16: 30e9, int8: 20e9, int4: 10e9 };
const model = inspectionOf({ needed, free: 24e9 });

export interface ShownPage {
  readonly name: WebviewEntry;
  /** Usual width: a side panel's or an editor's. */
  readonly width: number;
  readonly show: (view: View) => Promise<void>;
}

export const SHOWN_PAGES: readonly ShownPage[] = [
  {
    name: 'load',
    width: 300,
    show: async (view) => {
      await view.show(demo, { layer: 3, tint: 'load', highlight: { layer: 3, expert: 10 } });
      await view.cursor(55);
      for (const figure of ['Load', 'MaxVio', 'All layers'])
        await view.page.getByRole('button', { name: `What it means: ${figure}`, exact: true }).click();
    },
  },
  {
    name: 'map',
    width: 1200,
    show: async (view) => {
      await view.show(demo, { layer: 3 });
      await view.reveal(53, true);
    },
  },
  { name: 'model', width: 1200, show: (view) => view.showModel({ model, wanted: AUTO }, 450) },
  {
    name: 'report',
    width: 1200,
    show: async (view) => {
      await view.showReport([FEW_CHARTS]);
      for (const part of ['What it means', 'Table', 'Copy or save'])
        await view.page.getByRole('button', { name: `${part}: Loss without an expert` }).click();
    },
  },
];

const AUTO = { precision: 'auto', provider: 'auto' } as const;
/** A chart of experts, a heat map, and a control of every kind. */
const FEW_CHARTS = { ...charts, figures: charts.figures.filter(({ id }) => ['signed', 'small-heat'].includes(id)) };
