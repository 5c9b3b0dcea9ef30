import { coldPercent, coldShare, expertCounts, loadFigures, meanOf, seenTokens } from '../analysis/load.ts';
import { layerLabel } from '../analysis/labels.ts';
import { fixed } from '../analysis/numbers.ts';
import type { RecordedTrace } from '../formats/traceJson.ts';
import { escaped } from '../protocol/escaped.ts';
import { NO_EXPERT, type LayerTrace, type ModelInfo, type RoutingTrace } from '../protocol/trace.ts';

/** Tokens listed with the smallest margins. */
const UNSURE_TOKENS = 20;
/** Longest bar of a load chart, in characters. */
const BAR_WIDTH = 40;

/**
 * The tables of a trace: load by layer, the experts of one layer if asked for, and the tokens the router was least sure of.
 *
 * @param asked how many tokens the model was asked to add
 */
export function renderTables({ trace, text }: RecordedTrace, layer: LayerTrace | undefined, asked = 0): string {
  const chosen = layer === undefined ? trace.layers : [layer];
  const parts = [summary(trace) + (asked > 0 ? generatedText(trace, text, asked) : ''), loadTable(trace)];
  if (layer !== undefined) parts.push(loadBars(layer, trace.routed));
  parts.push(unsureTable(trace, chosen, text));
  return parts.join('\n');
}

/** What was routed by what, and what to know of it. */
export function summary({ origin, tokens, routed, windows }: RoutingTrace): string {
  const { model, milliseconds } = origin;
  const total = tokens.ids.length;
  const lines = [
    `${modelTitle(model)}, ${depthOf(model)}, ${count(total, 'token')}`,
    `${visible(model.precision)} on ${visible(model.provider)}` +
      (milliseconds
        ? `, routed in ${milliseconds.route.toFixed(0)} ms`
        : origin.source === 'recorded'
          ? ', recorded'
          : ''),
    ...(model.note === undefined ? [] : [visible(model.note, Infinity)]),
  ];
  if (model.skipped) lines.push(`Left out of the model: ${visible(model.skipped.join(', '), Infinity)}.`);
  if (windows.length > 1) {
    const why = model.context > 0 ? `The text is longer than the context of ${model.context} tokens: ` : '';
    lines.push(`${why}${windows.length} windows${why === '' ? ', each of which begins afresh' : ''}.`);
  }
  if (routed < total) lines.push(`Stopped early: the figures are of the first ${count(routed, 'token')}.`);
  return `${lines.join('\n')}\n`;
}

/** What the model added, which is less than it was asked for where its last window is full. */
function generatedText({ tokens, generatedFrom, origin }: RoutingTrace, text: string, asked: number): string {
  const from = generatedFrom ?? tokens.ids.length;
  const added = tokens.ids.length - from;
  const all = added < asked ? ` of ${asked}, and the context of ${origin.model.context} tokens is full` : '';
  const what = added > 0 ? `: "${visible(text.slice(tokens.start[from]), Infinity)}"` : '.';
  return `Generated: ${count(added, 'token')}${all}${what}\n`;
}

/** How many layers a model has; those with experts where the others are not known. */
export function depthOf({ layers, moeLayers }: ModelInfo): string {
  return layers > 0 ? count(layers, 'layer') : count(moeLayers.length, 'MoE layer');
}

/** A model's name, and what it is where that is known. */
export function modelTitle({ name, architecture }: ModelInfo): string {
  return visible(name) + (architecture === '' ? '' : ` (${visible(architecture)})`);
}

