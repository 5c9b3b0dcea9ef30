/** Figures of vocabulary specialisation. */
import * as l10n from '@vscode/l10n';
import type { Figure } from '../../protocol/report.ts';
import type { Vocabulary } from '../folder/vocabulary.ts';
import {
  LISTED_FROM,
  vocabularyFigures,
  wordsByExpert,
  type VocabularyFigures,
  type Word,
} from '../folder/vocabularyFigures.ts';
import { layerLabel } from '../labels.ts';
import { listed, sentences } from '../lists.ts';
import { count, percent } from '../numbers.ts';
import { visibleText } from '../tokenText.ts';
import { basisOf, depths, known } from './parts.ts';
import { once } from './once.ts';
import { offsetsOf, patternsOf, type Patterns } from './patterns.ts';
import type { Subject } from './subject.ts';

/** What stands where the figures of a text would be empty. */
export const TOO_SHORT = l10n.t`No token occurs ${LISTED_FROM} times here: tokens of experts show with longer texts.`;

/** Tokens named of an expert in a list of all experts. */
const NAMED = 12;

const SOURCE = l10n.t`OLMoE, arXiv 2409.02060, section 5, and the script published with it`;

/** Undefined where no id is met often enough to be listed. */
export const vocabularyByLayer = once((subject): Figure | undefined => {
  const patterns = patternsOf(subject);
  if (!patterns) return undefined;
  const own = vocabularyFigures(patterns.inputs, offsetsOf(subject));
  return own.some(({ listedIds }) => listedIds > 0) ? byLayer(subject, patterns, own) : undefined;
});

function byLayer(subject: Subject, { inputs, followers }: Patterns, own: readonly VocabularyFigures[]): Figure {
  const shapes = subject.loads.map(({ shape }) => shape);
  const next = vocabularyFigures(followers, offsetsOf(subject));
  const layers = depths(shapes);
  return {
    id: 'vocabulary-by-layer',
    title: l10n.t`Vocabulary specialisation by layer`,
    basis: basisOf(subject),
    help: {
      meaning: l10n.t`How much a token belongs to one expert: of a token id’s occurrences, the share whose top expert is its most frequent one, averaged over ids; for the token itself and for the one that follows it in the text.`,
      formula: sentences(
        l10n.t`mean over ids x of max_e N_xe / N_x, top-1; ids met ${LISTED_FROM} times or more. The table has the mean over all ids as well, those met once included: these count 1 whatever happens.`,
        bound(inputs),
      ),
      source: SOURCE,
      judge: l10n.t`Near 1, the expert is chosen by the token alone. In OLMoE it rises with depth for the token that follows, and falls for the token itself.`,
    },
    text: l10n.t`Vocabulary specialisation at ${shapes.length} layers, of ${count(own[0]?.listedIds ?? 0)} frequent token ids: first layer ${percent(own[0]?.meanListed ?? NaN)}, last ${percent(own.at(-1)?.meanListed ?? NaN)}.`,
    chart: {
      kind: 'lines',
      x: { label: l10n.t`layer`, unit: 'count' },
      y: { label: l10n.t`share of one expert`, unit: 'percent', min: 0, max: 1 },
      series: [
        { label: l10n.t`the token itself`, x: layers, y: own.map((f) => known(f.meanListed)) },
        { label: l10n.t`the token that follows`, x: layers, y: next.map((f) => known(f.meanListed)) },
      ],
    },
    table: {
      columns: [
        { label: l10n.t`layer`, unit: 'text' },
        { label: l10n.t`token itself`, unit: 'percent' },
        { label: l10n.t`all ids`, unit: 'percent' },
        { label: l10n.t`token that follows`, unit: 'percent' },
        { label: l10n.t`all ids`, unit: 'percent' },
        { label: l10n.t`frequent ids`, unit: 'count' },
      ],
      rows: shapes.map((shape, i) => [
        layerLabel(shape),
        known(own[i]!.meanListed),
        known(own[i]!.mean),
        known(next[i]!.meanListed),
        known(next[i]!.mean),
        own[i]!.listedIds,
      ]),
    },
  };
}

export function vocabularyByExpert(subject: Subject, { inputs, followers }: Patterns, at: number): Figure {
  const offsets = offsetsOf(subject);
  const { shape } = subject.loads[at]!;
  const of = (vocabulary: Vocabulary): Word[][] => wordsByExpert(vocabulary, offsets[at]!, offsets[at + 1]!);
  const [own, next] = [of(inputs), of(followers)];
  const experts = Array.from({ length: shape.experts }, (_, expert) => ({ layer: at, expert }));
  return {
    id: 'vocabulary-by-expert',
    title: l10n.t`Tokens of each expert, ${layerLabel(shape)}`,
    basis: basisOf(subject),
    help: {
      meaning: l10n.t`The token ids that each expert comes first for more often than any other, with the share of their occurrences; ids met ${LISTED_FROM} times or more.`,
      formula: sentences(l10n.t`N_xe / N_x.`, bound(inputs)),
      source: SOURCE,
    },
    text: l10n.t`Tokens that belong to one of ${shape.experts} experts at ${layerLabel(shape)}; ${own.filter((w) => w.length > 0).length} experts have some.`,
    table: {
      columns: [
        { label: l10n.t`expert`, unit: 'text' },
        { label: l10n.t`ids`, unit: 'count' },
        { label: l10n.t`tokens that it works on`, unit: 'text' },
        { label: l10n.t`tokens that follow`, unit: 'text' },
      ],
      rows: experts.map(({ expert }) => [
        `E${expert}`,
        own[expert]!.length,
        wordList(own[expert]!),
        wordList(next[expert]!),
      ]),
      experts,
    },
  };
}

function wordList(words: readonly Word[]): string {
  return listed(words.slice(0, NAMED).map(({ text, share }) => `“${visibleText(text)}” ${Math.round(100 * share)} %`));
}

function bound({ forgotten }: Vocabulary): string | false {
  return (
    forgotten > 0 &&
    l10n.t`There were too many token ids to keep: those that occurred least were dropped, and an id’s figures count from when it was last taken in.`
  );
}
