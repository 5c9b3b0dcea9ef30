/** One expert: what it does, on what, and with whom. */
import * as l10n from '@vscode/l10n';
import type { Cell, Figure } from '../../protocol/report.ts';
import type { LayerPatterns, TypicalToken } from '../folder/patterns.ts';
import { chance, intervals, isEnough, specialisation } from '../folder/specialisation.ts';
import { wordsByExpert } from '../folder/vocabularyFigures.ts';
import { layerLabel } from '../labels.ts';
import { listed, sentences } from '../lists.ts';
import { count, percent, times } from '../numbers.ts';
import { visibleText } from '../tokenText.ts';
import { choice } from './controls.ts';
import { INTERVAL } from './domainFigures.ts';
import { company, type Chosen } from './expertCompany.ts';
import { ABLATE, costFigures, EXPERT } from './expertCost.ts';
import type { SectionKind } from './kind.ts';
import { cannotMeasure } from './measuring.ts';
import { basisOf, known, lacksK, layerChoice } from './parts.ts';
import { offsetsOf, patternsOf, type Patterns } from './patterns.ts';
import type { Subject } from './subject.ts';

const WORDS = 24;

export const expertSection: SectionKind = {
  id: EXPERT,
  title: l10n.t`Expert`,
  make: (subject, set) => {
    const { loads } = subject;
    const layer = layerChoice(
      set,
      loads.map(({ shape }) => shape),
    );
    const at = Number(layer.value);
    const { shape, counts } = loads[at]!;
    const hottest = counts.indexOf(Math.max(...counts));
    const expert = choice(set, {
      id: 'expert',
      label: l10n.t`Expert`,
      options: Array.from(counts, (_, e) => ({ value: String(e), label: `E${e}` })),
      value: String(hottest),
    });
    const chosen = { at, expert: Number(expert.value), name: l10n.t`E${expert.value} of ${layerLabel(shape)}` };
    const patterns = patternsOf(subject);
    const here = patterns?.layer(at);
    const own = patterns && here ? ofPatterns(subject, chosen, patterns, here) : [];
    return {
      verdict: verdict(subject, chosen, here),
      ...(patterns ? {} : { lacking: l10n.t`Its tokens and partners are not known: here are only counts.` }),
      controls: [
        layer,
        expert,
        ...(cannotMeasure(subject) === undefined
          ? [{ kind: 'action', id: ABLATE, label: l10n.t`Measure What Its Layer’s Experts Are Worth` } as const]
          : []),
      ],
      figures: [...domainLoad(subject, chosen), ...own, ...costFigures(subject, chosen), placeInLayer(subject, chosen)],
    };
  },
};

function ofPatterns(subject: Subject, chosen: Chosen, patterns: Patterns, here: LayerPatterns): Figure[] {
  const [last, next] = [patterns.layer(chosen.at - 1), patterns.layer(chosen.at + 1)];
  return [
    typicalTokens(subject, chosen, here),
    ...words(subject, chosen, patterns),
    ...(here.pairs ? company(subject, chosen, here, last, next) : []),
  ];
}

function verdict({ loads }: Subject, { at, expert, name }: Chosen, here: LayerPatterns | undefined): string {
  const { shape, counts } = loads[at]!;
  const total = counts.reduce((sum, n) => sum + n, 0);
  const share = counts[expert]! / total;
  if (total === 0 || counts[expert] === 0) return l10n.t`${name} takes no token.`;
  const rank = counts.reduce((more, n) => (n > counts[expert]! ? more + 1 : more), 1);
  const like = here?.typical[expert]!.slice(0, 3).map(({ text }) => `“${visibleText(text)}”`) ?? [];
  return sentences(
    l10n.t`${name} takes ${percent(share)} of the load, ${times(share * shape.experts)} the even share: place ${rank} of ${shape.experts}.`,
    like.length > 0 && l10n.t`It weighs most on ${listed(like)}.`,
  );
}

/** How much of each kind of text goes to it; nothing where there is one kind, or where slots are not known to be of so many tokens. */
function domainLoad(subject: Subject, { at, expert, name }: Chosen): Figure[] {
  const { domains = [] } = subject;
  if (domains.length < 2 || lacksK(subject)) return [];
  const offsets = offsetsOf(subject);
  const [from, to] = [offsets[at]!, offsets[at + 1]!];
  const rows = domains.map((domain) => {
    const value = isEnough(domain, at) ? known(specialisation(domain, at, from, to)[expert]) : null;
    const ends = intervals(domain, at, [from + expert]);
    return { name: domain.name, value, low: ends?.low[0] ?? null, high: ends?.high[0] ?? null };
  });
  const even = chance(subject.loads[at]!.shape);
  const best = rows.reduce((b, row) => ((row.value ?? 0) > (b.value ?? 0) ? row : b));
  return [
    {
      id: 'expert-domains',
      title: l10n.t`${name} by kind of text`,
      basis: basisOf(subject),
      help: {
        meaning: l10n.t`The share of the tokens of each kind of text for which it is chosen.`,
        formula: l10n.t`N_eD / N_D; by chance k/E = ${percent(even)}. Intervals: 95 %, ${INTERVAL}.`,
        source: l10n.t`OLMoE, arXiv 2409.02060, section 5`,
        judge: l10n.t`Kinds whose intervals overlap are not told apart.`,
      },
      text:
        best.value === null
          ? l10n.t`No kind of text has enough files.`
          : l10n.t`Most of ${best.name}: ${percent(best.value)}.`,
      chart: {
        kind: 'bars',
        labels: rows.map((row) => row.name),
        series: [{ label: l10n.t`share of tokens`, values: rows.map(({ value }) => value) }],
        axis: { label: l10n.t`share of tokens`, unit: 'percent', min: 0 },
        yardstick: { value: even, label: l10n.t`chance` },
      },
      table: {
        columns: [
          { label: l10n.t`kind of text`, unit: 'text' },
          { label: l10n.t`share of its tokens`, unit: 'percent' },
          { label: l10n.t`from`, unit: 'percent' },
          { label: l10n.t`to`, unit: 'percent' },
          { label: l10n.t`times chance`, unit: 'times' },
        ],
        rows: rows.map(({ name: kind, value, low, high }) => [
          kind,
          value,
          low,
          high,
          value === null ? null : value / even,
        ]),
      },
    },
  ];
}

