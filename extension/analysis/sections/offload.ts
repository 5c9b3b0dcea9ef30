/** What if the device cannot hold all experts? Replayed on the routing of the text; nothing of it runs. */
import * as l10n from '@vscode/l10n';
import type { Control, Figure, Parameters } from '../../protocol/report.ts';
import type { LayerCounts } from '../../protocol/trace.ts';
import { hottestFirst, replayCache, staticHits, type CachePolicy, type CacheReplay } from '../expertCache.ts';
import { expertSizes, type ExpertSizes } from '../expertSizes.ts';
import { layerLabel } from '../labels.ts';
import { listed, sentences } from '../lists.ts';
import { count, percent, written } from '../numbers.ts';
import { choice, numberBox, slider } from './controls.ts';
import type { SectionKind } from './kind.ts';
import { basisOf, known, matchingLoads } from './parts.ts';
import type { Subject } from './subject.ts';

const POLICY_NAMES: Readonly<Record<CachePolicy, string>> = {
  lru: 'LRU',
  lfu: 'LFU',
  static: l10n.t`hottest kept`,
};

/** Slots of all layers that are replayed at most; what is beyond is not, so that the answer is there at once. */
const MOST_SLOTS = 500_000;

export const offloadSection: SectionKind = {
  id: 'offload',
  title: l10n.t`Scarce memory`,
  make: (subject, set) => {
    const choices = choicesOf(subject, set);
    const sizes = expertSizes(subject.model);
    const replay = replayOf(subject, choices.hottest);
    if (replay.accesses === 0) return { verdict: l10n.t`Nothing was routed.`, controls: choices.controls, figures: [] };
    const lacking = sentences(
      !subject.trace && l10n.t`Only counts are known, not their order: LRU and LFU cannot be replayed.`,
      replay.cut !== undefined &&
        l10n.t`The first ${count(replay.cut)} tokens are replayed: more would take longer than a moment.`,
      !sizes && l10n.t`Nothing tells how large the experts are, so that bytes and times are left out.`,
    );
    return {
      verdict: verdict(subject, replay, choices, sizes),
      ...(lacking === '' ? {} : { lacking }),
      controls: choices.controls,
      figures: [
        hitFigure(replay, choices),
        ...(sizes ? [movedFigure(subject, replay, choices, sizes)] : []),
        keepFigure(subject, choices),
      ],
    };
  },
};

interface Choices {
  readonly controls: readonly Control[];
  /** Experts of each layer that the device holds. */
  readonly room: number;
  /** What the static choice goes by. */
  readonly hottest: readonly LayerCounts[];
  readonly hottestOf: string;
  /** Bytes per second from where the other experts are. */
  readonly bandwidth: number;
}

function choicesOf(subject: Subject, set: Parameters): Choices {
  const experts = Math.max(...subject.loads.map(({ shape }) => shape.experts));
  const room = slider(set, {
    id: 'room',
    label: l10n.t`Experts of a layer on the device`,
    min: 1,
    max: experts,
    step: 1,
    value: Math.max(1, Math.round(experts / 2)),
    unit: 'count',
  });
  const bandwidth = numberBox(set, {
    id: 'bandwidth',
    label: l10n.t`Fetched with`,
    min: 0.01,
    max: 1e5,
    value: 25,
    unit: 'GB/s',
  });
  const other = matchingLoads(subject);
  const from = choice(set, {
    id: 'from',
    label: l10n.t`The hottest of`,
    options: [
      { value: 'this', label: subject.name },
      ...(other ? [{ value: 'other', label: subject.evidence.other!.name }] : []),
    ],
    value: 'this',
  });
  const isOther = from.value === 'other';
  return {
    controls: [room, bandwidth, ...(other ? [from] : [])],
    room: Math.floor(room.value),
    hottest: isOther ? other! : subject.loads,
    hottestOf: isOther ? subject.evidence.other!.name : subject.name,
    bandwidth: bandwidth.value * 1e9,
  };
}

/** What caches of every size would have served, by MoE layer and over all. */
interface Replay {
  readonly layers: readonly { readonly hits: Partial<CacheReplay['hits']>; readonly accesses: number }[];
  /** Tokens that the layer with most of them saw. */
  readonly tokens: number;
  readonly accesses: number;
  /** Tokens that were replayed, where that is not all. */
  readonly cut: number | undefined;
}

