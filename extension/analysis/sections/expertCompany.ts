/** The experts near one expert: its partners, its likes, and where its tokens come from and go to. */
import * as l10n from '@vscode/l10n';
import type { Cell, Figure } from '../../protocol/report.ts';
import type { ExpertRef } from '../../protocol/trace.ts';
import { neighbours, partners } from '../folder/coActivation.ts';
import type { LayerPatterns } from '../folder/patterns.ts';
import { layerLabel } from '../labels.ts';
import { basisOf, known } from './parts.ts';
import type { Subject } from './subject.ts';

const LISTED = 8;

/** The expert that a report is about, by the position of its layer. */
export interface Chosen {
  readonly at: number;
  readonly expert: number;
  /** As it is called: E3 of L5. */
  readonly name: string;
}

/** Those that it works with, those that keep the same company, and where its tokens come from and go to. */
export function company(
  subject: Subject,
  { at, expert, name }: Chosen,
  here: LayerPatterns,
  last: LayerPatterns | undefined,
  next: LayerPatterns | undefined,
): Figure[] {
  const rows = companions({ at, expert }, here, last, next);
  return [
    {
      id: 'expert-company',
      title: l10n.t`Company of ${name}`,
      basis: basisOf(subject),
      help: {
        meaning: l10n.t`The experts that are chosen for the same tokens; those that are chosen with the same others, and may stand in for it; and, by top experts, where its tokens come from and go to.`,
        formula: l10n.t`chosen with: N_ij / N_i, and times chance N_ij / (a_i·a_j), with a as in “Closest pairs”. The same company: cosine of the two rows of N, without each other. From and to: share of the tokens for which it comes first, and times chance N_ij·N / (N_i·N_j).`,
        source: l10n.t`Co-activation: OLMoE, arXiv 2409.02060, section 5`,
      },
      text: l10n.t`${name} has ${rows.length} experts near it.`,
      table: {
        columns: [
          { label: l10n.t`expert`, unit: 'text' },
          { label: l10n.t`how`, unit: 'text' },
          { label: l10n.t`tokens`, unit: 'count' },
          { label: l10n.t`share, or cosine`, unit: 'percent' },
          { label: l10n.t`times chance`, unit: 'times' },
        ],
        rows: rows.map(({ cells }) => cells),
        experts: rows.map((row) => row.expert),
      },
    },
  ];
}

interface Companion {
  readonly expert: ExpertRef;
  readonly cells: readonly Cell[];
}

/** Each of them, the nearest of a kind first. */
function companions(
  { at, expert }: Pick<Chosen, 'at' | 'expert'>,
  here: LayerPatterns,
  last: LayerPatterns | undefined,
  next: LayerPatterns | undefined,
): Companion[] {
  const { pairs, chosen, first, shape } = here;
  const tokens = first.reduce((sum, n) => sum + n, 0);
  const rows: Companion[] = [];
  const add = (
    what: string,
    layer: number,
    other: number,
    both: number | null,
    share: number,
    lift: number | null,
  ): void => {
    rows.push({ expert: { layer, expert: other }, cells: [`E${other}`, what, both, known(share), lift] });
  };
  for (const { expert: other, tokens: both, share, lift } of partners(pairs!.all, chosen, expert).slice(0, LISTED)) {
    add(l10n.t`chosen with`, at, other, both, share, known(lift));
  }
  for (const { expert: other, cosine } of neighbours(pairs!.all, shape.experts, expert).slice(0, LISTED)) {
    add(l10n.t`keeps the same company as`, at, other, null, cosine, null);
  }
  if (last?.pairs?.next) {
    for (const [other, both] of heaviest(last.first.length, (i) => last.pairs!.next![i * shape.experts + expert]!)) {
      add(
        l10n.t`comes from ${layerLabel(last.shape)}`,
        at - 1,
        other,
        both,
        both / first[expert]!,
        known((both * tokens) / (first[expert]! * last.first[other]!)),
      );
    }
  }
  if (next && pairs?.next) {
    for (const [other, both] of heaviest(next.first.length, (j) => pairs.next![expert * next.shape.experts + j]!)) {
      add(
        l10n.t`goes to ${layerLabel(next.shape)}`,
        at + 1,
        other,
        both,
        both / first[expert]!,
        known((both * tokens) / (first[expert]! * next.first[other]!)),
      );
    }
  }
  return rows;
}

function heaviest(experts: number, tokens: (expert: number) => number): [number, number][] {
  return Array.from({ length: experts }, (_, e): [number, number] => [e, tokens(e)])
    .filter(([, n]) => n > 0)
    .sort(([, a], [, b]) => b - a)
    .slice(0, LISTED / 2);
}
