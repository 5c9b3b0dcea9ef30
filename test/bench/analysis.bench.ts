/**
 * Summaries of 8,000 tokens × 58 layers × 256 experts, top-8, with the runners-up of a measured trace. Beside milliseconds stand
 * multiples of one pass that counts every expert's slots, which a busy machine slows down as well.
 */
import { capacityCurve } from '../../extension/analysis/capacity.ts';
import { expertCounts } from '../../extension/analysis/load.ts';
import { loadReport } from '../../extension/analysis/loadReport.ts';
import { lossesOf } from '../../extension/analysis/losses.ts';
import { makeSection, SECTIONS } from '../../extension/analysis/sections/all.ts';
import { subjectOf } from '../../extension/analysis/sections/subject.ts';
import { syntheticTrace } from '../webview/syntheticTrace.ts';
import { report } from './report.ts';

const RUNS = 9;

const { trace, text } = syntheticTrace({ tokens: 8000, layers: 58, experts: 256, k: 8, candidates: 16 });
const { layers, routed } = trace;

const pass = best(() => layers.map((layer) => expertCounts(layer, 0, routed)));
report({ what: 'one counting pass', value: pass, unit: 'ms' });
for (const [what, make, budget] of [
  ['balance losses', () => lossesOf(layers, routed), undefined],
  ['capacity curve, ten factors, three policies', () => capacityCurve(layers, routed), undefined],
  ['every summary of the load', () => loadReport(trace), 200],
] as const) {
  const value = best(make);
  report({ what, value, unit: 'ms', ...(budget === undefined ? {} : { budget }) });
  report({ what: '  in counting passes', value: value / pass, unit: '×' });
}

const subject = subjectOf('synthetic', trace, text.join(''));
for (const { id, title } of SECTIONS) {
  const value = best(() => makeSection(id, subject, {}));
  report({ what: `section “${title}”, in a thread of its own`, value, unit: 'ms' });
}

/** Milliseconds of processor time of the cheapest of some runs: the clock on the wall also counts who else wants the machine. */
function best(run: () => unknown): number {
  let least = Infinity;
  for (let i = 0; i < RUNS; i++) {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}
