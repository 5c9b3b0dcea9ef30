import * as l10n from '@vscode/l10n';
import { layerLabel } from '../analysis/labels.ts';
import { POLICY_NAMES } from '../analysis/sections/limitControls.ts';
import { isSeen } from '../analysis/load.ts';
import { count } from '../analysis/numbers.ts';
import type { CapacityLimit } from '../protocol/intervention.ts';
import { expertColor, expertTextColor, type ThemeKind } from '../analysis/palette.ts';
import type { SlotFate } from '../protocol/analyst.ts';
import { NO_EXPERT, type LayerTrace } from '../protocol/trace.ts';
import type { PaletteName } from '../protocol/webview.ts';
import { visibleText } from '../analysis/tokenText.ts';
import { HOVER_COMMANDS } from './hoverCommands.ts';
import { inlineCode } from './markdown.ts';
import type { RoutedText } from './routedText.ts';
import type { MeasuredLoss } from './session.ts';
import { TINT_LABELS } from './statusText.ts';

export interface HoverOptions {
  /** Document of the text, as its links name it. */
  readonly uri: string;
  /** Position of the chosen layer among the MoE layers. */
  readonly layer: number;
  readonly palette: PaletteName;
  readonly theme: ThemeKind;
  /** A capacity limit, and what it does to the slots of each of the first tokens, by MoE layer; none where that is not shown. */
  readonly limit?: CapacityLimit;
  readonly fates?: readonly (readonly (readonly SlotFate[])[])[];
  /** What each token loses by a change in the model, where that is shown. */
  readonly loss?: MeasuredLoss;
}

/** More layers than this are cut down to the chosen one and its neighbours: a hover is no place to scroll. */
const MAX_LAYERS = 12;
const NEIGHBOURS = 4;
/** A token of more experts than this names the first ones. */
const MAX_NAMED = 4;
/** Tokens of one character (an emoji in bytes) that are shown in full. */
export const MAX_TOKENS = 4;
/** Width of a full bar in no-break spaces, which a background makes visible whatever the font. */
const BAR_CELLS = 36;

/** What the hover says about the tokens of one character, as trusted Markdown with the HTML that VS Code lets through. */
export function hoverMarkdown(routed: RoutedText, tokens: readonly number[], options: HoverOptions): string {
  const parts = tokens
    .slice(0, MAX_TOKENS)
    .map((token, i) => tokenSection(routed, token, options, options.fates?.[i] ?? []));
  if (tokens.length > 1) parts.unshift(l10n.t`${tokens.length} tokens share this character.`);
  return parts.join('\n\n---\n\n');
}

function tokenSection(
  routed: RoutedText,
  token: number,
  options: HoverOptions,
  fates: readonly (readonly SlotFate[])[],
): string {
  const { trace } = routed;
  const lines = [headline(routed, token)];
  if (token >= trace.routed) {
    lines.push(l10n.t`No routing: the run has not come this far.`);
    return lines.join('\n\n');
  }
  const notes = [
    ...(token >= routed.staleFrom ? [l10n.t`The text has changed since: these are the old figures.`] : []),
    ...(token > 0 && trace.windows.includes(token)
      ? [l10n.t`A context window starts here: the model sees nothing before it.`]
      : []),
  ];
  lines.push(...notes.map((note) => `*${note}*`), layerTable(routed, token, options));
  if (options.limit && fates.some((slots) => slots.length > 0)) lines.push(limitText(routed, options.limit, fates));
  if (options.loss) lines.push(...lossText(options.loss, token));
  lines.push(links(routed, token, options));
  return lines.join('\n\n');
}

function headline(routed: RoutedText, token: number): string {
  const { ids, logProb } = routed.trace.tokens;
  const text = l10n.t`${inlineCode(visibleText(routed.textOf(token)))} &nbsp; token ${token} · id ${ids[token]!}`;
  const log = logProb[token]!;
  if (token >= routed.trace.routed) return text;
  if (Number.isNaN(log)) {
    return routed.trace.windows.includes(token)
      ? l10n.t`${text} · first of its context, nothing predicts it`
      : l10n.t`${text} · its probability is not known`;
  }
  const surprise = explained('surprise');
  return l10n.t`${text} · ${surprise} **${(-log).toFixed(2)}** nats · probability ${probability(Math.exp(log))}`;
}

