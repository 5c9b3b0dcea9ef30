/**
 * The public trace format, `moescope-trace` version 1: JSON that other programs read and that MoEScope opens again. It
 * holds the chosen experts, not the runners-up. The README documents it; a change that would break a reader raises the
 * version.
 */
import * as l10n from '@vscode/l10n';
import * as v from 'valibot';
import { messageOf, UserError } from '../protocol/errors.ts';
import { NO_EXPERT, SCORINGS, type LayerTrace, type ModelInfo, type RoutingTrace } from '../protocol/trace.ts';
import type { Written } from '../protocol/written.ts';
import { MAX_LAYER } from './countsTable.ts';
import { isJsonObject, type JsonObject } from './json.ts';

const FORMAT = 'moescope-trace';
const VERSION = 1;
/** Experts are stored in 16 bits. */
const MAX_EXPERTS = 0xfffe;

/** A trace and the text it is of. */
export interface RecordedTrace {
  readonly trace: RoutingTrace;
  readonly text: string;
}

/**
 * Writes a trace piece by piece: one of a long text would not fit into a single string.
 *
 * @param by what writes it when, and what the text is called
 */
export function* writeTraceJson(
  { trace, text }: RecordedTrace,
  by?: Written & { readonly name: string },
): Generator<string> {
  const { tokens, layers, origin, windows, routed, generatedFrom = Infinity } = trace;
  const { name, architecture, layers: depth, hiddenSize, vocabulary, context, parameters } = origin.model;
  const { bytes, note, physicalIds, scoring } = origin.model;
  const head = {
    format: FORMAT,
    version: VERSION,
    ...by,
    model: {
      ...{ name, architecture, layers: depth, hiddenSize, vocabulary, context, parameters },
      ...(bytes ? { bytes } : {}),
      ...(scoring === undefined ? {} : { scoring }),
      ...(physicalIds ? { physicalIds } : {}),
      ...(note === undefined ? {} : { note }),
    },
    precision: origin.model.precision,
    provider: origin.model.provider,
    text,
    windows: [...windows],
    routed,
  };
  yield JSON.stringify(head).slice(0, -1) + ',"tokens":[';
  for (let t = 0; t < tokens.ids.length; t++) {
    const { ids, start, end, logProb } = tokens;
    yield `${t > 0 ? ',\n' : '\n'}{"id":${ids[t]!},"start":${start[t]!},"end":${end[t]!},"logProb":${number(logProb[t]!)}${t >= generatedFrom ? ',"generated":true' : ''}}`;
  }
  yield '],"layers":[';
  for (const [i, layer] of layers.entries()) yield* writeLayer(layer, routed, i > 0);
  yield ']}\n';
}

function* writeLayer(layer: LayerTrace, routed: number, follows: boolean): Generator<string> {
  const { experts, k, candidates, stack } = layer;
  const shape = { layer: layer.layer, ...(stack === undefined ? {} : { stack }), experts, k };
  yield (follows ? ',\n' : '\n') + JSON.stringify(shape).slice(0, -1);
  const rows = function* (
    key: string,
    values: Uint16Array | Float32Array,
    print: (value: number) => string,
  ): Generator<string> {
    yield `,"${key}":[`;
    for (let t = 0; t < routed; t++) {
      const row = Array.from(values.subarray(t * candidates, t * candidates + k), print);
      yield `${t > 0 ? ',' : ''}[${row.join(',')}]`;
    }
    yield ']';
  };
  yield* rows('chosen', layer.chosen, (expert) => (expert === NO_EXPERT ? 'null' : String(expert)));
  yield* rows('weight', layer.weight, number);
  for (const key of ['entropy', 'margin'] as const) {
    yield `,"${key}":[${Array.from(layer[key].subarray(0, routed), number).join(',')}]`;
  }
  yield '}';
}

