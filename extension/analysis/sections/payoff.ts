/** Does a mixture of experts pay here? Simulated: sizes and a workload, and no machine. */
import * as l10n from '@vscode/l10n';
import type { Control, Figure, NumberBox, Parameters } from '../../protocol/report.ts';
import { expertSizes, type ExpertSizes } from '../expertSizes.ts';
import { clauses, sentences } from '../lists.ts';
import { fixed, percent, written } from '../numbers.ts';
import { costOf, type Cost, type Hardware, type Serving, type Workload } from '../payoff.ts';
import { parameterCount } from '../sizes.ts';
import { independentlyTouched } from '../workingSet.ts';
import { numberBox } from './controls.ts';
import { informationOf } from './domainFigures.ts';
import type { SectionKind } from './kind.ts';
import { FOLDER, known, tokensSeen } from './parts.ts';
import type { Subject } from './subject.ts';

/** Under so many parameters the parts that are no experts and the calls of small kernels weigh more than experts save. */
const SMALL = 1e9;
/** A share of the domains' entropy under which experts hardly tell kinds of text apart. */
const ALIKE = 0.05;
/** A share of the experts from which on it is nearly all. */
const NEARLY_ALL = 0.9;

/** What a step waits for. */
const BOUND_NAMES: Readonly<Record<Cost['bound'], string>> = {
  memory: l10n.t`memory`,
  computing: l10n.t`computing`,
};

export const payoffSection: SectionKind = {
  id: 'payoff',
  title: l10n.t`Does it pay?`,
  make: (subject, set) => {
    const { controls, work, machine, bound } = workloadOf(set);
    const sizes = expertSizes(subject.model);
    if (!sizes || subject.loads.every(({ counts }) => counts.every((c) => c === 0))) {
      const why = sizes
        ? l10n.t`Nothing was routed.`
        : l10n.t`Nothing tells how many parameters the model has, in all and active: they are what this rests on.`;
      return { lacking: why, controls, figures: [] };
    }
    // Requests that decode together are of different texts: their tokens choose by themselves.
    const tokens = tokensSeen(subject);
    const touched = subject.loads.map(({ counts }, i) => known0(independentlyTouched(counts, tokens[i]!, work.batch)));
    const models = modelsOf(subject, sizes, touched);
    const costs = models.map(({ serving }) => costOf(serving, work, machine));
    const told = domainsTold(subject);
    return {
      verdict: verdict(subject, costs, work, bound, sizes, touchedShare(subject, touched), told),
      lacking: lacking(subject, told),
      controls: lacksKinds(subject) ? [...controls, FOLDER] : controls,
      figures: [costFigure(models, costs, machine, bound)],
    };
  },
};

function lacking(subject: Subject, told: number | undefined): string {
  return sentences(
    subject.model.anatomy === undefined && l10n.t`How large the KV cache is, is not known: it is left out.`,
    unweighed(subject, told),
  );
}

function lacksKinds({ domains = [] }: Subject): boolean {
  return domains.length < 2;
}

function unweighed(subject: Subject, told: number | undefined): string {
  if (told !== undefined) {
    return l10n.t`How good the answers are is not weighed: no dense models of these sizes are at hand.`;
  }
  return lacksKinds(subject)
    ? l10n.t`How differently your texts route is not known: texts of several kinds, routed as a folder, tell.`
    : l10n.t`There is too little text of too few kinds to say which experts do what.`;
}

interface Compared {
  readonly label: string;
  readonly serving: Serving;
}

/** @param touched experts of each layer that a step of the batch reads */
function modelsOf(
  { model }: Subject,
  sizes: ExpertSizes,
  touched: readonly number[],
): readonly [Compared, Compared, Compared] {
  const { all, rest, lookedUp, bytes } = sizes;
  const { active } = model.parameters;
  // What is no expert stays in the precision that it has here.
  const width = (all.bytes - rest.bytes) / (all.parameters - rest.parameters);
  const cache = model.anatomy?.cacheBytes ?? 0;
  const read = touched.reduce((sum, experts, i) => sum + experts * bytes[i]!, rest.bytes - lookedUp);
  const dense = (parameters: number): Serving => {
    const weights = rest.bytes + (parameters - rest.parameters) * width;
    return { weights, active: parameters, read: weights - lookedUp, cache };
  };
  return [
    { label: model.name, serving: { weights: all.bytes, active, read, cache } },
    { label: l10n.t`dense, ${parameterCount(active)} (as many active)`, serving: dense(active) },
    { label: l10n.t`dense, ${parameterCount(all.parameters)} (as many in all)`, serving: dense(all.parameters) },
  ];
}