function replayOf({ loads, trace }: Subject, hottest: readonly LayerCounts[]): Replay {
  if (!trace) {
    const layers = loads.map(({ counts }, i) => ({
      hits: { static: staticHits(counts, hottest[i]!.counts) },
      accesses: counts.reduce((sum, c) => sum + c, 0),
    }));
    const tokens = Math.max(...layers.map(({ accesses }, i) => accesses / loads[i]!.shape.k));
    return { layers, tokens, accesses: layers.reduce((sum, l) => sum + l.accesses, 0), cut: undefined };
  }
  const slots = trace.layers.reduce((sum, { k }) => sum + k, 0);
  const to = Math.min(trace.routed, Math.ceil(MOST_SLOTS / slots));
  const layers = trace.layers.map((layer, i) => replayCache(layer, to, hottest[i]!.counts));
  return {
    layers,
    tokens: Math.max(...layers.map(({ tokens }) => tokens)),
    accesses: layers.reduce((sum, l) => sum + l.accesses, 0),
    cut: to < trace.routed ? to : undefined,
  };
}

/** Of all accesses the share that a cache of c experts a layer serves. */
function hitRate({ layers, accesses }: Replay, policy: CachePolicy, c: number): number {
  const hits = layers.reduce((sum, { hits }) => sum + atMost(hits[policy], c), 0);
  return hits / accesses;
}

/** Where a layer has fewer experts than c, it holds them all. */
function atMost(hits: Float64Array | undefined, c: number): number {
  return hits ? hits[Math.min(c, hits.length - 1)]! : NaN;
}

/** Bytes fetched for a token. */
function movedBytes({ layers, tokens }: Replay, policy: CachePolicy, c: number, { bytes }: ExpertSizes): number {
  return (
    layers.reduce((sum, { hits, accesses }, i) => sum + (accesses - atMost(hits[policy], c)) * bytes[i]!, 0) / tokens
  );
}

/** Bytes on the device: all that is no routed expert, and c experts of each layer. */
function heldBytes({ loads }: Subject, c: number, { bytes, rest }: ExpertSizes): number {
  return loads.reduce((sum, { shape }, i) => sum + Math.min(c, shape.experts) * bytes[i]!, rest.bytes);
}

function policiesOf({ layers }: Replay): CachePolicy[] {
  return layers[0]!.hits.lru ? ['lru', 'lfu', 'static'] : ['static'];
}

function roomsOf({ layers }: Replay): number[] {
  const experts = Math.max(...layers.map(({ hits }) => hits.static!.length - 1));
  return Array.from({ length: experts }, (_, c) => c + 1);
}

function verdict(
  subject: Subject,
  replay: Replay,
  { room, bandwidth, hottestOf }: Choices,
  sizes: ExpertSizes | undefined,
): string {
  const policies = policiesOf(replay);
  const best = policies.reduce((a, b) => (hitRate(replay, b, room) > hitRate(replay, a, room) ? b : a));
  const rates = listed(policies.map((policy) => rateText(policy, percent(hitRate(replay, policy, room)))));
  const moved = sizes ? movedBytes(replay, best, room, sizes) : NaN;
  const enough = roomsOf(replay).find((c) => hitRate(replay, best, c) >= 0.9);
  return sentences(
    sizes
      ? l10n.t`With ${room} experts of each layer on the device (${written(heldBytes(subject, room, sizes), 'bytes')} instead of ${written(sizes.all.bytes, 'bytes')}), it has what a token of ${subject.name} asks for: ${rates}.`
      : l10n.t`With ${room} experts of each layer on the device, it has what a token of ${subject.name} asks for: ${rates}.`,
    sizes &&
      l10n.t`The best of them fetches ${written(moved, 'bytes')} a token, ${written((1000 * moved) / bandwidth, 'ms')} at ${written(bandwidth / 1e9, 'number')} GB/s.`,
    enough !== undefined && l10n.t`Nine of ten are found from ${enough} experts a layer on.`,
    l10n.t`The hottest are those of ${hottestOf}. One token at a time, nothing fetched ahead.`,
  );
}

function rateText(policy: CachePolicy, rate: string): string {
  return policy === 'static' ? l10n.t`${rate} with the hottest kept` : l10n.t`${rate} with ${POLICY_NAMES[policy]}`;
}