function probability(p: number): string {
  if (p >= 0.001) return `${(100 * p).toFixed(1)} %`;
  return p >= 1e-6 ? l10n.t`1 in ${count(Math.round(1 / p))}` : l10n.t`under 1 in a million`;
}

function layerTable({ trace }: RoutedText, token: number, options: HoverOptions): string {
  const { from, to } = shownLayers(trace.layers.length, options.layer);
  const rows = trace.layers.slice(from, to).map((layer, i) => layerRow(layer, from + i, token, options));
  const weights = trace.layers.slice(from, to).some((layer) => isWeighed(layer, token))
    ? titled(l10n.t`weights`, l10n.t`how much each chosen expert counts`)
    : l10n.t`weights unknown`;
  const header = l10n.t`| | ${weights} | experts | ${explained('entropy')} | &nbsp;${explained('margin')} |`;
  return [header, '|:--|:--|:--|--:|--:|', ...rows].join('\n');
}

/** The name of a figure, which says what it means when it is pointed at. */
function explained(figure: 'entropy' | 'margin' | 'surprise'): string {
  const { label, description } = TINT_LABELS[figure];
  return titled(label.toLowerCase(), description);
}

function titled(text: string, title: string): string {
  return `<span title="${title}">${text}</span>`;
}

/** Whether a token's weights are known; serving engines do not return them. */
function isWeighed({ weight, candidates, k }: LayerTrace, token: number): boolean {
  return weight.subarray(token * candidates, token * candidates + k).some((w) => !Number.isNaN(w));
}

function shownLayers(count: number, chosen: number): { from: number; to: number } {
  if (count <= MAX_LAYERS) return { from: 0, to: count };
  const from = Math.max(0, Math.min(chosen - NEIGHBOURS, count - 2 * NEIGHBOURS - 1));
  return { from, to: from + 2 * NEIGHBOURS + 1 };
}

function layerRow(layer: LayerTrace, position: number, token: number, options: HoverOptions): string {
  const { chosen, weight, candidates, k } = layer;
  const slots = Array.from({ length: k }, (_, j) => token * candidates + j);
  const taken = slots
    .filter((i) => chosen[i] !== NO_EXPERT)
    .map((i) => {
      const expert = chosen[i]!;
      return {
        expert,
        weight: weight[i]!,
        color: expertColor(expert, options.palette, options.theme),
        textColor: expertTextColor(expert, options.palette, options.theme),
      };
    });
  // Where weights are unknown, the bar says which experts, each as wide as the others.
  const weighed = isWeighed(layer, token);
  const cells = barCells(taken.map((slot) => (weighed ? slot.weight : 1)));
  const bar = taken.map(({ color }, i) => barPiece(cells[i]!, color)).join('');
  const names = taken.slice(0, MAX_NAMED).map(({ expert, weight: w, textColor }) => {
    const link = commandLink(HOVER_COMMANDS.highlight, { uri: options.uri, layer: position, expert });
    const tip = l10n.t`Highlight the tokens of E${expert} at ${layerLabel(layer)}`;
    return `[${colored(`E${expert}`, textColor)}](${link} "${tip}")${weighed ? ` ${w.toFixed(2)}` : ''}`;
  });
  const lost = isSeen(layer, token) ? l10n.t`${k - taken.length} dropped` : l10n.t`no data`;
  const more = [
    ...(taken.length > MAX_NAMED ? [`+${taken.length - MAX_NAMED}`] : []),
    ...(taken.length < k ? [lost] : []),
  ];
  const label = position === options.layer ? `**${layerLabel(layer)}**` : layerLabel(layer);
  const figures = [figure(layer.entropy[token]!), marginFigure(layer.margin[token]!)];
  return `| ${label} | ${bar} | ${[...names, ...more].join(' &nbsp;')} | ${figures.join(' | ')} |`;
}

/** Shares BAR_CELLS cells out by weight; who has any weight gets at least one. */
export function barCells(weights: readonly number[]): number[] {
  const total = weights.reduce((sum, w) => sum + Math.max(0, w), 0);
  if (!(total > 0)) return weights.map(() => 0);
  const cells = weights.map((w) => (w > 0 ? Math.max(1, Math.round((w / total) * BAR_CELLS)) : 0));
  // Rounding is settled by the widest, where a cell more or less shows least.
  const widest = cells.indexOf(Math.max(...cells));
  cells[widest] = Math.max(1, cells[widest]! + BAR_CELLS - cells.reduce((sum, n) => sum + n, 0));
  return cells;
}

