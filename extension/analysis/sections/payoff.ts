/** Does a mixture of experts pay here? Simulated: sizes and a workload, and no machine. */
import * as l10n from '@vscode/l10n';
import type { Control, Figure, NumberBox, Parameters } from '../../protocol/report.ts';
import { expertSizes, type ExpertSizes } from '../expertSizes.ts';
import { expertOffsets } from '../folder/domains.ts';
import { entropyOf, mutualInformation } from '../mutualInformation.ts';
import { fixed, percent, written } from '../numbers.ts';
import { costOf, type Cost, type Hardware, type Serving, type Workload } from '../payoff.ts';
import { parameterCount } from '../sizes.ts';
import { independentlyTouched } from '../workingSet.ts';
import { numberBox } from './controls.ts';
import type { SectionKind } from './kind.ts';
import { known } from './parts.ts';
import type { Subject } from './subject.ts';

/** Under so many parameters the parts that are no experts and the calls of small kernels weigh more than experts save. */
const SMALL = 1e9;
/** A share of the domains' entropy under which experts hardly tell kinds of text apart. */
const ALIKE = 0.05;

export const payoffSection: SectionKind = {
  id: 'payoff',
  title: l10n.t`Does it pay?`,
  make: (subject, set) => {
    const { controls, work, machine, bound } = workloadOf(set);
    const sizes = expertSizes(subject.model);
    if (!sizes || subject.loads.every(({ counts }) => counts.every((c) => c === 0))) {
      const lacking = sizes
        ? 'Nothing was routed.'
        : 'Nothing tells how many parameters the model has, in all and active: they are what this rests on.';
      return { lacking, controls, figures: [] };
    }
    const models = modelsOf(subject, sizes, work.batch);
    const costs = models.map(({ serving }) => costOf(serving, work, machine));
    const told = domainsTold(subject);
    return {
      verdict: verdict(subject, costs, work, bound, sizes, told),
      lacking:
        told === undefined
          ? l10n.t`How differently your texts route is not known: Analyze Folder… with texts of several kinds tells.`
          : l10n.t`How good the answers are is not weighed: no dense models of these sizes are at hand.`,
      controls,
      figures: [costFigure(models, costs, machine, bound)],
    };
  },
};

interface Compared {
  readonly label: string;
  readonly serving: Serving;
}

function modelsOf(
  { model, loads }: Subject,
  sizes: ExpertSizes,
  batch: number,
): readonly [Compared, Compared, Compared] {
  const { all, rest, lookedUp, bytes } = sizes;
  const { active } = model.parameters;
  const width = all.bytes / all.parameters;
  const cache = model.anatomy?.cacheBytes ?? 0;
  // Requests that decode together are of different texts: their tokens choose by themselves.
  const touched = loads.reduce(
    (sum, { shape, counts }, i) => sum + known0(independentlyTouched(counts, shape.k, batch)) * bytes[i]!,
    rest.bytes - lookedUp,
  );
  const dense = (parameters: number): Serving => {
    const weights = parameters * width;
    return { weights, active: parameters, read: weights - lookedUp, cache };
  };
  return [
    { label: model.name, serving: { weights: all.bytes, active, read: touched, cache } },
    { label: l10n.t`dense, ${parameterCount(active)} (as many active)`, serving: dense(active) },
    { label: l10n.t`dense, ${parameterCount(all.parameters)} (as many in all)`, serving: dense(all.parameters) },
  ];
}

function known0(value: number): number {
  return Number.isNaN(value) ? 0 : value;
}

