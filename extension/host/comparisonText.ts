import * as l10n from '@vscode/l10n';
import { mostFlipped, type Agreement } from '../analysis/agreement.ts';
import { layerLabel, tokenCount } from '../analysis/labels.ts';
import { count } from '../analysis/numbers.ts';
import { ranText } from '../analysis/ranText.ts';
import { visibleText } from '../analysis/tokenText.ts';
import { NO_EXPERT, type LayerTrace, type RoutingTrace } from '../protocol/trace.ts';
import { escapeMarkdown, inlineCode } from './markdown.ts';
import { percent } from './statusText.ts';

/** Tokens listed that flip at the most layers, and layers named of each. */
const LISTED_TOKENS = 10;
const NAMED_LAYERS = 3;

export interface Comparison {
  /** What the user calls the text. */
  readonly title: string;
  /** The text that both runs routed. */
  readonly text: string;
  readonly first: RoutingTrace;
  readonly second: RoutingTrace;
  readonly agreement: Agreement;
}

/** What stays of a text's routing from one run to the other, as Markdown. Names and text come from files: all is escaped. */
export function comparisonMarkdown(comparison: Comparison): string {
  const { title, first, second, agreement } = comparison;
  const { model } = first.origin;
  const { tokens, flips, share, topShare } = agreement;
  const all = first.tokens.ids.length;
  const paragraphs = [
    `# ${l10n.t`${escapeMarkdown(title)}: ${wayOf(first)} against ${wayOf(second)}`}`,
    l10n.t`**${percent(share)}** of ${escapeMarkdown(model.name)}’s choices stay, **${percent(topShare)}** of the top experts. **${count(flips.length)}** of ${tokenCount(tokens)} flip at one layer or more: at least one of the experts chosen for them is another.`,
    ...(tokens < all
      ? [l10n.t`*Stopped early: the figures are of the first ${tokenCount(tokens)} of ${count(all)}.*`]
      : []),
    layerTable(agreement),
  ];
  if (flips.length > 0) paragraphs.push(`## ${l10n.t`Tokens that flip at the most layers`}`, flipTable(comparison));
  return `${paragraphs.join('\n\n')}\n`;
}

/** How a model was run: int8 on cpu. */
function wayOf({ origin: { model } }: Pick<RoutingTrace, 'origin'>): string {
  return escapeMarkdown(ranText(model));
}

function layerTable({ layers, tokens, flips, share, topShare, weightDifference }: Agreement): string {
  const rowOf = (
    name: string,
    stay: number,
    topStay: number,
    flipped: number,
    of: number,
    difference: number,
  ): string[] =>
    // Figures are not to break at their units.
    [
      name,
      percent(stay),
      percent(topStay),
      `${count(flipped)} (${percent(flipped / of)})`,
      difference.toPrecision(2),
    ].map((cell) => cell.replaceAll(' ', '\u00a0'));
  const rows = layers.map((layer) => {
    const stay = layer.stayed / (layer.tokens * layer.k);
    const topStay = layer.topStayed / layer.tokens;
    return rowOf(layerLabel(layer), stay, topStay, layer.flips.length, layer.tokens, layer.weightDifference);
  });
  const all = rowOf(l10n.t`all`, share, topShare, flips.length, tokens, weightDifference).map((cell) => `**${cell}**`);
  const heads = l10n.t`Layer | Choices that stay | Top expert stays | Tokens that flip | Largest weight difference`;
  // A server does not tell weights.
  const columns = Number.isNaN(weightDifference) ? 4 : 5;
  const lineOf = (cells: readonly string[]): string => `| ${cells.slice(0, columns).join(' | ')} |`;
  const aligned = [':--', '--:', '--:', '--:', '--:'];
  return [heads.split(' | '), aligned, ...rows, all].map(lineOf).join('\n');
}

function flipTable({ text, first, second, agreement }: Comparison): string {
  const { start, end } = first.tokens;
  const rows = mostFlipped(agreement, LISTED_TOKENS).map((token) => {
    const at = agreement.layers.flatMap((layer, i) => (layer.flips.includes(token) ? [i] : []));
    const named = at.slice(0, NAMED_LAYERS).map((i) => {
      const [before, after] = [first.layers[i]!, second.layers[i]!];
      return `${layerLabel(before)}: ${expertsOf(before, after, token)} → ${expertsOf(after, before, token)}`;
    });
    if (at.length > NAMED_LAYERS) named.push(l10n.t`and ${at.length - NAMED_LAYERS} more`);
    // A bar would end the cell, in code too.
    const shown = inlineCode(visibleText(text.slice(start[token], end[token]))).replaceAll('|', '\\|');
    return `| ${token} | ${shown} | ${at.length} | ${named.join('<br>')} |`;
  });
  const header = l10n.t`| Token | Text | Layers | Experts in ${wayOf(first)} → in ${wayOf(second)} |`;
  return [header, '|--:|:--|--:|:--|', ...rows].join('\n');
}

/** A token's experts, highest weight first, those that the other run did not choose in bold. */
function expertsOf(layer: LayerTrace, other: LayerTrace, token: number): string {
  const chosen = choicesOf(layer, token);
  const others = choicesOf(other, token);
  const names = chosen.map((expert) => {
    const name = expert === NO_EXPERT ? '–' : `E${expert}`;
    return others.includes(expert) ? name : `**${name}**`;
  });
  return names.join(' ');
}

function choicesOf({ chosen, candidates, k }: LayerTrace, token: number): number[] {
  return [...chosen.subarray(token * candidates, token * candidates + k)];
}