/** Of the experts of layers that routed anything. */
function touchedShare({ loads }: Subject, touched: readonly number[]): number {
  const experts = loads.reduce((sum, { shape }, i) => sum + (touched[i]! > 0 ? shape.experts : 0), 0);
  return touched.reduce((sum, n) => sum + n, 0) / experts;
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
  const batch = whole('batch', l10n.t`Requests at once`, 8, 1e5);
  const prompt = whole('prompt', l10n.t`Tokens of a prompt`, 1000, 1e7);
  const output = whole('output', l10n.t`Tokens of an answer`, 300, 1e7);
  const requests = whole('requests', l10n.t`Requests in all`, 1000, 1e12);
  const latency = box('latency', l10n.t`A token may take`, 50, 1e6, 'ms');
  const devices = whole('devices', l10n.t`Devices`, 1, 1e5);
  const memory = box('memory', l10n.t`Memory of a device`, 80, 1e6, 'GB');
  const bandwidth = box('bandwidth', l10n.t`Its bandwidth`, 2000, 1e6, 'GB/s');
  const compute = box('compute', l10n.t`Its computing`, 300, 1e6, 'TFLOP/s');
  const loading = box('loading', l10n.t`Weights are loaded with`, 2, 1e4, 'GB/s');
  return {
    controls: [batch, prompt, output, requests, latency, devices, memory, bandwidth, compute, loading],
    work: {
      batch: Math.min(batch.value, requests.value),
      prompt: prompt.value,
      output: output.value,
      requests: requests.value,
    },
    machine: {
      memory: devices.value * memory.value * 1e9,
      bandwidth: devices.value * bandwidth.value * 1e9,
      compute: devices.value * compute.value * 1e12,
      loading: loading.value * 1e9,
    },
    bound: latency.value / 1000,
  };
}

/** I(domain; expert) over the entropy of the domains, mean over MoE layers; undefined without two kinds of enough text. */
function domainsTold(subject: Subject): number | undefined {
  const shares = informationOf(subject).flatMap((i) => (i && i.most > 0 ? [i.bits / i.most] : []));
  return shares.length > 0 ? shares.reduce((sum, share) => sum + share, 0) / shares.length : undefined;
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
  share: number,
  told: number | undefined,
): string {
  const [m, a, t] = [moe!, active!, total!];
  const faster = t.step / m.step;
  const [all, used] = [parameterCount(sizes.all.parameters), parameterCount(model.parameters.active)];
  const against: string[] = [];
  if (!m.fits)
    against.push(
      a.fits
        ? l10n.t`memory is scarce: it needs ${written(m.memory, 'bytes')}, and the dense model of as many active parameters would fit`
        : l10n.t`it needs ${written(m.memory, 'bytes')}, which is not there`,
    );
  if (m.step > bound) against.push(l10n.t`a token takes ${ms(m.step)}, and may take ${ms(bound)}`);
  if (work.batch === 1)
    against.push(l10n.t`a single request has the memory of ${all} parameters to itself and uses ${used}`);
  if (faster < 1.2 && work.batch > 1)
    against.push(
      share >= NEARLY_ALL
        ? l10n.t`${work.batch} requests touch nearly all experts, so that decoding is ${fixed(faster, 2)}× as fast as with a dense model of its size`
        : l10n.t`${work.batch} requests touch ${percent(share)} of the experts, and with the KV cache and what every token reads, decoding is only ${fixed(faster, 2)}× as fast as with a dense model of its size`,
    );
  if (sizes.all.parameters < SMALL)
    against.push(l10n.t`it is small (${all}): routing and many small products eat what experts save`);
  if (m.load > m.job / 2)
    against.push(l10n.t`the job is short: loading the weights takes ${percent(m.load / m.job)} of it`);
  if (told !== undefined && told < ALIKE)
    against.push(
      l10n.t`your kinds of text route alike (${percent(told)} of what there is to know), so that specialised experts gain little`,
    );
  const enough = m.fits && faster >= 1.2 && m.step <= bound;
  return sentences(
    against.length === 0
      ? l10n.t`It pays for this workload.`
      : enough
        ? l10n.t`It pays with reservations for this workload.`
        : l10n.t`It hardly pays for this workload.`,
    l10n.t`Against a dense model of ${all} it decodes ${fixed(faster, 2)}× as fast and reads a prompt in ${percent(m.prefill / t.prefill)} of the time; against one of ${used} it takes ${fixed(m.memory / a.memory, 2)}× the memory and ${fixed(m.step / a.step, 2)}× the time of a step.`,
    told !== undefined && told >= ALIKE && l10n.t`Experts tell ${percent(told)} of what sets your kinds of text apart.`,
    against.length > 0 && l10n.t`Against it: ${clauses(against)}.`,
  );
}

