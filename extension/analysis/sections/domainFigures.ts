/** Figures of kinds of text as a whole: what was routed, and what routing knows of it. */
import * as l10n from '@vscode/l10n';
import type { Figure } from '../../protocol/report.ts';
import { filesOf, layerTokens, tokensOf, type Domain } from '../folder/domains.ts';
import { domainInformation, type DomainInformation } from '../folder/mutualInformation.ts';
import { FEWEST_FILES, FEWEST_TOKENS, isEnough } from '../folder/specialisation.ts';
import { layerLabel } from '../labels.ts';
import { count } from '../numbers.ts';
import { once } from './once.ts';
import { basisOf, known, lacksK } from './parts.ts';
import { offsetsOf } from './patterns.ts';
import type { Subject } from './subject.ts';

/** How intervals of N_eD / N_D are made. */
export const INTERVAL = l10n.t`r ± t·√(B/(B − 1)·Σ_b (c_b − r·n_b)²) / Σ_b n_b, with r = N_eD / N_D, c_b slots and n_b tokens of each of B files (of more than 32, of 32 groups of them) and t Student’s of B − 1`;

/** By layer; undefined where fewer than two kinds of text are enough. */
export const informationOf = once((subject) => {
  const offsets = offsetsOf(subject);
  return subject.loads.map((_, i) => {
    const of = (subject.domains ?? []).filter((domain) => isEnough(domain, i));
    return of.length < 2 ? undefined : domainInformation(of, offsets[i]!, offsets[i + 1]!);
  });
});

export function informationFigure(subject: Subject, information: readonly (DomainInformation | undefined)[]): Figure {
  const names = subject.loads.map(({ shape }) => layerLabel(shape));
  const bits = information.map((i) => known(i?.bits));
  const files = information.some((i) => i?.p !== undefined);
  const highest = bits.reduce<number>((best, b, i) => ((b ?? 0) > (bits[best] ?? 0) ? i : best), 0);
  return {
    id: 'domain-information',
    title: l10n.t`What routing knows of the kind of text`,
    basis: basisOf(subject),
    help: {
      meaning: l10n.t`Mutual information between a slot’s expert and the kind of text that it comes from: how much seeing one tells of the other.`,
      formula: files
        ? l10n.t`I(D;E) = Σ p(D,e)·log2(p(D,e) / (p(D)·p(e))) over slots, less its bias: the mean over 199 deals of the files (of more than 32 of a kind, of 32 groups of them) to the kinds at random. p is the share of deals with as much, this one counted in; it is of each layer alone.`
        : l10n.t`I(D;E) = Σ p(D,e)·log2(p(D,e) / (p(D)·p(e))) over slots, less its bias: (m_DE − m_D − m_E + 1) / (2·N·ln 2), Miller and Madow’s, which takes slots for independent; there are no files to deal.`,
      source: l10n.t`Miller 1955, note on the bias of information estimates`,
      judge: l10n.t`Near 0: all kinds of text use the experts alike. A workload of one kind then gains nothing from placing experts for it.`,
    },
    text: l10n.t`Mutual information of kind of text and expert: most at ${names[highest]!} with ${(bits[highest] ?? 0).toFixed(3)} bits.`,
    chart: {
      kind: 'bars',
      labels: names,
      series: [{ label: l10n.t`bits`, values: bits }],
      axis: { label: l10n.t`bits`, unit: 'number', min: 0 },
    },
    table: {
      columns: [
        { label: l10n.t`layer`, unit: 'text' },
        { label: l10n.t`bits`, unit: 'number' },
        { label: l10n.t`uncorrected`, unit: 'number' },
        { label: l10n.t`bias`, unit: 'number' },
        { label: l10n.t`at most`, unit: 'number' },
        { label: 'p', unit: 'number' },
      ],
      rows: information.map((i, at) => [
        names[at]!,
        ...[i?.bits, i?.raw, i?.bias, i?.most, i?.p].map((value) => known(value)),
      ]),
    },
  };
}

export function domainFigure(subject: Subject, domains: readonly Domain[]): Figure {
  const tokens = domains.map(tokensOf);
  const layers = subject.loads.length;
  const total = count(tokens.reduce((sum, n) => sum + n, 0));
  const bySlot = lacksK(subject);
  return {
    id: 'domains',
    title: l10n.t`What was routed`,
    basis: basisOf(subject),
    help: {
      meaning: bySlot ? l10n.t`Slots of each kind of text.` : l10n.t`Files and tokens of each kind of text.`,
      judge: bySlot
        ? l10n.t`Of a kind with fewer than ${count(FEWEST_TOKENS)} slots nothing is said.`
        : l10n.t`Of a kind with fewer than ${FEWEST_FILES} files or ${count(FEWEST_TOKENS)} tokens nothing is said.`,
    },
    text: bySlot
      ? l10n.t`${total} slots of ${domains.length} kinds.`
      : l10n.t`${total} tokens of ${domains.length} kinds.`,
    table: {
      columns: [
        { label: l10n.t`kind of text`, unit: 'text' },
        { label: l10n.t`files`, unit: 'count' },
        { label: bySlot ? l10n.t`slots` : l10n.t`tokens`, unit: 'count' },
        { label: l10n.t`enough`, unit: 'text' },
      ],
      rows: domains.map((domain, d) => [
        domain.name,
        filesOf(domain) || null,
        tokens[d]!,
        Array.from({ length: layers }, (_, layer) => layer).every(
          (layer) => isEnough(domain, layer) || layerTokens(domain, layer) === 0,
        )
          ? l10n.t`yes`
          : l10n.t`no`,
      ]),
    },
  };
}
