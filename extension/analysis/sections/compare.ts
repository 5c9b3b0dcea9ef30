/** How does this run differ from another: of another model, another precision, another text? */
import * as l10n from '@vscode/l10n';
import type { Control, Figure } from '../../protocol/report.ts';
import type { RoutingTrace } from '../../protocol/trace.ts';
import { balance, meanBalance, type Balance, type MeanBalance } from '../balance.ts';
import { alignedAgreement, commonOf, LEAST_BLOCKS, loadTests, type Common, type LoadTests } from '../comparison.ts';
import { sameExperts, sameShapes } from '../sameExperts.ts';
import { coldShare } from '../load.ts';
import { listed, sentences } from '../lists.ts';
import { count, fixed, percent, times } from '../numbers.ts';
import { ranText } from '../ranText.ts';
import { groupsFigure, flipsFigures } from './compareTokens.ts';
import { balanceFigure, balanceTable, loadFigure, tokenFigure } from './compareLoads.ts';
import { numberBox, toggle } from './controls.ts';
import type { SectionKind } from './kind.ts';
import { basisOf, known, layerChoice } from './parts.ts';
import type { Subject } from './subject.ts';

/** Blocks that a text is cut into unless the user says how long they are. */
const BLOCKS = 40;
const LEAST_BLOCK = 8;

/** The two sides, as figures name them. */
export interface Sides {
  readonly a: Subject;
  readonly b: Subject;
  readonly names: readonly [string, string];
  /** Whether expert e of the one is expert e of the other. */
  readonly same: boolean;
  readonly balances: readonly [readonly Balance[], readonly Balance[]];
  readonly means: readonly [MeanBalance, MeanBalance];
}

const WITH: Control = { kind: 'action', id: 'with', label: l10n.t`Compare With…`, primary: true };
const BUNDLED: Control = { kind: 'action', id: 'bundled', label: l10n.t`Compare Bundled Models` };

export const compareSection: SectionKind = {
  id: 'compare',
  title: l10n.t`Compare`,
  make: (a, set) => {
    const b = a.evidence.other;
    const actions = a.text === undefined ? [WITH] : [WITH, BUNDLED];
    if (!b) {
      return {
        lacking: l10n.t`Nothing to compare with yet: another text that was routed, another model’s routing of this one, or both bundled models.`,
        controls: actions,
        figures: [],
      };
    }
    const comparable = sameShapes(a.model, b.model);
    const assumed = sameExperts(a.model, b.model);
    const match = toggle(set, { id: 'same', label: l10n.t`Experts have the same numbers in both`, value: assumed });
    const layer = layerChoice(
      set,
      a.loads.map(({ shape }) => shape),
    );
    const tokens = Math.min(a.trace?.routed ?? 0, b.trace?.routed ?? 0);
    const block = numberBox(set, {
      id: 'block',
      label: l10n.t`Tokens of a block`,
      min: LEAST_BLOCK,
      max: 4096,
      value: Math.max(LEAST_BLOCK, Math.min(4096, Math.floor(tokens / BLOCKS))),
    });
    const balancesOf = ({ loads }: Subject): Balance[] =>
      loads.map(({ shape, counts }) => balance(counts, coldShare(shape.experts)));
    const balances = [balancesOf(a), balancesOf(b)] as const;
    const means = [meanBalance(balances[0]), meanBalance(balances[1])] as const;
    const sides: Sides = { a, b, names: namesOf(a, b), same: comparable && match.value, balances, means };
    const controls = [layer, ...(comparable ? [match] : []), ...(a.trace && b.trace ? [block] : []), ...actions];
    const loads = [balanceFigure(sides), loadFigure(sides, Number(layer.value)), balanceTable(sides)];
    if (!a.trace || !b.trace) {
      const lacking =
        a.trace || b.trace
          ? l10n.t`Of one of them only counts are known: there is no test of the difference, and no token to compare.`
          : l10n.t`Of both only counts are known: there is no test of the difference, and no token to compare.`;
      return { verdict: verdict(sides, undefined), lacking, controls, figures: loads };
    }
    const common = commonOf({ text: a.text, trace: a.trace }, { text: b.text, trace: b.trace });
    const tests = comparable ? loadTests(a.trace, b.trace, common, block.value, sides.same) : undefined;
    const lacking = missing(sides, comparable, tests, common);
    return {
      verdict: verdict(sides, tests),
      ...(lacking === undefined ? {} : { lacking }),
      controls,
      figures: [
        ...loads,
        ...(tests ? [testFigure(sides, tests, block.value)] : []),
        tokenFigure(sides, a.trace, b.trace, common),
        ...tokenFigures(sides, a.trace, b.trace, common),
      ],
    };
  },
};

function tokenFigures(sides: Sides, a: RoutingTrace, b: RoutingTrace, common: Common): Figure[] {
  if (!common.oneText) return [];
  const choices = a.layers.every((layer, i) => layer.k === b.layers[i]?.k);
  if (!sides.same || !choices) return [groupsFigure(sides, a, b, common)];
  return flipsFigures(sides, alignedAgreement(a, b, common.alignment));
}

