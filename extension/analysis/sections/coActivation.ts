/** Which experts work on the same tokens, and which follow each other from layer to layer? */
import * as l10n from '@vscode/l10n';
import type { Figure } from '../../protocol/report.ts';
import { strongestPairs } from '../folder/coActivation.ts';
import type { LayerPatterns } from '../folder/patterns.ts';
import { layerLabel } from '../labels.ts';
import { listed } from '../lists.ts';
import { percent, times } from '../numbers.ts';
import { choice } from './controls.ts';
import type { SectionKind } from './kind.ts';
import { basisOf, heatMap, known, layerChoice, NO_TRACE } from './parts.ts';
import { patternsOf } from './patterns.ts';
import type { Subject } from './subject.ts';

/** Experts that a chart of pairs shows: of larger layers those of the strongest pairs. */
const SHOWN = 32;
const LISTED = 24;
/** Tokens that an expert must have to be in a list of pairs. */
const FEWEST_TOKENS = 50;

const SOURCE = l10n.t`OLMoE, arXiv 2409.02060, section 5`;

export const coActivationSection: SectionKind = {
  id: 'coactivation',
  title: l10n.t`Co-activation`,
  make: (subject, set) => {
    const layer = layerChoice(
      set,
      subject.loads.map(({ shape }) => shape),
    );
    const patterns = patternsOf(subject);
    if (!patterns) return { lacking: NO_TRACE, controls: [], figures: [] };
    const at = Number(layer.value);
    const here = patterns.layer(at)!;
    if (!here.pairs) {
      const lacking = l10n.t`The layers of this model have too many experts to count their pairs: that takes E² numbers a layer.`;
      return { lacking, controls: [], figures: [] };
    }
    const kind = choice(set, {
      id: 'pairs',
      label: l10n.t`Pairs`,
      options: [
        { value: 'all', label: l10n.t`all of a token` },
        { value: 'adjacent', label: l10n.t`next in weight` },
      ],
      value: 'all',
    });
    const next = patterns.layer(at + 1);
    const single = here.shape.k < 2;
    return {
      verdict: single ? l10n.t`One expert a token: no two work on the same one.` : verdict(here),
      controls: single ? [layer] : [layer, kind],
      figures: [
        ...(single ? [] : [pairHeat(subject, here, kind.value), ...pairTable(subject, at, here, kind.value)]),
        ...(next && here.pairs.next ? [flowHeat(subject, at, here, next)] : []),
      ],
    };
  },
};

function tokensOf({ first }: LayerPatterns): number {
  return first.reduce((sum, n) => sum + n, 0);
}

function verdict(here: LayerPatterns): string {
  const { shape, pairs, chosen } = here;
  const [pair] = strongestPairs(pairs!.all, chosen, FEWEST_TOKENS);
  if (!pair) return l10n.t`Too few tokens to tell: two experts need ${FEWEST_TOKENS} each.`;
  const { i, j, strength, lift } = pair;
  const [rare, common] = chosen[i]! <= chosen[j]! ? [i, j] : [j, i];
  return l10n.t`At ${layerLabel(shape)} the closest two are E${rare} and E${common}: where E${rare} is chosen, so is E${common} for ${percent(strength)} of tokens, ${times(lift)} as often as chance would have it.`;
}

/** Experts of the strongest pairs, in their own order. */
function shownOf({ shape, chosen }: LayerPatterns, pairs: Uint32Array): number[] {
  if (shape.experts <= SHOWN) return Array.from(chosen.keys());
  const shown = new Set<number>();
  for (const { i, j } of strongestPairs(pairs, chosen, FEWEST_TOKENS)) {
    if (shown.size >= SHOWN) break;
    shown.add(i).add(j);
  }
  return [...shown].sort((a, b) => a - b);
}

function pairHeat(subject: Subject, here: LayerPatterns, kind: 'all' | 'adjacent'): Figure {
  const { shape, chosen } = here;
  const pairs = here.pairs![kind];
  const shown = shownOf(here, pairs);
  const names = shown.map((e) => `E${e}`);
  const values = shown.flatMap((i) =>
    shown.map((j) => (i === j ? null : known(pairs[i * shape.experts + j]! / chosen[i]!))),
  );
  const most = Math.max(0, ...values.map((v) => v ?? 0));
  return {
    id: 'pairs',
    title: l10n.t`Experts together, ${layerLabel(shape)}`,
    basis: basisOf(subject),
    help: {
      meaning:
        shape.experts > SHOWN
          ? l10n.t`Of the tokens for which the expert of the row is chosen, the share for which that of the column is, too; the ${shown.length} experts of the strongest pairs.`
          : l10n.t`Of the tokens for which the expert of the row is chosen, the share for which that of the column is, too.`,
      formula:
        kind === 'all'
          ? l10n.t`N_ij / N_i over all pairs of a token’s experts; a row sums to k − 1 over all experts`
          : l10n.t`N_ij / N_i over pairs that are next to each other by weight, as in the script published with OLMoE`,
      source: SOURCE,
      judge: l10n.t`Pairs that are there together most of the time may do one thing in two parts; where experts lie on several devices, together they save transfers.`,
    },
    text: l10n.t`Co-activation of ${shown.length} experts at ${layerLabel(shape)}: at most ${percent(most)}.`,
    ...heatMap({
      rows: { label: l10n.t`expert`, names },
      columns: { label: l10n.t`is chosen with`, names },
      values,
      unit: 'percent',
      scale: 'sequential',
      min: 0,
      max: most || 1,
    }),
  };
}