/** Nine digits tell every float32 apart; JSON has no NaN. */
function number(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(9))) : 'null';
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** Columns of places hold no more. */
const place = v.pipe(count, v.maxValue(2 ** 32 - 1));
const depth = v.pipe(count, v.maxValue(MAX_LAYER));
/** Of a token; -1 where it is not known. */
const tokenId = v.pipe(v.number(), v.safeInteger(), v.minValue(-1), v.maxValue(2 ** 31 - 1));
const sizeOr = (fallback: number): v.GenericSchema<unknown, number> => v.fallback(count, fallback);
const nullable = v.nullable(v.number());
/** Of all weights, and of those that one token uses. */
const weights = v.object({ total: v.number(), active: v.number() });
const traceSchema = v.object({
  format: v.literal(FORMAT),
  version: v.literal(VERSION),
  model: v.object({
    name: v.string(),
    architecture: v.fallback(v.string(), ''),
    layers: v.fallback(depth, 0),
    hiddenSize: sizeOr(0),
    vocabulary: sizeOr(0),
    context: sizeOr(0),
    parameters: v.fallback(weights, { total: 0, active: 0 }),
    bytes: v.fallback(v.optional(weights), undefined),
    scoring: v.fallback(v.optional(v.picklist(SCORINGS)), undefined),
    physicalIds: v.fallback(v.optional(v.literal(true)), undefined),
    note: v.fallback(v.optional(v.string()), undefined),
  }),
  precision: v.string(),
  provider: v.string(),
  text: v.optional(v.string(), ''),
  windows: v.optional(v.array(place), [0]),
  routed: v.optional(count),
  tokens: v.array(
    v.object({ id: tokenId, start: place, end: place, logProb: nullable, generated: v.optional(v.boolean(), false) }),
  ),
  layers: v.pipe(
    v.array(
      v.object({
        layer: depth,
        stack: v.optional(v.picklist(['encoder', 'decoder'])),
        experts: v.pipe(count, v.minValue(1), v.maxValue(MAX_EXPERTS)),
        k: v.pipe(count, v.minValue(1)),
        chosen: v.array(v.array(v.nullable(count))),
        weight: v.array(v.array(nullable)),
        entropy: v.array(nullable),
        margin: v.array(nullable),
      }),
    ),
    v.minLength(1),
  ),
});

type TraceFile = v.InferOutput<typeof traceSchema>;

/** Whether a value is a trace, of whatever version. */
export function isTraceJson(value: unknown): value is JsonObject {
  return isJsonObject(value) && value['format'] === FORMAT;
}

/**
 * Reads what `writeTraceJson` writes.
 *
 * @throws UserError `trace-invalid` naming what is wrong
 */
export function readTraceJson(json: string): RecordedTrace {
  const invalid = (what: string, cause?: unknown): UserError =>
    new UserError('trace-invalid', l10n.t`This is no trace that MoEScope can open: ${what}.`, { cause });
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw invalid(messageOf(error), error);
  }
  const version = isTraceJson(value) ? value['version'] : undefined;
  // First of all: another version may differ in anything.
  if (version !== undefined && version !== VERSION)
    throw invalid(l10n.t`it has version ${JSON.stringify(version).slice(0, 20)}, and only version ${VERSION} is known`);
  const parsed = v.safeParse(traceSchema, value, { abortEarly: true });
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw invalid(`${v.getDotPath(issue) ?? l10n.t`the file`}: ${issue.message}`);
  }
  const file = parsed.output;
  const tokens = file.tokens.length;
  const routed = file.routed ?? tokens;
  const problem = problemOf(file, tokens, routed);
  if (problem !== undefined) throw invalid(problem);
  const layers = file.layers.map((layer) => layerOf(layer, tokens));
  const generatedFrom = file.tokens.findIndex((t) => t.generated);
  return {
    text: file.text,
    trace: {
      tokens: {
        ids: Int32Array.from(file.tokens, (t) => t.id),
        start: Uint32Array.from(file.tokens, (t) => t.start),
        end: Uint32Array.from(file.tokens, (t) => t.end),
        logProb: floats(
          file.tokens.map((t) => t.logProb),
          tokens,
        ),
      },
      layers,
      windows: Uint32Array.from(file.windows),
      routed,
      ...(generatedFrom === -1 ? {} : { generatedFrom }),
      origin: { model: modelOf(file, layers), source: 'recorded' },
    },
  };
}