function workloadOf(set: Parameters): {
  readonly controls: readonly Control[];
  readonly work: Workload;
  readonly machine: Hardware;
  /** Seconds that a token may take. */
  readonly bound: number;
} {
  const box = (id: string, label: string, value: number, max: number, unit?: string): NumberBox =>
    numberBox(set, { id, label, min: 0.001, max, value, ...(unit === undefined ? {} : { unit }) });
  const whole = (id: string, label: string, value: number, max: number): NumberBox => {
    const made = numberBox(set, { id, label, min: 1, max, value });
    return { ...made, value: Math.floor(made.value) };
  };
  const batch = whole('batch', 'Requests at once', 8, 1e5);
  const prompt = whole('prompt', 'Tokens of a prompt', 1000, 1e7);
  const output = whole('output', 'Tokens of an answer', 300, 1e7);
  const requests = whole('requests', 'Requests in all', 1000, 1e12);
  const latency = box('latency', 'A token may take', 50, 1e6, 'ms');
  const devices = whole('devices', 'Devices', 1, 1e5);
  const memory = box('memory', 'Memory of a device', 80, 1e6, 'GB');
  const bandwidth = box('bandwidth', 'Its bandwidth', 2000, 1e6, 'GB/s');
  const compute = box('compute', 'Its computing', 300, 1e6, 'TFLOP/s');
  const loading = box('loading', 'Weights are loaded with', 2, 1e4, 'GB/s');
  return {
    controls: [batch, prompt, output, requests, latency, devices, memory, bandwidth, compute, loading],
    work: { batch: batch.value, prompt: prompt.value, output: output.value, requests: requests.value },
    machine: {
      memory: devices.value * memory.value * 1e9,
      bandwidth: devices.value * bandwidth.value * 1e9,
      compute: devices.value * compute.value * 1e12,
      loading: loading.value * 1e9,
    },
    bound: latency.value / 1000,
  };
}

/** I(domain; expert) over the entropy of the domains, mean over MoE layers; undefined without two kinds of text. */
function domainsTold({ domains, loads }: Subject): number | undefined {
  if (!domains || domains.length < 2) return undefined;
  const offsets = expertOffsets(loads.map(({ shape }) => shape));
  const shares = loads.map(({ shape }, layer) => {
    const counts = domains.map(({ blocks }) => {
      const sum = new Float64Array(shape.experts);
      for (const block of blocks) for (let e = 0; e < sum.length; e++) sum[e]! += block.counts[offsets[layer]! + e]!;
      return sum;
    });
    const sizes = counts.map((of) => of.reduce((sum, c) => sum + c, 0));
    return mutualInformation(counts) / entropyOf(sizes);
  });
  const told = shares.filter((share) => Number.isFinite(share));
  return told.length > 0 ? told.reduce((sum, share) => sum + share, 0) / told.length : undefined;
}

function ms(seconds: number): string {
  return written(1000 * seconds, 'ms');
}

function verdict(
  { model }: Subject,
  [moe, active, total]: readonly Cost[],
  work: Workload,
  bound: number,
  sizes: ExpertSizes,
  told: number | undefined,
): string {
  const [m, a, t] = [moe!, active!, total!];
  const faster = t.step / m.step;
  const against: string[] = [];
  if (!m.fits)
    against.push(
      a.fits
        ? `memory is scarce: it needs ${written(m.memory, 'bytes')}, and the dense model of as many active parameters would fit`
        : `it needs ${written(m.memory, 'bytes')}, which is not there`,
    );
  if (m.step > bound) against.push(`a token takes ${ms(m.step)}, and may take ${ms(bound)}`);
  if (work.batch === 1)
    against.push(
      `a single request has the memory of ${parameterCount(sizes.all.parameters)} parameters to itself and uses ${parameterCount(model.parameters.active)}`,
    );
  if (faster < 1.2 && work.batch > 1)
    against.push(
      `${work.batch} requests touch nearly all experts, so that decoding is ${fixed(faster, 2)}× as fast as with a dense model of its size`,
    );
  if (sizes.all.parameters < SMALL)
    against.push(
      `it is small (${parameterCount(sizes.all.parameters)}): routing and many small products eat what experts save`,
    );
  if (m.load > m.job / 2) against.push(`the job is short: loading the weights takes ${percent(m.load / m.job)} of it`);
  if (told !== undefined && told < ALIKE)
    against.push(
      `your kinds of text route alike (${percent(told)} of what there is to know), so that specialised experts gain little`,
    );
  const gain =
    `Against a dense model of ${parameterCount(sizes.all.parameters)} it decodes ${fixed(faster, 2)}× as fast and reads a prompt in ${percent(m.prefill / t.prefill)} ` +
    `of the time; against one of ${parameterCount(model.parameters.active)} it takes ${fixed(m.memory / a.memory, 2)}× the memory and ${fixed(m.step / a.step, 2)}× the time of a step.`;
  const word =
    against.length === 0
      ? 'It pays'
      : m.fits && faster >= 1.2 && m.step <= bound
        ? 'It pays with reservations'
        : 'It hardly pays';
  const differs =
    told !== undefined && told >= ALIKE ? ` Experts tell ${percent(told)} of what sets your kinds of text apart.` : '';
  return `${word} for this workload. ${gain}${differs}${against.length > 0 ? ` Against it: ${against.join('; ')}.` : ''}`;
}

