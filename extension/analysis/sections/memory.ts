/** How much of the weights has to be there, and how much of it does anything? */
import * as l10n from '@vscode/l10n';
import type { Column, Figure } from '../../protocol/report.ts';
import { expertSizes, type ExpertSizes } from '../expertSizes.ts';
import { layerLabel } from '../labels.ts';
import { sentences } from '../lists.ts';
import { count, percent, written } from '../numbers.ts';
import { batchSizes, evenlyTouched, independentlyTouched, touchedExperts } from '../workingSet.ts';
import type { SectionKind } from './kind.ts';
import { basisOf, known, lacksK, layerChoice, NO_K, tokensSeen } from './parts.ts';
import type { Subject } from './subject.ts';

/** From where on hardly an expert stays out of use. */
const NEARLY_ALL = 0.9;

export const memorySection: SectionKind = {
  id: 'memory',
  title: l10n.t`Memory`,
  make: (subject, set) => {
    const layer = layerChoice(
      set,
      subject.loads.map(({ shape }) => shape),
    );
    if (lacksK(subject)) return { lacking: NO_K, controls: [], figures: [] };
    const sizes = expertSizes(subject.model);
    const growth = growthOf(subject);
    if (growth.batches.length === 0) return { verdict: l10n.t`Nothing was routed.`, controls: [], figures: [] };
    const lacking = sentences(
      !subject.trace &&
        l10n.t`Only counts are known: what a batch touches is an expectation for tokens that choose each by themselves.`,
      !sizes && l10n.t`Nothing tells how large the experts are: their number stands for their memory.`,
    );
    return {
      verdict: verdict(growth, sizes),
      ...(lacking === '' ? {} : { lacking }),
      controls: [layer],
      figures: [
        touchedFigure(subject, growth, Number(layer.value)),
        ...(sizes ? [bytesFigure(subject, growth, sizes)] : []),
      ],
    };
  },
};

/** Experts touched by batches. */
interface Growth {
  /** n. */
  readonly batches: readonly number[];
  /** Mean over MoE layers of experts touched / E, by batch; undefined where only counts are known. */
  readonly measured: readonly number[] | undefined;
  /** The same, expected for independent tokens of this load, and of an even one. */
  readonly independent: readonly number[];
  readonly even: readonly number[];
  /** Experts touched by MoE layer and batch: measured, or expected where that is not known. */
  readonly touched: readonly (readonly number[])[];
  /** Whether a limit of the model's own dropped slots, which touch nothing. */
  readonly drops: boolean;
  /** Experts that all tokens together touched, by MoE layer. */
  readonly used: readonly number[];
}

function growthOf(subject: Subject): Growth {
  const { loads, trace } = subject;
  const tokens = tokensSeen(subject);
  const batches = batchSizes(Math.round(Math.max(0, ...tokens)));
  const independent = loads.map(({ counts }, i) => batches.map((n) => independentlyTouched(counts, tokens[i]!, n)));
  const even = loads.map(({ shape }) => batches.map((n) => evenlyTouched(shape.experts, shape.k, n)));
  const measured = trace?.layers.map((layer) => batches.map((n) => touchedExperts(layer, trace.routed, n)));
  const mean = (layers: readonly (readonly number[])[]): number[] =>
    batches.map((_, b) => {
      const shares = layers
        .map((touched, i) => touched[b]! / loads[i]!.shape.experts)
        .filter((share) => !Number.isNaN(share));
      return shares.reduce((sum, share) => sum + share, 0) / shares.length;
    });
  return {
    batches,
    measured: measured && mean(measured),
    independent: mean(independent),
    even: mean(even),
    touched: measured ?? independent,
    drops: loads.some(({ shape, counts }, i) => counts.reduce((sum, c) => sum + c, 0) < tokens[i]! * shape.k),
    used: loads.map(({ counts }) => counts.reduce((n, c) => (c > 0 ? n + 1 : n), 0)),
  };
}

function verdict(growth: Growth, sizes: ExpertSizes | undefined): string {
  const { batches, measured, independent, even, drops } = growth;
  const shares = measured ?? independent;
  const last = batches.length - 1;
  const at = shares.findIndex((share) => share >= NEARLY_ALL);
  const middle = Math.floor(last / 2);
  return sentences(
    sizes &&
      l10n.t`One token reads ${written(readBytes(sizes, growth, 0), 'bytes')} of the ${written(sizes.all.bytes, 'bytes')} that are resident.`,
    at < 0
      ? l10n.t`All ${tokensText(batches[last]!)} touch ${percent(shares[last]!)} of the experts; the others lie in memory for nothing.`
      : l10n.t`From ${tokensText(batches[at]!)} on, a batch touches ${percent(shares[at]!)} of the experts: memory has to hold them all, and what being sparse saves is computing.`,
    measured &&
      !drops &&
      measured[middle]! < 0.9 * even[middle]! &&
      l10n.t`${count(batches[middle]!)} tokens in a row touch ${percent(measured[middle]!)}, where tokens that choose evenly and by themselves would touch ${percent(even[middle]!)}.`,
  );
}

function tokensText(tokens: number): string {
  return tokens === 1 ? l10n.t`one token` : l10n.t`${count(tokens)} tokens`;
}