/** What does not fit together in a file whose parts are as they must be. */
function problemOf({ windows, tokens: places, layers }: TraceFile, tokens: number, routed: number): string | undefined {
  // An empty part of a recording begins where the next one does.
  const isWindow = (from: number, w: number): boolean => (w === 0 ? from === 0 : from >= windows[w - 1]!);
  if (windows.length === 0 || !windows.every(isWindow) || windows.at(-1)! > tokens) {
    return l10n.t`its windows do not begin with its first token and rise to its last`;
  }
  if (places.some((t) => t.start > t.end)) return l10n.t`a token ends before it starts`;
  const seen = new Set<string>();
  for (const layer of layers) {
    const place = `${layer.stack} ${layer.layer}`;
    if (seen.has(place)) return l10n.t`layer ${layer.layer} appears twice`;
    seen.add(place);
    const columns = [layer.chosen, layer.weight, layer.entropy, layer.margin];
    if (routed > tokens || columns.some((c) => c.length !== routed)) {
      return l10n.t`layer ${layer.layer} does not have one row a token`;
    }
    if ([...layer.chosen, ...layer.weight].some((row) => row.length !== layer.k)) {
      return l10n.t`layer ${layer.layer} does not have ${layer.k} experts a token`;
    }
    if (layer.k > layer.experts) {
      return l10n.t`layer ${layer.layer} chooses ${layer.k} of ${layer.experts} experts`;
    }
    const outside = layer.chosen.flat().find((e) => e !== null && e >= layer.experts);
    if (typeof outside === 'number') return l10n.t`layer ${layer.layer} has no expert ${outside}`;
    const twice = repeated(layer.chosen, layer.experts);
    if (twice !== undefined) return l10n.t`layer ${layer.layer} has expert ${twice} twice for a token`;
  }
  return undefined;
}

function layerOf({ layer, stack, experts, k, ...rows }: TraceFile['layers'][number], tokens: number): LayerTrace {
  const chosen = new Uint16Array(tokens * k);
  chosen.set(rows.chosen.flat().map((e) => e ?? NO_EXPERT));
  return {
    layer,
    ...(stack === undefined ? {} : { stack }),
    experts,
    k,
    candidates: k,
    chosen,
    weight: floats(rows.weight.flat(), tokens * k),
    entropy: floats(rows.entropy, tokens),
    margin: floats(rows.margin, tokens),
    // Not part of the format: it takes every expert's probability.
    probSum: new Float64Array(experts).fill(NaN),
    logSumExpSq: NaN,
  };
}

function modelOf({ model, precision, provider }: TraceFile, layers: readonly LayerTrace[]): ModelInfo {
  const { bytes, scoring, physicalIds, note, ...known } = model;
  return {
    ...known,
    ...(bytes ? { bytes } : {}),
    ...(scoring === undefined ? {} : { scoring }),
    ...(physicalIds ? { physicalIds } : {}),
    ...(note === undefined ? {} : { note }),
    folder: '',
    precision,
    provider,
    moeLayers: layers,
    ...(layers.every(({ weight }) => weight.every(Number.isNaN)) ? { weightless: true as const } : {}),
  };
}

/** An expert that a row names twice. */
function repeated(rows: readonly (readonly (number | null)[])[], experts: number): number | undefined {
  // The row that an expert was seen in last, counted from 1.
  const seen = new Uint32Array(experts);
  for (const [t, row] of rows.entries()) {
    for (const expert of row) {
      if (expert === null) continue;
      if (seen[expert] === t + 1) return expert;
      seen[expert] = t + 1;
    }
  }
  return undefined;
}

/** Numbers as a column of the given length; null stands for NaN. */
function floats(values: readonly (number | null)[], length: number): Float32Array {
  const column = new Float32Array(length);
  values.forEach((value, i) => {
    column[i] = value ?? NaN;
  });
  return column;
}