function typicalTokens(subject: Subject, { expert, name }: Chosen, { typical }: LayerPatterns): Figure {
  const tokens = typical[expert]!;
  const { folder } = subject;
  return {
    id: 'typical-tokens',
    title: l10n.t`Typical tokens of ${name}`,
    basis: basisOf(subject),
    help: {
      meaning: l10n.t`The places where the router gave it the most weight, each of another token.`,
      formula: l10n.t`the highest routing weights of this expert among its chosen tokens, one place for each token id`,
      judge: l10n.t`Weight says how much it counts there; how often it is chosen is another matter.`,
    },
    text:
      tokens.length === 0
        ? l10n.t`No token is known with a weight.`
        : l10n.t`Heaviest: ${listed(tokens.slice(0, 3).map(({ text }) => visibleText(text)))}.`,
    table: {
      columns: [
        { label: l10n.t`token`, unit: 'text' },
        { label: l10n.t`in context`, unit: 'text' },
        { label: l10n.t`weight`, unit: 'number' },
        ...(folder ? [{ label: l10n.t`file`, unit: 'text' } as const] : []),
      ],
      rows: tokens.map((token): Cell[] => [
        visibleText(token.text),
        inContext(token),
        token.weight,
        ...(folder ? [folder.files[token.file] ?? null] : []),
      ]),
      places: tokens.map(({ file, start, end }) => ({ ...(folder ? { file } : {}), start, end })),
    },
  };
}

function inContext({ before, text, after }: TypicalToken): string {
  return `${visibleText(before)} [${visibleText(text)}] ${visibleText(after)}`;
}

function words(subject: Subject, { at, expert, name }: Chosen, patterns: Patterns): Figure[] {
  const offsets = offsetsOf(subject);
  const of = (vocabulary: typeof patterns.inputs) => wordsByExpert(vocabulary, offsets[at]!, offsets[at + 1]!)[expert]!;
  const [own, next] = [of(patterns.inputs), of(patterns.followers)];
  if (own.length + next.length === 0) return [];
  const cells = (word: (typeof own)[number] | undefined): Cell[] =>
    word ? [visibleText(word.text), word.share, word.met] : [null, null, null];
  return [
    {
      id: 'expert-vocabulary',
      title: l10n.t`Vocabulary of ${name}`,
      basis: basisOf(subject),
      help: {
        meaning: l10n.t`Token ids for which it comes first more often than any other expert of the layer: those that it works on, and those that follow.`,
        formula: l10n.t`N_xe / N_x, top-1, of ids met 10 times or more`,
        source: l10n.t`OLMoE, arXiv 2409.02060, section 5`,
      },
      text: l10n.t`It owns ${own.length} token ids; ${next.length} follow its tokens.`,
      table: {
        columns: [
          { label: l10n.t`works on`, unit: 'text' },
          { label: l10n.t`share`, unit: 'percent' },
          { label: l10n.t`met`, unit: 'count' },
          { label: l10n.t`followed by`, unit: 'text' },
          { label: l10n.t`share`, unit: 'percent' },
          { label: l10n.t`met`, unit: 'count' },
        ],
        rows: Array.from({ length: Math.min(WORDS, Math.max(own.length, next.length)) }, (_, i) => [
          ...cells(own[i]),
          ...cells(next[i]),
        ]),
      },
    },
  ];
}

function placeInLayer(subject: Subject, { at, expert, name }: Chosen): Figure {
  const { counts, shape } = subject.loads[at]!;
  const total = counts.reduce((sum, n) => sum + n, 0);
  const order = Array.from(counts.keys()).sort((a, b) => counts[b]! - counts[a]!);
  const experts = order.map((e) => ({ layer: at, expert: e }));
  const share = (e: number): number | null => known(counts[e]! / total);
  return {
    id: 'expert-place',
    title: l10n.t`${name} among the experts of its layer`,
    basis: basisOf(subject),
    help: {
      meaning: l10n.t`Load of all experts of the layer, the highest first.`,
      formula: l10n.t`share = c_e / Σc; even: 1/E`,
    },
    text: l10n.t`${name} has place ${order.indexOf(expert) + 1} of ${count(shape.experts)}.`,
    chart: {
      kind: 'bars',
      labels: order.map((e) => (e === expert ? `▸ E${e}` : `E${e}`)),
      series: [{ label: l10n.t`share of the load`, values: order.map(share) }],
      axis: { label: l10n.t`share of the load`, unit: 'percent', min: 0 },
      yardstick: { value: 1 / shape.experts, label: l10n.t`even` },
      experts,
    },
    table: {
      columns: [
        { label: l10n.t`expert`, unit: 'text' },
        { label: l10n.t`slots`, unit: 'count' },
        { label: l10n.t`share`, unit: 'percent' },
      ],
      rows: order.map((e) => [`E${e}`, counts[e]!, share(e)]),
      experts,
    },
  };
}