function verdict({ names, means, same }: Sides, tests: LoadTests | undefined): string {
  const [a, b] = names;
  const [one, other] = means;
  const both = sentences(
    l10n.t`The hottest expert of a layer takes ${times(one.maxVio + 1)} the even share with ${a}, ${times(other.maxVio + 1)} with ${b} (mean of layers).`,
    l10n.t`Of the experts, ${percent(one.coldFraction)} are cold with ${a}, ${percent(other.coldFraction)} with ${b}.`,
  );
  if (!tests) return both;
  const { balance: test, loads, blocks, part } = tests;
  const [p, permutations] = [fixed(test.p, 3), count(test.permutations)];
  const cut = blocks[0] === blocks[1] ? count(blocks[0]) : l10n.t`${count(blocks[0])} and ${count(blocks[1])}`;
  if (part !== undefined) {
    const apart = fixed(test.observed, 2);
    return sentences(
      both,
      test.p < 0.05
        ? l10n.t`On ${count(part)} of the tokens that both have, MaxVio differs by ${apart}, more than chance would explain (p = ${p}), by ${permutations} permutations of ${cut} blocks of tokens.`
        : l10n.t`On ${count(part)} of the tokens that both have, MaxVio differs by ${apart}, which may be chance (p = ${p}), by ${permutations} permutations of ${cut} blocks of tokens.`,
      same &&
        l10n.t`On these tokens, loads differ by ${percent(loads.observed)} of the choices (p = ${fixed(loads.p, 3)}).`,
    );
  }
  return sentences(
    both,
    test.p < 0.05
      ? l10n.t`The difference of MaxVio is more than chance (p = ${p}), by ${permutations} permutations of ${cut} blocks of tokens.`
      : l10n.t`Chance may make such a difference of MaxVio (p = ${p}), by ${permutations} permutations of ${cut} blocks of tokens.`,
    same && l10n.t`The loads differ by ${percent(loads.observed)} of the choices (p = ${fixed(loads.p, 3)}).`,
  );
}

function missing(
  { a, b }: Sides,
  comparable: boolean,
  tests: LoadTests | undefined,
  { oneText }: Common,
): string | undefined {
  if (!comparable) {
    return l10n.t`The models have other numbers of layers or experts, so that the difference cannot be tested by exchanging parts of their runs.`;
  }
  if (!tests) {
    return l10n.t`Fewer than ${LEAST_BLOCKS} blocks of tokens are no test of the difference: take shorter blocks, or longer texts.`;
  }
  return oneText || a.text === undefined || b.text === undefined
    ? undefined
    : l10n.t`The texts are two: their loads are compared, their tokens cannot be.`;
}

function testFigure(
  { a, b, names, same }: Sides,
  { exchange, blocks, part, maxVio, balance: test, loads }: LoadTests,
  size: number,
): Figure {
  const how =
    exchange === 'pairs'
      ? l10n.t`Both runs are cut into the same ${blocks[0]} blocks of ${size} consecutive tokens. If they route alike, it does not matter which of the two a block is taken from: each pair of blocks changes sides with even odds.`
      : l10n.t`The texts are cut into ${blocks[0]} and ${blocks[1]} blocks of ${size} consecutive tokens. If both are routed alike, it does not matter from which text a block comes: all blocks are dealt out anew, as many to each side as before.`;
  const [apart, p] = [fixed(test.observed, 2), fixed(test.p, 3)];
  const [loadsApart, loadsP] = [percent(loads.observed), fixed(loads.p, 3)];
  return {
    id: 'compare-test',
    title: l10n.t`Is the difference more than chance?`,
    basis: basisOf(a, b),
    help: {
      meaning: sentences(
        how,
        !same &&
          l10n.t`The experts of two models have nothing to do with one another: they are matched by their load, the busiest of one layer with the busiest of the other.`,
        l10n.t`Loads differ by the fewest choices that make the one of the other: choices that trade places do not count.`,
        l10n.t`Single tokens are not exchanged, since neighbours route alike.`,
      ),
      formula: l10n.t`loads differ by ½ Σ_e |share in the one − share in the other|, the mean of all layers; p = (1 + permutations with as large a difference or larger) / (1 + permutations)`,
      judge: l10n.t`Under 0.05: chance alone makes such a difference less than once in twenty times. ${test.permutations} permutations show nothing smaller than ${fixed(1 / (test.permutations + 1), 3)}. A text of its own subject says little about others.`,
    },
    text: sentences(
      part !== undefined && l10n.t`The test is of ${count(part)} of the tokens that both have.`,
      same
        ? l10n.t`Difference of the mean MaxVio ${apart}, p = ${p}; the loads differ by ${loadsApart} of the choices, p = ${loadsP}.`
        : l10n.t`Difference of the mean MaxVio ${apart}, p = ${p}; the loads by rank differ by ${loadsApart} of the choices, p = ${loadsP}.`,
    ),
    table: {
      columns: [
        { label: part === undefined ? '' : l10n.t`of ${count(part)} of the tokens that both have`, unit: 'text' },
        { label: 'p', unit: 'number' },
        { label: l10n.t`difference`, unit: 'number' },
        { label: names[0], unit: 'number' },
        { label: names[1], unit: 'number' },
        { label: l10n.t`permutations`, unit: 'count' },
      ],
      rows: [
        [
          l10n.t`mean MaxVio of the layers`,
          test.p,
          known(test.observed),
          known(maxVio[0]),
          known(maxVio[1]),
          test.permutations,
        ],
        [
          same
            ? l10n.t`share of choices by which the loads differ`
            : l10n.t`share of choices by which the loads by rank differ`,
          loads.p,
          known(loads.observed),
          null,
          null,
          loads.permutations,
        ],
      ],
    },
  };
}

/** What tells the two apart: their models, how they ran, or their texts. */
function namesOf(a: Subject, b: Subject): readonly [string, string] {
  const parts = [a, b].map(({ model, name }) => [
    model.name,
    ranText(model),
    // A recording's name begins with its model's.
    name.startsWith(`${model.name}, `) ? name.slice(model.name.length + 2) : name,
  ]);
  const telling = [0, 1, 2].filter((i) => parts[0]![i] !== parts[1]![i]);
  const [one, other] = parts.map((of) => listed(telling.map((i) => of[i]!)));
  return telling.length === 0 ? [l10n.t`first run`, l10n.t`second run`] : [one!, other!];
}
