/** Which experts do which kind of text? */
import * as l10n from '@vscode/l10n';
import type { Cell, Column, Figure } from '../../protocol/report.ts';
import type { LayerShape } from '../../protocol/trace.ts';
import type { Domain } from '../folder/domains.ts';
import type { DomainInformation } from '../folder/mutualInformation.ts';
import { folderSentences } from '../folder/sentences.ts';
import {
  chance,
  DEALS,
  FEWEST_FILES,
  FEWEST_TOKENS,
  intervals,
  isEnough,
  specialisation,
  specialists,
  type Specialist,
} from '../folder/specialisation.ts';
import { layerLabel } from '../labels.ts';
import { listed, sentences } from '../lists.ts';
import { count, percent } from '../numbers.ts';
import { choice } from './controls.ts';
import type { SectionKind } from './kind.ts';
import { basisOf, FOLDER, known, lacksK, layerChoice, NO_K } from './parts.ts';
import { domainFigure, informationFigure, informationOf, INTERVAL } from './domainFigures.ts';
import { saturation } from './saturation.ts';
import { once } from './once.ts';
import { offsetsOf, patternsOf } from './patterns.ts';
import type { Subject } from './subject.ts';
import { TOO_SHORT, vocabularyByExpert, vocabularyByLayer } from './vocabulary.ts';

const MEASURES = ['times', 'specialisation', 'share'] as const;
const MEASURE_NAMES: Readonly<Record<(typeof MEASURES)[number], string>> = {
  times: l10n.t`times chance`,
  specialisation: l10n.t`share of tokens`,
  share: l10n.t`share of load`,
};

/** Specialists that the table names. */
const LISTED = 24;

export const specialisationSection: SectionKind = {
  id: 'specialisation',
  title: l10n.t`Specialisation`,
  make: (subject, set) => {
    const shapes = subject.loads.map(({ shape }) => shape);
    const layer = layerChoice(set, shapes);
    const at = Number(layer.value);
    const { domains = [] } = subject;
    const patterns = patternsOf(subject);
    const vocabulary = vocabularyByLayer(subject);
    const words = patterns && vocabulary ? [vocabulary, vocabularyByExpert(subject, patterns, at)] : [];
    const tooShort = patterns && !vocabulary && TOO_SHORT;
    const saturated = saturation(subject);
    if (domains.length < 2) {
      return {
        lacking: sentences(l10n.t`Experts of kinds of text show when several kinds are routed, as a folder.`, tooShort),
        controls: [layer, { ...FOLDER, primary: true }],
        figures: [...saturated, ...words],
      };
    }
    const byToken = !lacksK(subject);
    const measure = choice(set, {
      id: 'measure',
      label: l10n.t`Shown`,
      options: MEASURES.filter((value) => byToken || value !== 'specialisation').map((value) => ({
        value,
        label: MEASURE_NAMES[value],
      })),
      value: 'times',
    });
    const offsets = offsetsOf(subject);
    const enough = domains.filter((domain) => isEnough(domain, at));
    const special = specialistsOf(subject);
    const information = informationOf(subject);
    return {
      verdict: verdict(byToken ? special : undefined, information, domains, shapes),
      ...lacking(subject, domains, at, tooShort),
      controls: [layer, measure],
      figures: [
        ...(enough.length > 0 ? [heat(subject, enough, at, offsets, measure.value)] : []),
        ...(byToken && special.length > 0 ? [specialistFigure(subject, special, domains, shapes)] : []),
        ...(information.some((i) => i) ? [informationFigure(subject, information)] : []),
        ...saturated,
        ...words,
        domainFigure(subject, domains),
      ],
    };
  },
};

const specialistsOf = once((subject) =>
  specialists(
    subject.domains ?? [],
    subject.loads.map(({ shape }) => shape),
    offsetsOf(subject),
  ),
);

/** @param special undefined where shares of tokens are not known */
function verdict(
  special: readonly Specialist[] | undefined,
  information: readonly (DomainInformation | undefined)[],
  domains: readonly Domain[],
  shapes: readonly LayerShape[],
): string {
  const best = information.reduce((b, i, at) => ((i?.bits ?? 0) > (information[b]?.bits ?? 0) ? at : b), 0);
  const most = information[best];
  if (!most) return l10n.t`There is too little text of too few kinds to say which experts do what.`;
  const [bits, of, where] = [most.bits.toFixed(3), most.most.toFixed(2), layerLabel(shapes[best]!)];
  return sentences(
    special && mostSpecial(special, domains, shapes),
    most.p === undefined
      ? l10n.t`The kind of text and the expert share ${bits} of at most ${of} bits at ${where}, where they share most.`
      : l10n.t`The kind of text and the expert share ${bits} of at most ${of} bits at ${where}, where they share most; for this layer alone, p = ${most.p.toFixed(3)}.`,
  );
}

