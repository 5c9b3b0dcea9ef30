/** Where does the time of a forward pass go? Measured on this machine, when the user asks for it. */
import * as l10n from '@vscode/l10n';
import { PROFILE_PARTS, type ModelProfile, type ProfiledBatch, type ProfilePart } from '../../protocol/profile.ts';
import type { Control, Figure, Parameters, Section } from '../../protocol/report.ts';
import { tokenCount } from '../labels.ts';
import { correlation, median, quantile } from '../latency.ts';
import { clauses, sentences } from '../lists.ts';
import { count, percent, written } from '../numbers.ts';
import { choice, numberBox } from './controls.ts';
import type { SectionKind } from './kind.ts';
import { cannotRun } from './measuring.ts';
import { known } from './parts.ts';

export const COST = 'cost';
export const MEASURE = 'measure';

/** What the router is reported to take of a forward pass. */
const REPORTED_ROUTER_SHARE = 0.08;

const PART_LABELS: Readonly<Record<ProfilePart, string>> = {
  router: l10n.t`router`,
  experts: l10n.t`experts`,
  sharedExperts: l10n.t`shared experts`,
  dense: l10n.t`dense networks`,
  mixers: l10n.t`attention and other mixers`,
  norms: l10n.t`norms`,
  embeddings: l10n.t`embeddings`,
  head: l10n.t`head`,
  rest: l10n.t`the rest`,
};

const BATCHES = ['1,16,128', '1,8,64,512', '1,4,16,64,256', '1'] as const;

/** What to measure: sizes of batches, and tokens to generate. */
export interface ProfileChoice {
  readonly batches: readonly number[];
  readonly generate: number;
}

export const costSection: SectionKind = {
  id: COST,
  title: l10n.t`Where the time goes`,
  make: (subject, set) => {
    const { profile } = subject.evidence;
    const cannot = cannotRun(subject);
    const action: Control = { kind: 'action', id: MEASURE, label: l10n.t`Measure`, primary: true };
    const controls: Control[] = cannot === undefined ? [...profileControls(set), action] : [];
    if (profile) return { ...profileFigures(profile), controls };
    if (cannot !== undefined) return { lacking: cannot, controls, figures: [] };
    const lacking = l10n.t`Nothing is measured yet. “Measure” runs the model anew, by itself and under ONNX Runtime’s profiler; other runs wait meanwhile.`;
    return { lacking, controls, figures: [] };
  },
};

/** What the user set of the section's controls. */
export function profileChoice(set: Parameters): ProfileChoice {
  const [batches, generate] = profileControls(set);
  return { batches: batches.value.split(',').map(Number), generate: Math.floor(generate.value) };
}

function profileControls(set: Parameters) {
  return [
    choice(set, {
      id: 'batches',
      label: l10n.t`Tokens in a pass`,
      options: BATCHES.map((value) => ({ value, label: value.replaceAll(',', ', ') })),
      value: BATCHES[0],
    }),
    numberBox(set, { id: 'generate', label: l10n.t`Tokens to generate`, min: 0, max: 1000, value: 32 }),
  ] as const satisfies Control[];
}

/** A profile as figures. */
export function profileFigures(profile: ModelProfile): Pick<Section, 'verdict' | 'figures'> & { lacking?: string } {
  const { batches, steps, notes } = profile;
  return {
    verdict: verdict(profile),
    ...(notes.length > 0 ? { lacking: sentences(...notes) } : {}),
    figures: [
      ...(batches.length > 0 ? [shareFigure(batches), speedFigure(batches)] : []),
      ...(steps ? [latencyFigure(steps), jitterFigure(steps)] : []),
    ],
  };
}

function total({ parts }: ProfiledBatch): number {
  return PROFILE_PARTS.reduce((sum, part) => sum + parts[part], 0);
}

function share(batch: ProfiledBatch, part: ProfilePart): number {
  return batch.parts[part] / total(batch);
}

function milliseconds(value: number): string {
  return written(known(value), 'ms');
}

function verdict({ batches, steps, model }: ModelProfile): string {
  const said = batches.map((batch) => {
    const most = PROFILE_PARTS.reduce((a, b) => (batch.parts[b] > batch.parts[a] ? b : a));
    const [router, share_] = [percent(share(batch, 'router')), percent(share(batch, most))];
    return l10n.t`${tokenCount(batch.tokens)} at once: ${router} router, most ${PART_LABELS[most]} with ${share_}`;
  });
  return sentences(
    l10n.t`${model.name} in ${model.precision} on ${model.provider}.`,
    l10n.t`${clauses(said)}.`,
    againstReported(batches),
    steps && latencyText(steps.milliseconds),
  );
}