/** Bytes of the weights that the b-th batch reads once each; of a layer that saw fewer tokens, what all of these read. */
function readBytes({ bytes, rest, lookedUp }: ExpertSizes, { touched, used }: Growth, b: number): number {
  const always = rest.bytes - lookedUp;
  return touched.reduce((sum, layer, i) => sum + (Number.isNaN(layer[b]!) ? used[i]! : layer[b]!) * bytes[i]!, always);
}

const BATCH_AXIS = { label: l10n.t`tokens in a batch`, unit: 'count', log: true } as const;

function touchedFigure(subject: Subject, growth: Growth, at: number): Figure {
  const { loads } = subject;
  const { batches, measured, independent, even, touched } = growth;
  const { shape } = loads[at]!;
  const ofLayer = touched[at]!.map((n) => known(n / shape.experts));
  const lines = [
    ...(measured ? [{ label: l10n.t`this text`, values: measured }] : []),
    { label: l10n.t`tokens of this load by themselves`, values: independent },
    { label: l10n.t`even load`, values: even },
  ];
  const [first] = lines as [(typeof lines)[number], ...typeof lines];
  const last = batches.length - 1;
  return {
    id: 'experts-touched',
    title: l10n.t`Experts that a batch touches`,
    basis: measured ? basisOf(subject) : 'simulated',
    help: {
      meaning: l10n.t`The share of a layer’s experts that at least one of n consecutive tokens goes to: the mean over windows of n tokens, one behind the other, and over MoE layers. Beside it what would be of tokens that choose by themselves, with the load of this text and with an even one.`,
      formula: l10n.t`This load: Σ_e 1 − (1 − c_e/T)^n. Even load: E·(1 − (1 − k/E)^n). Both over E.`,
      judge: l10n.t`Under the even curve, tokens that follow one another share experts, which caches and prefetching can use. Requests of different texts that decode together come nearer to the curve of tokens by themselves.`,
    },
    text: l10n.t`${count(batches[0]!)} token touches ${percent(first.values[0]!)} of the experts, ${count(batches[last]!)} touch ${percent(first.values[last]!)}.`,
    chart: {
      kind: 'lines',
      x: BATCH_AXIS,
      y: { label: l10n.t`share of the experts`, unit: 'percent', min: 0, max: 1 },
      series: [
        ...lines.map(({ label, values }) => ({ label, x: batches, y: values.map(known) })),
        { label: layerLabel(shape), x: batches, y: ofLayer, faint: true },
      ],
    },
    table: {
      columns: [
        { label: l10n.t`tokens`, unit: 'count' },
        ...lines.map(({ label }): Column => ({ label, unit: 'percent' })),
        { label: layerLabel(shape), unit: 'percent' },
        { label: l10n.t`experts of ${layerLabel(shape)}`, unit: 'number' },
      ],
      rows: batches.map((n, b) => [
        n,
        ...lines.map(({ values }) => known(values[b])),
        ofLayer[b]!,
        known(touched[at]![b]),
      ]),
    },
  };
}

function bytesFigure(subject: Subject, growth: Growth, sizes: ExpertSizes): Figure {
  const { model } = subject;
  const { batches, measured } = growth;
  const { all, rest, lookedUp, derived } = sizes;
  const always = rest.bytes - lookedUp;
  const read = batches.map((_, b) => readBytes(sizes, growth, b));
  const last = batches.length - 1;
  return {
    id: 'weights-read',
    title: l10n.t`Weights that a batch reads`,
    basis: measured ? basisOf(subject) : 'simulated',
    help: {
      meaning: sentences(
        l10n.t`Of ${written(all.bytes, 'bytes')} of weights in ${model.precision}, what a batch reads if it reads each once: the experts that it touches, and all that is no routed expert, ${written(always, 'bytes')}.`,
        lookedUp > 0 && l10n.t`Embeddings are left out: of them a token reads one row.`,
        derived &&
          l10n.t`How large an expert is follows from the parameters in all and active, if all experts are of one size.`,
      ),
      formula: l10n.t`bytes = rest + Σ over MoE layers of experts touched × bytes of an expert`,
      judge: l10n.t`Decoding waits for memory: the fewer bytes a token reads, the faster it goes. A larger batch shares them among its tokens.`,
    },
    text: l10n.t`One token reads ${written(read[0]!, 'bytes')}, ${count(batches[last]!)} tokens read ${written(read[last]!, 'bytes')}; ${written(all.bytes, 'bytes')} are resident.`,
    chart: {
      kind: 'lines',
      x: BATCH_AXIS,
      y: { label: l10n.t`bytes read`, unit: 'bytes', min: 0 },
      series: [{ label: l10n.t`read by the batch`, x: batches, y: read.map(known) }],
      yardstick: { value: all.bytes, label: l10n.t`resident` },
    },
    table: {
      columns: [
        { label: l10n.t`tokens`, unit: 'count' },
        { label: l10n.t`read`, unit: 'bytes' },
        { label: l10n.t`of what is resident`, unit: 'percent' },
        { label: l10n.t`a token`, unit: 'bytes' },
      ],
      rows: batches.map((n, b) => [n, known(read[b]), known(read[b]! / all.bytes), known(read[b]! / n)]),
    },
  };
}
