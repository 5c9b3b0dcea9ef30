import { median } from '../../extension/analysis/latency.ts';
import { report } from './report.ts';

/** What something holds at the end of each of many rounds that are alike; a number each. */
export interface Watched {
  readonly what: string;
  readonly unit: string;
  readonly values: readonly number[];
}

/** Most that something may grow once it has warmed up, in %. */
const BUDGET = 5;
/** Of the rounds, until caches are full and code is compiled. */
const WARM = 0.25;

/** Reports the first third after the warm-up, and how much more the last third holds. */
export function reportGrowth({ what, unit, values }: Watched): void {
  const warm = values.slice(Math.ceil(WARM * values.length));
  const third = Math.ceil(warm.length / 3);
  const before = median(warm.slice(0, third));
  const growth = (100 * (median(warm.slice(-third)) - before)) / before;
  report({ what: `${what}, after warm-up`, value: before, unit });
  report({ what: `${what}, growth since`, value: growth, unit: '%', budget: BUDGET });
}