function figure(value: number): string {
  return Number.isNaN(value) ? '–' : value.toFixed(2);
}

/** Margins matter most when they are small. */
function marginFigure(value: number): string {
  return value > 0 && value < 0.01
    ? `${value < 1e-6 ? '&lt;' : ''}${Math.max(value, 1e-6).toPrecision(1)}`
    : figure(value);
}

function links({ trace }: RoutedText, token: number, options: HoverOptions): string {
  const layer = trace.layers[options.layer];
  const top = layer?.chosen[token * layer.candidates];
  const map = commandLink(HOVER_COMMANDS.map, { uri: options.uri, token });
  const hidden = trace.layers.length - (trace.layers.length <= MAX_LAYERS ? trace.layers.length : 2 * NEIGHBOURS + 1);
  const found: string[] = [];
  if (layer && top !== undefined && top !== NO_EXPERT) {
    const highlight = commandLink(HOVER_COMMANDS.highlight, { uri: options.uri, layer: options.layer, expert: top });
    found.push(`[${l10n.t`Highlight E${top} at ${layerLabel(layer)}`}](${highlight})`);
  }
  const show = hidden > 0 ? l10n.t`Show all ${trace.layers.length} layers in the map` : l10n.t`Show in the map`;
  found.push(`[${show}](${map})`);
  return found.join(' &nbsp;&nbsp; ');
}

/** What the token loses by a change in the model, or gains. */
function lossText({ change, byToken }: MeasuredLoss, token: number): string[] {
  const nats = byToken[token];
  if (nats === undefined || Number.isNaN(nats)) return [];
  const factor = probability(Math.exp(-nats));
  return [
    nats > 0
      ? l10n.t`Measured, ${inlineCode(change)}: loses **${nats.toFixed(2)}** nats, ${factor} of its probability stay.`
      : l10n.t`Measured, ${inlineCode(change)}: gains ${(-nats).toFixed(2)} nats.`,
  ];
}

/** More slots that a limit hits than these are counted only. */
const MAX_FATES = 6;

/** Which slots of a token a capacity limit hits, and why. */
function limitText(
  { trace }: RoutedText,
  { factor, policy }: CapacityLimit,
  fates: readonly (readonly SlotFate[])[],
): string {
  const hit = fates.flatMap((slots, i) =>
    slots.filter(({ fate }) => fate !== 'kept').map((slot) => ({ slot, at: layerLabel(trace.layers[i]!) })),
  );
  const who = POLICY_NAMES[policy].toLowerCase();
  if (hit.length === 0) return l10n.t`Capacity factor ${factor}, ${who} (counted): no slot of this token is dropped.`;
  const named = hit.slice(0, MAX_FATES).map(({ slot: { expert, place, capacity, movedTo }, at }) => {
    const nth = ordinal(place + 1);
    return movedTo === undefined
      ? l10n.t`**dropped** at ${at}: E${expert} is full; this token is the ${nth} in line, and the expert takes ${capacity}`
      : l10n.t`**moved** to E${movedTo}, as E${expert} at ${at} is full: this token is the ${nth} in line, and the expert takes ${capacity}`;
  });
  const list = named.join(l10n.t`; `);
  const left = hit.length - named.length;
  return l10n.t`Capacity factor ${factor}, ${who} (counted): ${left > 0 ? l10n.t`${list}, and ${left} more` : list}.`;
}

function ordinal(n: number): string {
  const last = n % 10;
  const teens = n % 100 >= 11 && n % 100 <= 13;
  if (teens || last === 0 || last > 3) return l10n.t`${n}th`;
  return last === 1 ? l10n.t`${n}st` : last === 2 ? l10n.t`${n}nd` : l10n.t`${n}rd`;
}

function commandLink(command: string, argument: object): string {
  // encodeURIComponent leaves parentheses, which would end a Markdown link.
  const encoded = encodeURIComponent(JSON.stringify([argument]))
    .replace(/\(/gu, '%28')
    .replace(/\)/gu, '%29');
  return `command:${command}?${encoded}`;
}

function barPiece(cells: number, color: string): string {
  return cells === 0 ? '' : `<span style="background-color:${color};">${'&nbsp;'.repeat(cells)}</span>`;
}

function colored(text: string, color: string): string {
  return `<span style="color:${color};">${text}</span>`;
}