function loadTable({ layers, routed }: RoutingTrace): string {
  const cold = `${coldPercent(coldShare(layers[0]?.experts ?? 1))} %`;
  const counts = layers.map((layer) => expertCounts(layer, 0, routed));
  const dropped = layers.map((layer, i) => {
    const seen = seenTokens(layer, routed);
    return seen === 0 ? 0 : 1 - counts[i]!.reduce((sum, n) => sum + n, 0) / (seen * layer.k);
  });
  // Only capacity limits drop any.
  const drops = dropped.some((share) => share > 0);
  const rows = layers.map((layer, i) => {
    const f = loadFigures(counts[i]!, coldShare(layer.experts));
    return [
      layerLabel(layer),
      `E${f.hottest}`,
      percent(f.shares[f.hottest]!),
      `E${f.coldest}`,
      percent(f.shares[f.coldest]!),
      percent(f.coldFraction),
      fixed(f.maxVio, 2),
      `${fixed(f.effectiveExperts, 1)} of ${layer.experts}`,
      fixed(meanOf(layer.entropy, 0, routed), 3),
      ...(drops ? [percent(dropped[i]!)] : []),
    ];
  });
  const figures = ['MaxVio', 'effective experts', 'entropy, nats', ...(drops ? ['dropped'] : [])];
  return table(['layer', 'hottest', 'share', 'coldest', 'share', `under ${cold}`, ...figures], rows);
}

function loadBars(layer: LayerTrace, routed: number): string {
  const { shares, hottest } = loadFigures(expertCounts(layer, 0, routed));
  const rows = Array.from(shares, (share, e) => [
    `E${e}`,
    percent(share),
    '█'.repeat(Math.round((share / shares[hottest]!) * BAR_WIDTH || 0)),
  ]);
  return `Load of layer ${layerLabel(layer)}, even share ${percent(1 / layer.experts)}\n${table([], rows, [2])}`;
}

interface Unsure {
  readonly token: number;
  readonly layer: LayerTrace;
  readonly margin: number;
}

function unsureTable(trace: RoutingTrace, layers: readonly LayerTrace[], text: string): string {
  const { tokens, routed } = trace;
  const found: Unsure[] = [];
  for (let token = 0; token < routed; token++) {
    // Each token once, at the layer where its margin is smallest.
    let least: Unsure | undefined;
    for (const layer of layers) {
      const margin = layer.margin[token]!;
      if (!Number.isNaN(margin) && (!least || margin < least.margin)) least = { token, layer, margin };
    }
    if (least) found.push(least);
  }
  if (found.length === 0)
    return 'How sure the router was is not known: the source of the routing does not return it.\n';
  found.sort((a, b) => a.margin - b.margin);
  const rows = found.slice(0, UNSURE_TOKENS).map(({ token, layer, margin }) => {
    const row = token * layer.candidates;
    const experts = Array.from({ length: layer.k }, (_, j) => {
      const expert = layer.chosen[row + j]!;
      return expert === NO_EXPERT ? 'dropped' : `E${expert} ${layer.weight[row + j]!.toFixed(2)}`;
    });
    return [
      String(token),
      `"${visible(text.slice(tokens.start[token], tokens.end[token]))}"`,
      layerLabel(layer),
      margin.toExponential(2),
      experts.join('  '),
    ];
  });
  return `Tokens with the smallest margin between chosen and not chosen\n${table(['token', 'text', 'layer', 'margin', 'chosen'], rows, [1, 4])}`;
}

/** Columns side by side, right-aligned but for those named. A column of text in other scripts may not line up. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  left: readonly number[] = [],
): string {
  const all = header.length > 0 ? [header, ...rows] : rows;
  const widths = (all[0] ?? []).map((_, c) => Math.max(...all.map((row) => row[c]!.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, c) => (left.includes(c) ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!)))
      .join('  ')
      .trimEnd();
  return `${all.map(line).join('\n')}\n`;
}

/** Text that may come from anywhere, safe for a terminal and in one line. */
export function visible(text: string, most = 40): string {
  const cut = text.length > most ? `${text.slice(0, most)}…` : text;
  return escaped(cut.replaceAll('\n', '⏎'));
}

/** The same of a text of several lines, whole. */
export function visibleLines(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => visible(line, Infinity))
    .join('\n');
}

export function percent(share: number, digits = 1): string {
  return Number.isNaN(share) ? '–' : `${(100 * share).toFixed(digits)} %`;
}

export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
