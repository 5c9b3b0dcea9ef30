import { layerLabel } from '../analysis/labels.ts';
import { mostFlipped, routingAgreement, type Agreement } from '../analysis/agreement.ts';
import type { RecordedTrace } from '../formats/traceJson.ts';
import { NO_EXPERT, type LayerTrace } from '../protocol/trace.ts';
import { INTERRUPTED, readOneText, route, type RouteOptions } from './route.ts';
import { UsageError } from './usage.ts';
import { count, depthOf, modelTitle, percent, table, visible } from './table.ts';

/** Tokens listed that flip at the most layers, and layers named of each. */
const LISTED_TOKENS = 20;
const NAMED_LAYERS = 3;

export interface AgreeOptions extends Omit<RouteOptions, 'precision' | 'provider' | 'generate' | 'server'> {
  readonly files: readonly string[];
  /** The two ways to run the model. */
  readonly ways: readonly [Way, Way];
}

type Way = Pick<RouteOptions, 'precision' | 'provider' | 'server'>;

/** Routes a text in two ways and shows what of the routing stays. Returns the exit code; throws UserError and UsageError. */
export async function agree({ files, ways, ...options }: AgreeOptions): Promise<number> {
  const text = await readOneText(files);
  const first = await route(text, { ...options, ...ways[0], generate: 0 });
  if (first.interrupted) return INTERRUPTED;
  const second = await route(text, { ...options, ...ways[1], generate: 0 });
  try {
    process.stdout.write(renderAgreement(first.recorded, second.recorded));
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`These are two models: ${error.message}.`, { cause: error });
    throw error;
  }
  return second.interrupted ? INTERRUPTED : 0;
}

function renderAgreement(first: RecordedTrace, second: RecordedTrace): string {
  const agreement = routingAgreement(first.trace, second.trace);
  const { model } = first.trace.origin;
  const [a, b] = [first, second].map(
    ({ trace: { origin } }) => `${visible(origin.model.precision)} on ${visible(origin.model.provider)}`,
  );
  const { tokens, flips, layers, share } = agreement;
  const all = first.trace.tokens.ids.length;
  const lines = [
    `${modelTitle(model)}, ${depthOf(model)}, ${count(all, 'token')}`,
    `${a!} against ${b!}: ${percent(share, 2)} of choices stay, ${count(flips.length, 'token')} of ${tokens} flip somewhere`,
    ...(tokens < all ? [`Stopped early: the figures are of the first ${count(tokens, 'token')}.`] : []),
  ];
  const rows = layers.map((layer) => [
    layerLabel(layer),
    percent(layer.stayed / (layer.tokens * layer.k), 2),
    percent(layer.topStayed / layer.tokens, 2),
    `${layer.flips.length} (${percent(layer.flips.length / layer.tokens)})`,
    Number.isNaN(layer.weightDifference) ? '–' : layer.weightDifference.toPrecision(2),
  ]);
  const header = ['layer', 'choices that stay', 'top expert stays', 'tokens that flip', 'largest weight difference'];
  const parts = [`${lines.join('\n')}\n`, table(header, rows)];
  if (flips.length > 0) parts.push(flipTable(agreement, first, second));
  return parts.join('\n');
}

function flipTable(agreement: Agreement, first: RecordedTrace, second: RecordedTrace): string {
  const { start, end } = first.trace.tokens;
  const { layers } = agreement;
  const rows = mostFlipped(agreement, LISTED_TOKENS).map((token) => {
    const at = layers.flatMap((layer, i) => (layer.flips.includes(token) ? [i] : []));
    const named = at.slice(0, NAMED_LAYERS).map((i) => {
      const [before, after] = [first, second].map(({ trace }) => expertsOf(trace.layers[i]!, token));
      return `${layerLabel(layers[i]!)} ${before!} → ${after!}`;
    });
    const more = at.length > NAMED_LAYERS ? [`and ${at.length - NAMED_LAYERS} more`] : [];
    const text = `"${visible(first.text.slice(start[token], end[token]))}"`;
    return [String(token), text, String(at.length), [...named, ...more].join(', ')];
  });
  return `Tokens that flip at the most layers\n${table(['token', 'text', 'layers', 'from → to'], rows, [1, 3])}`;
}

function expertsOf({ chosen, candidates, k }: LayerTrace, token: number): string {
  const from = token * candidates;
  return Array.from(chosen.subarray(from, from + k), (e) => (e === NO_EXPERT ? '–' : `E${e}`)).join(' ');
}