function latencyText(ms: Float64Array): string {
  const [middle, p99] = [milliseconds(quantile(ms, 0.5)), tail(ms, 0.99)];
  return Number.isNaN(p99)
    ? l10n.t`A generated token takes ${middle} in the median and ${milliseconds(quantile(ms, 1))} at most.`
    : l10n.t`A generated token takes ${middle} in the median and ${milliseconds(p99)} at p99.`;
}

/** A quantile of the slow ones; NaN where there are so few steps that it would be the slowest of them. */
function tail(ms: Float64Array, q: number): number {
  return ms.length < Math.round(1 / (1 - q)) ? NaN : quantile(ms, q);
}

function againstReported(batches: readonly ProfiledBatch[]): string | undefined {
  if (batches.length === 0) return undefined;
  const most = Math.max(...batches.map((batch) => share(batch, 'router')));
  const reported = percent(REPORTED_ROUTER_SHARE);
  return most <= REPORTED_ROUTER_SHARE
    ? l10n.t`The router stays within the ${reported} that is reported of it.`
    : l10n.t`The router takes up to ${percent(most)}, where ${reported} is reported: small models have small experts, and routers do not shrink with them.`;
}

function shareFigure(batches: readonly ProfiledBatch[]): Figure {
  const labels = batches.map(({ tokens }) => tokenCount(tokens));
  const parts = PROFILE_PARTS.filter((part) => batches.some((batch) => batch.parts[part] > 0));
  return {
    id: 'cost-parts',
    title: l10n.t`Where the time of a pass goes`,
    basis: 'measured',
    help: {
      meaning: l10n.t`Time of the kernels of each part of the model, as ONNX Runtime’s profiler has it, for passes of so many tokens. Experts include gathering tokens by expert and putting them back. The head is run for every token, since its log-probability is wanted.`,
      formula: l10n.t`share = Σ time of the part’s kernels / Σ time of all kernels`,
      source: l10n.t`ONNX Runtime profiler.`,
      judge: l10n.t`Others report that the router takes about ${percent(REPORTED_ROUTER_SHARE)} of the time. With a single token, experts read all their weights for little work; the more tokens, the better the weights are used.`,
    },
    text: clauses(
      batches.map(
        (batch, i) =>
          l10n.t`${labels[i]!}: router ${percent(share(batch, 'router'))}, experts ${percent(share(batch, 'experts'))}`,
      ),
    ),
    chart: {
      kind: 'bars',
      labels,
      series: parts.map((part) => ({
        label: PART_LABELS[part],
        values: batches.map((batch) => known(share(batch, part))),
      })),
      stacked: true,
      axis: { label: l10n.t`share of the time`, unit: 'percent', min: 0, max: 1 },
      yardstick: { value: REPORTED_ROUTER_SHARE, label: l10n.t`reported of the router` },
    },
    table: {
      columns: [
        { label: l10n.t`part`, unit: 'text' },
        ...labels.flatMap((label) => [
          { label, unit: 'percent' as const },
          { label: l10n.t`${label}, under the profiler`, unit: 'ms' as const },
        ]),
      ],
      rows: [
        ...parts.map((part) => [
          PART_LABELS[part],
          ...batches.flatMap((batch) => [known(share(batch, part)), batch.parts[part]]),
        ]),
        [l10n.t`router, as reported`, ...batches.flatMap(() => [REPORTED_ROUTER_SHARE, null])],
      ],
    },
  };
}

function speedFigure(batches: readonly ProfiledBatch[]): Figure {
  const each = batches.map(({ tokens, milliseconds: all }) => median(all) / tokens);
  return {
    id: 'cost-batches',
    title: l10n.t`Time of a token, by batch`,
    basis: 'measured',
    help: {
      meaning: l10n.t`Wall time of a pass without the profiler, over its tokens: the median of several passes after a first one that does not count.`,
      formula: l10n.t`time of a token = time of the pass / tokens`,
      judge: l10n.t`Experts are read once for all tokens of a pass: a token of a larger batch is cheaper, until computing takes longer than reading.`,
    },
    text: clauses(batches.map(({ tokens }, i) => l10n.t`${count(tokens)} at once: ${milliseconds(each[i]!)} a token`)),
    chart: {
      kind: 'lines',
      x: { label: l10n.t`tokens in a pass`, unit: 'count', log: true },
      y: { label: l10n.t`time of a token`, unit: 'ms', min: 0 },
      series: [{ label: l10n.t`time of a token`, x: batches.map(({ tokens }) => tokens), y: each.map(known) }],
    },
    table: {
      columns: [
        { label: l10n.t`tokens`, unit: 'count' },
        { label: l10n.t`passes`, unit: 'count' },
        { label: l10n.t`a pass`, unit: 'ms' },
        { label: l10n.t`a token`, unit: 'ms' },
        { label: l10n.t`tokens a second`, unit: 'number' },
        { label: l10n.t`experts touched, all layers`, unit: 'count' },
      ],
      rows: batches.map((batch, i) => [
        batch.tokens,
        batch.milliseconds.length,
        known(median(batch.milliseconds)),
        known(each[i]),
        known(1000 / each[i]!),
        batch.experts,
      ]),
    },
  };
}