function pairTable(subject: Subject, at: number, here: LayerPatterns, kind: 'all' | 'adjacent'): Figure[] {
  const { shape, chosen } = here;
  const pairs = here.pairs![kind];
  const closest = strongestPairs(pairs, chosen, FEWEST_TOKENS).slice(0, LISTED);
  // The verdict says so.
  if (closest.length === 0) return [];
  return [
    {
      id: 'closest-pairs',
      title: l10n.t`Closest pairs, ${layerLabel(shape)}`,
      basis: basisOf(subject),
      help: {
        meaning: l10n.t`Pairs of experts that come together most, of those with ${FEWEST_TOKENS} tokens or more.`,
        formula: l10n.t`N_ij / min(N_i, N_j), and as a multiple of what chance would give: N_ij / (a_i·a_j), with a such that Σ_j≠i a_i·a_j = Σ_j≠i N_ij. N_i·N_j / N would be too much, since a token’s experts differ.`,
        source: l10n.t`OLMoE, arXiv 2409.02060, section 5. Quasi-independence: Goodman, JASA 63 (1968)`,
        judge: l10n.t`Near 1 times chance the two know nothing of each other.`,
      },
      text: l10n.t`Closest of all: ${listed(closest.slice(0, 3).map(pairName))}.`,
      table: {
        columns: [
          { label: l10n.t`pair`, unit: 'text' },
          { label: l10n.t`tokens together`, unit: 'count' },
          { label: l10n.t`of the rarer one’s`, unit: 'percent' },
          { label: l10n.t`times chance`, unit: 'times' },
        ],
        rows: closest.map(({ i, j, tokens: together, strength, lift }) => [
          pairName({ i, j }),
          together,
          strength,
          known(lift),
        ]),
        experts: closest.map(({ i }) => ({ layer: at, expert: i })),
      },
    },
  ];
}

function pairName({ i, j }: { readonly i: number; readonly j: number }): string {
  return l10n.t`E${i} and E${j}`;
}

function flowHeat(subject: Subject, at: number, here: LayerPatterns, next: LayerPatterns): Figure {
  const { shape } = here;
  const there = next.shape;
  const counts = here.pairs!.next!;
  const flows = Array.from(counts, (tokens, at_) => ({
    from: Math.floor(at_ / there.experts),
    to: at_ % there.experts,
    tokens,
  })).filter(({ from }) => here.first[from]! >= FEWEST_TOKENS);
  const strongest = flows
    .sort((a, b) => b.tokens / here.first[b.from]! - a.tokens / here.first[a.from]!)
    .slice(0, LISTED);
  const pick = (experts: number, firsts: Float64Array): number[] =>
    Array.from({ length: experts }, (_, e) => e)
      .sort((a, b) => firsts[b]! - firsts[a]!)
      .slice(0, SHOWN)
      .sort((a, b) => a - b);
  const [rows, columns] = [pick(shape.experts, here.first), pick(there.experts, next.first)];
  const values = rows.flatMap((i) => columns.map((j) => known(counts[i * there.experts + j]! / here.first[i]!)));
  const tokens = tokensOf(next);
  const [best] = strongest;
  return {
    id: 'flow',
    title: l10n.t`From ${layerLabel(shape)} to ${layerLabel(there)}`,
    basis: basisOf(subject),
    help: {
      meaning: l10n.t`Of the tokens whose top expert here is that of the row, the share whose top expert at the next MoE layer is that of the column.`,
      formula: l10n.t`tokens whose top expert is i here and j there / tokens whose top expert is i here`,
      judge: l10n.t`Rows that all look alike: the next layer decides anew. A cell of a high share is a path that tokens take together; experts along one can be fetched ahead.`,
    },
    text: best
      ? l10n.t`Strongest path: E${best.from} to E${best.to}, for ${percent(best.tokens / here.first[best.from]!)} of E${best.from}’s tokens.`
      : l10n.t`No expert of ${layerLabel(shape)} comes first for ${FEWEST_TOKENS} tokens.`,
    chart: {
      kind: 'heat',
      rows: { label: layerLabel(shape), names: rows.map((e) => `E${e}`) },
      columns: { label: layerLabel(there), names: columns.map((e) => `E${e}`) },
      values,
      unit: 'percent',
      scale: 'sequential',
      min: 0,
      max: Math.max(0, ...values.map((v) => v ?? 0)) || 1,
    },
    table: {
      columns: [
        { label: layerLabel(shape), unit: 'text' },
        { label: layerLabel(there), unit: 'text' },
        { label: l10n.t`tokens`, unit: 'count' },
        { label: l10n.t`of its tokens`, unit: 'percent' },
        { label: l10n.t`times chance`, unit: 'times' },
      ],
      rows: strongest.map(({ from, to, tokens: both }) => [
        `E${from}`,
        `E${to}`,
        both,
        both / here.first[from]!,
        known((both * tokens) / (here.first[from]! * next.first[to]!)),
      ]),
      experts: strongest.map(({ from }) => ({ layer: at, expert: from })),
    },
  };
}