function mostSpecial(
  [first]: readonly Specialist[],
  domains: readonly Domain[],
  shapes: readonly LayerShape[],
): string {
  return first
    ? standsOut(first, domains, shapes)
    : l10n.t`No expert stands out for one kind of text beyond what chance in the choice of files would do.`;
}

function standsOut(first: Specialist, domains: readonly Domain[], shapes: readonly LayerShape[]): string {
  const { value, interval, domain, next, nextValue, layer } = first;
  const [name, kind, share] = [nameOf(first, shapes), domains[domain]!.name, percent(value)];
  const even = percent(chance(shapes[layer]!));
  return interval
    ? l10n.t`${name} is chosen for ${share} of the tokens of ${kind} (95 % interval ${percent(interval.low)} to ${percent(interval.high)}); of no other kind with enough text for more than ${percent(interval.othersHigh)}; by chance it would be ${even}.`
    : l10n.t`${name} is chosen for ${share} of the tokens of ${kind}; of ${domains[next]!.name}, the next one, for ${percent(nextValue)}; by chance it would be ${even}.`;
}

/** What was left out, and of what there is too little. */
function lacking(
  subject: Subject,
  domains: readonly Domain[],
  layer: number,
  tooShort: string | false | undefined,
): { lacking?: string } {
  const { folder } = subject;
  const few = domains.filter((domain) => !isEnough(domain, layer));
  const names = listed(few.map(({ name }) => name));
  const said = sentences(
    lacksK(subject) && NO_K,
    ...(folder?.account ? folderSentences(folder.account) : []),
    few.length > 0 &&
      l10n.t`Nothing is said of ${names}: a kind of text needs ${FEWEST_FILES} files and ${count(FEWEST_TOKENS)} tokens for that.`,
    tooShort,
  );
  return said === '' ? {} : { lacking: said };
}

function nameOf({ layer, expert }: { layer: number; expert: number }, shapes: readonly LayerShape[]): string {
  return l10n.t`E${expert} of ${layerLabel(shapes[layer]!)}`;
}

function heat(
  subject: Subject,
  domains: readonly Domain[],
  at: number,
  offsets: readonly number[],
  measure: (typeof MEASURES)[number],
): Figure {
  const { shape } = subject.loads[at]!;
  const [from, to] = [offsets[at]!, offsets[at + 1]!];
  const by = { times: chance(shape), specialisation: 1, share: shape.k }[measure];
  const all = Array.from({ length: shape.experts }, (_, e) => from + e);
  const rows = domains.map((domain) => {
    const ends = intervals(domain, at, all);
    return {
      values: Array.from(specialisation(domain, at, from, to), (v) => known(v / by)),
      low: ends && Array.from(ends.low, (v) => v / by),
      high: ends && Array.from(ends.high, (v) => v / by),
    };
  });
  const values = rows.flatMap((row) => row.values);
  const even = chance(shape) / by;
  const unit = measure === 'times' ? 'times' : 'percent';
  const experts = all.map((_, e) => `E${e}`);
  const place = values.reduce<number>((best, v, i) => ((v ?? 0) > (values[best] ?? 0) ? i : best), 0);
  const where = l10n.t`E${place % shape.experts} in ${domains[Math.floor(place / shape.experts)]!.name}`;
  return {
    id: 'expert-by-domain',
    title: l10n.t`Experts by kind of text, ${layerLabel(shape)}`,
    basis: basisOf(subject),
    help: {
      meaning: lacksK(subject)
        ? l10n.t`How often each expert is chosen in each kind of text: as a multiple of chance, or as a share of the load.`
        : l10n.t`How often each expert is chosen for the tokens of each kind of text: as a multiple of chance, as a share of the tokens, or as a share of the load.`,
      formula: lacksK(subject)
        ? l10n.t`share of load = c_eD / Σ_e c_eD; times chance = that · E`
        : l10n.t`domain specialisation = N_eD / N_D, by chance k/E = ${percent(chance(shape))}; times chance = that · E/k; share of load = that / k. Intervals: 95 %, ${INTERVAL}.`,
      source: l10n.t`OLMoE, arXiv 2409.02060, section 5`,
      judge: l10n.t`Rows that look alike mean that experts divide the work by something else than this kind of text, mostly by single tokens. Intervals that overlap tell nothing apart.`,
    },
    text: l10n.t`${MEASURE_NAMES[measure]} of ${shape.experts} experts in ${domains.length} kinds of text; most for ${where}.`,
    chart: {
      kind: 'heat',
      rows: { label: l10n.t`kind of text`, names: domains.map(({ name }) => name) },
      columns: { label: l10n.t`expert`, names: experts },
      values,
      unit,
      scale: 'diverging',
      min: 0,
      middle: even,
      max: 3 * even,
    },
    table: {
      columns: [
        { label: l10n.t`expert`, unit: 'text' },
        ...domains.flatMap(({ name }, d): Column[] => [
          { label: name, unit },
          ...(rows[d]!.low
            ? [{ label: l10n.t`${name}, from`, unit } as const, { label: l10n.t`${name}, to`, unit } as const]
            : []),
        ]),
      ],
      rows: experts.map((name, e): Cell[] => [
        name,
        ...rows.flatMap((row): Cell[] => [
          row.values[e] ?? null,
          ...(row.low && row.high ? [row.low[e]!, row.high[e]!] : []),
        ]),
      ]),
      experts: experts.map((_, expert) => ({ layer: at, expert })),
    },
  };
}