function costFigure(models: readonly Compared[], costs: readonly Cost[], machine: Hardware, bound: number): Figure {
  return {
    id: 'payoff',
    title: l10n.t`This model against dense ones`,
    basis: 'simulated',
    help: {
      meaning:
        'What the workload would take of this model, and of dense ones with as many parameters as a token uses here, and as there are here in all. ' +
        'The dense ones are thought to have the same attention. Experts that a batch touches are those expected of requests by themselves, with this load.',
      formula:
        'step = max(bytes of weights and KV cache read / bandwidth, 2 · active parameters · requests / computing). Prefill = max(bytes of the weights / ' +
        'bandwidth, 2 · active parameters · tokens / computing). Memory = weights + requests · tokens · KV cache. Job = loading + all requests, batch after batch.',
      source: 'Roofline: Williams, Waterman and Patterson, CACM 52 (2009).',
      judge:
        'A mixture of experts pays where memory is plenty and computing or bandwidth is not. It loses when small, for single requests, with scarce memory, ' +
        'in short jobs, and where batches touch all experts while decoding waits for memory. Real engines reach a half of such figures.',
    },
    text: models
      .map(({ label }, i) => `${label}: ${ms(costs[i]!.step)} a step, ${written(costs[i]!.memory, 'bytes')}`)
      .join('; '),
    chart: {
      kind: 'bars',
      labels: models.map(({ label }) => label),
      series: [{ label: l10n.t`time of a decoding step`, values: costs.map(({ step }) => known(1000 * step)) }],
      axis: { label: l10n.t`time of a decoding step`, unit: 'ms', min: 0 },
      yardstick: { value: 1000 * bound, label: l10n.t`may take` },
    },
    table: {
      columns: [
        { label: 'model', unit: 'text' },
        { label: 'memory', unit: 'bytes' },
        { label: l10n.t`fits ${written(machine.memory, 'bytes')}`, unit: 'text' },
        { label: l10n.t`weights read in a step`, unit: 'bytes' },
        { label: l10n.t`a step`, unit: 'ms' },
        { label: l10n.t`waits for`, unit: 'text' },
        { label: l10n.t`tokens a second`, unit: 'number' },
        { label: l10n.t`a prompt`, unit: 'ms' },
        { label: 'loading', unit: 'ms' },
        { label: l10n.t`the job`, unit: 'ms' },
      ],
      rows: models.map(({ label, serving }, i) => {
        const { memory, fits, step, bound: waits, rate, prefill, load, job } = costs[i]!;
        return [
          ...[label, memory, fits ? 'yes' : 'no', serving.read, 1000 * step, waits],
          ...[known(rate), 1000 * prefill, 1000 * load, 1000 * job],
        ];
      }),
    },
  };
}