function hitFigure(replay: Replay, { room }: Choices): Figure {
  const policies = policiesOf(replay);
  const rooms = roomsOf(replay);
  const rates = policies.map((policy) => rooms.map((c) => known(hitRate(replay, policy, c))));
  return {
    id: 'cache-hits',
    title: l10n.t`Experts found on the device`,
    basis: 'simulated',
    help: {
      meaning: l10n.t`Of the experts that tokens ask for, one token after the other, the share that is on the device when it holds c of each MoE layer. What is not is fetched. It takes the place of the least recently used expert (LRU), of the least frequently used one (LFU), or of none, where the hottest are kept. LRU and LFU begin empty.`,
      formula: l10n.t`hit rate = hits / slots, for all c at once by stack distance`,
      source: l10n.t`Mattson et al., IBM Systems Journal 9 (1970). Offloading of experts: Eliseev and Mazur, arXiv 2312.17238.`,
      judge: l10n.t`High with few experts: tokens that follow one another go to the same. On the diagonal, holding an expert is no better than chance.`,
    },
    text: l10n.t`With ${room} experts a layer: ${listed(policies.map((p) => `${POLICY_NAMES[p]} ${percent(hitRate(replay, p, room))}`))}.`,
    chart: {
      kind: 'lines',
      x: { label: l10n.t`experts of a layer on the device`, unit: 'count', min: 0 },
      y: { label: l10n.t`found there`, unit: 'percent', min: 0, max: 1 },
      series: policies.map((policy, i) => ({ label: POLICY_NAMES[policy], x: rooms, y: rates[i]! })),
      at: room,
    },
    table: {
      columns: [
        { label: l10n.t`experts on the device`, unit: 'count' },
        ...policies.map((policy) => ({ label: POLICY_NAMES[policy], unit: 'percent' as const })),
      ],
      rows: rooms.map((c, i) => [c, ...rates.map((rate) => rate[i]!)]),
    },
  };
}

function movedFigure(subject: Subject, replay: Replay, { room, bandwidth }: Choices, sizes: ExpertSizes): Figure {
  const policies = policiesOf(replay);
  const rooms = roomsOf(replay);
  const moved = policies.map((policy) => rooms.map((c) => movedBytes(replay, policy, c, sizes)));
  const least = (i: number): number => Math.min(...moved.map((bytes) => bytes[i]!));
  const held = (c: number): number => heldBytes(subject, c, sizes);
  return {
    id: 'cache-bytes',
    title: l10n.t`Bytes fetched for a token`,
    basis: 'simulated',
    help: {
      meaning: l10n.t`Weights of experts that come to the device for a token, all MoE layers together, and the time that takes at the given bandwidth.`,
      formula: l10n.t`Σ over layers of misses × bytes of an expert / tokens; time = bytes / bandwidth`,
      judge: l10n.t`Where the time is more than a decoding step may take, more memory or fewer bits a weight pay.`,
    },
    text: l10n.t`With ${room} experts a layer at least ${written(least(room - 1), 'bytes')} a token, which takes ${written((1000 * least(room - 1)) / bandwidth, 'ms')}; ${written(held(room), 'bytes')} are on the device.`,
    chart: {
      kind: 'lines',
      x: { label: l10n.t`experts of a layer on the device`, unit: 'count', min: 0 },
      y: { label: l10n.t`fetched for a token`, unit: 'bytes', min: 0 },
      series: policies.map((policy, i) => ({ label: POLICY_NAMES[policy], x: rooms, y: moved[i]!.map(known) })),
      at: room,
    },
    table: {
      columns: [
        { label: l10n.t`experts on the device`, unit: 'count' },
        { label: l10n.t`device memory`, unit: 'bytes' },
        ...policies.map((policy) => ({ label: POLICY_NAMES[policy], unit: 'bytes' as const })),
        { label: l10n.t`time of the least`, unit: 'ms' },
      ],
      rows: rooms.map((c, i) => [
        c,
        held(c),
        ...moved.map((bytes) => known(bytes[i])),
        known((1000 * least(i)) / bandwidth),
      ]),
    },
  };
}

function keepFigure(subject: Subject, { room, hottest, hottestOf }: Choices): Figure {
  const rows = subject.loads.map(({ shape, counts }, i) => {
    const kept = hottestFirst(hottest[i]!.counts).slice(0, room);
    const total = counts.reduce((sum, c) => sum + c, 0);
    const served = kept.reduce((sum, e) => sum + counts[e]!, 0) / total;
    return [layerLabel(shape), known(served), kept.map((e) => `E${e}`).join(' ')];
  });
  return {
    id: 'cache-keep',
    title: l10n.t`The ${room} experts of each layer to keep`,
    basis: basisOf(subject),
    help: {
      meaning: l10n.t`The experts with most slots of ${hottestOf}, hottest first, and the share of this text’s slots that they serve.`,
      judge: l10n.t`A choice for one kind of text may be a bad one for another: choose by the texts that you serve.`,
    },
    text: l10n.t`The hottest ${room} experts of each of ${rows.length} layers.`,
    table: {
      columns: [
        { label: l10n.t`layer`, unit: 'text' },
        { label: l10n.t`serve`, unit: 'percent' },
        { label: l10n.t`keep`, unit: 'text' },
      ],
      rows,
    },
  };
}