/** Of totals there are no intervals: some differences are the largest ones, and nothing tells whether any stands out. */
function specialistWords(found: readonly Specialist[], first: string): Pick<Figure, 'help' | 'text'> {
  const source = l10n.t`OLMoE, arXiv 2409.02060, section 5`;
  if (!found.some(({ interval }) => interval)) {
    return {
      help: {
        meaning: l10n.t`Experts of all layers whose share of the tokens differs most between one kind of text and the next.`,
        formula: l10n.t`N_eD / N_D; sorted by the difference from the next kind of text`,
        source,
        judge: l10n.t`Some differences are always the largest. Only totals are known: nothing tells what another choice of files would change.`,
      },
      text: l10n.t`The largest differences between kinds of text: ${first}.`,
    };
  }
  return {
    help: {
      meaning: l10n.t`Experts of all layers that one kind of text goes to more than every other one does, beyond what another choice of files could change: the low end of the one interval is above the high end of the other, by more than in deals of the files to the kinds at random.`,
      formula: l10n.t`N_eD / N_D, and its 95 % interval, ${INTERVAL}; sorted by the distance between the intervals, which no expert at all exceeds in 95 % of ${DEALS} deals`,
      source,
      judge: l10n.t`Many experts are compared at once, and the deals allow for that: if the kinds were routed alike, one run of twenty would name any expert here.`,
    },
    text: l10n.t`${found.length} experts stand out for one kind of text; first ${first}.`,
  };
}

function specialistFigure(
  subject: Subject,
  special: readonly Specialist[],
  domains: readonly Domain[],
  shapes: readonly LayerShape[],
): Figure {
  const shown = special.slice(0, LISTED);
  const experts = shown.map(({ layer, expert }) => ({ layer, expert }));
  const first = listed(shown.slice(0, 3).map((s) => l10n.t`${nameOf(s, shapes)} for ${domains[s.domain]!.name}`));
  return {
    id: 'specialists',
    title: l10n.t`Most specialised experts`,
    basis: basisOf(subject),
    ...specialistWords(special, first),
    chart: {
      kind: 'bars',
      labels: shown.map((s) => listed([nameOf(s, shapes), domains[s.domain]!.name])),
      series: [
        { label: l10n.t`in its kind of text`, values: shown.map(({ value }) => value) },
        { label: l10n.t`in the next one`, values: shown.map(({ nextValue }) => nextValue) },
      ],
      axis: { label: l10n.t`share of tokens`, unit: 'percent', min: 0 },
      experts,
    },
    table: {
      columns: [
        { label: l10n.t`expert`, unit: 'text' },
        { label: l10n.t`kind of text`, unit: 'text' },
        { label: l10n.t`share of its tokens`, unit: 'percent' },
        { label: l10n.t`from`, unit: 'percent' },
        { label: l10n.t`to`, unit: 'percent' },
        { label: l10n.t`next`, unit: 'text' },
        { label: l10n.t`share of its tokens`, unit: 'percent' },
        { label: l10n.t`others at most`, unit: 'percent' },
        { label: l10n.t`chance`, unit: 'percent' },
      ],
      rows: shown.map((s) => [
        nameOf(s, shapes),
        domains[s.domain]!.name,
        s.value,
        s.interval?.low ?? null,
        s.interval?.high ?? null,
        domains[s.next]!.name,
        s.nextValue,
        s.interval?.othersHigh ?? null,
        chance(shapes[s.layer]!),
      ]),
      experts,
    },
  };
}