type Steps = NonNullable<ModelProfile['steps']>;

function latencyFigure({ milliseconds: ms }: Steps): Figure {
  const [p50, longest] = [quantile(ms, 0.5), quantile(ms, 1)];
  const x = Array.from(ms.keys());
  return {
    id: 'cost-latency',
    title: l10n.t`Latency of generated tokens`,
    basis: 'measured',
    help: {
      meaning: l10n.t`Wall time from one token to the next, decoding greedily after the text, one sequence by itself.`,
      formula: l10n.t`p50, p95 and p99: the times under which 50, 95 and 99 % of the steps stay; p95 takes 20 steps and p99 100`,
      judge: l10n.t`Users feel the slow ones: p99 near p50 is what to aim at. The machine’s other work is in it, too.`,
    },
    text: l10n.t`${count(ms.length)} tokens: p50 ${milliseconds(p50)}, p95 ${milliseconds(tail(ms, 0.95))}, p99 ${milliseconds(tail(ms, 0.99))}, longest ${milliseconds(longest)}.`,
    chart: {
      kind: 'lines',
      x: { label: l10n.t`generated token`, unit: 'count' },
      y: { label: l10n.t`latency`, unit: 'ms', min: 0 },
      series: [{ label: l10n.t`latency`, x, y: Array.from(ms) }],
      yardstick: { value: p50, label: 'p50' },
    },
    table: {
      columns: [
        { label: l10n.t`of the steps`, unit: 'text' },
        { label: l10n.t`latency`, unit: 'ms' },
      ],
      rows: [
        ['p50', known(p50)],
        ...[0.95, 0.99].map((q) => [`p${100 * q}`, known(tail(ms, q))]),
        [l10n.t`longest`, known(longest)],
        [l10n.t`mean`, known(ms.reduce((sum, value) => sum + value, 0) / ms.length)],
      ],
    },
  };
}

function jitterFigure({ milliseconds: ms, experts, fresh }: Steps): Figure {
  const explained = (of: Uint32Array): number => correlation(ms, of) ** 2;
  return {
    id: 'cost-jitter',
    title: l10n.t`Jitter, and the experts that a step touched`,
    basis: 'measured',
    help: {
      meaning: l10n.t`Each generated token by the distinct experts of all layers that it touched and the step before had not: their weights are not in the processor’s caches. One sequence alone touches as many experts at each step, unless a limit drops some; batches differ.`,
      formula: l10n.t`r² of latency and number of experts: the share of the variance that goes with it`,
      judge: l10n.t`A small r²: jitter comes from elsewhere, for example from other programs. A large one: keeping experts, or more cache, would help.`,
    },
    text: l10n.t`${allSay(experts, explained(experts))}; ${freshSay(explained(fresh))}.`,
    chart: {
      kind: 'points',
      x: { label: l10n.t`experts that the step before did not touch`, unit: 'count' },
      y: { label: l10n.t`latency`, unit: 'ms', min: 0 },
      series: [{ label: l10n.t`generated token`, x: Array.from(fresh), y: Array.from(ms) }],
    },
    table: {
      columns: [
        { label: l10n.t`generated token`, unit: 'count' },
        { label: l10n.t`latency`, unit: 'ms' },
        { label: l10n.t`distinct experts`, unit: 'count' },
        { label: l10n.t`not touched before`, unit: 'count' },
      ],
      rows: Array.from(ms, (value, i) => [i, value, experts[i]!, fresh[i]!]),
    },
  };
}

/** What the number of experts a step explains of latency. */
function allSay(experts: Uint32Array, r2: number): string {
  if (experts.every((n) => n === experts[0])) {
    return l10n.t`Distinct experts a step are always ${count(experts[0] ?? 0)} and explain nothing`;
  }
  return Number.isNaN(r2)
    ? l10n.t`Distinct experts a step do not change and explain nothing`
    : l10n.t`Distinct experts a step explain ${percent(r2)} of the variance`;
}

/** What those explain that are not the step before’s. */
function freshSay(r2: number): string {
  return Number.isNaN(r2)
    ? l10n.t`those not touched by the step before do not change and explain nothing`
    : l10n.t`those not touched by the step before explain ${percent(r2)} of the variance`;
}