function costFigure(models: readonly Compared[], costs: readonly Cost[], machine: Hardware, bound: number): Figure {
  return {
    id: 'payoff',
    title: l10n.t`This model against dense ones`,
    basis: 'simulated',
    help: {
      meaning: l10n.t`What the workload would take of this model, and of dense ones with as many parameters as a token uses here, and as there are here in all. The dense ones are thought to have the same attention. Experts that a batch touches are those expected of requests by themselves, with this load.`,
      formula: l10n.t`step = max(bytes of weights and KV cache read / bandwidth, 2 · active parameters · requests / computing). Prefill = max(bytes of the weights / bandwidth, 2 · active parameters · tokens / computing). Memory = weights + requests · tokens · KV cache. Job = loading + all requests, batch after batch.`,
      source: l10n.t`Roofline: Williams, Waterman and Patterson, CACM 52 (2009).`,
      judge: l10n.t`A mixture of experts pays where memory is plenty and computing or bandwidth is not. It loses when small, for single requests, with scarce memory, in short jobs, and where batches touch all experts while decoding waits for memory. Real engines reach a half of such figures.`,
    },
    text: clauses(
      models.map(
        ({ label }, i) => l10n.t`${label}: ${ms(costs[i]!.step)} a step, ${written(costs[i]!.memory, 'bytes')}`,
      ),
    ),
    chart: {
      kind: 'bars',
      labels: models.map(({ label }) => label),
      series: [{ label: l10n.t`time of a decoding step`, values: costs.map(({ step }) => known(1000 * step)) }],
      axis: { label: l10n.t`time of a decoding step`, unit: 'ms', min: 0 },
      yardstick: { value: 1000 * bound, label: l10n.t`may take` },
    },
    table: {
      columns: [
        { label: l10n.t`model`, unit: 'text' },
        { label: l10n.t`memory`, unit: 'bytes' },
        { label: l10n.t`fits ${written(machine.memory, 'bytes')}`, unit: 'text' },
        { label: l10n.t`weights read in a step`, unit: 'bytes' },
        { label: l10n.t`a step`, unit: 'ms' },
        { label: l10n.t`waits for`, unit: 'text' },
        { label: l10n.t`tokens a second`, unit: 'number' },
        { label: l10n.t`a prompt`, unit: 'ms' },
        { label: l10n.t`loading`, unit: 'ms' },
        { label: l10n.t`the job`, unit: 'ms' },
      ],
      rows: models.map(({ label, serving }, i) => {
        const { memory, fits, step, bound: waits, rate, prefill, load, job } = costs[i]!;
        return [
          ...[label, memory, fits ? l10n.t`yes` : l10n.t`no`, serving.read, 1000 * step, BOUND_NAMES[waits]],
          ...[known(rate), 1000 * prefill, 1000 * load, 1000 * job],
        ];
      }),
    },
  };
}
