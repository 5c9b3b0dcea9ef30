/** Traces from expert ids without weights: arrays that somebody saved, and answers of serving engines. */
import * as l10n from '@vscode/l10n';
import { UserError } from '../protocol/errors.ts';
import type { Recording } from '../protocol/recording.ts';
import { readEngineReply, type EngineReply, type ReplyContext } from './engineReply.ts';
import { isWhole, type IntegerArray } from './npy.ts';
import {
  countedShape,
  layersWithoutWeights,
  modelElsewhere,
  placeLayers,
  splitByLayer,
  type KnownLayers,
  type PlacedLayers,
} from './routedExperts.ts';

const ROUTED = 'routed_experts';
/** Names under which token ids are saved beside expert ids. */
const TOKEN_IDS = ['token_ids', 'input_ids', 'prompt_token_ids', 'tokens', 'ids'];
const ID_NAMES: ReadonlySet<string> = new Set([ROUTED, ...TOKEN_IDS]);
const MAX_EXPERTS = 0xfffe;

/**
 * Arrays by name: expert ids as the one of whole numbers with axes [tokens, layers, k], with token ids or weights beside it or
 * not; or counts as the one with axes [layers, experts].
 *
 * @param name what to call the model
 * @throws UserError `trace-invalid`
 */
export function arraysRecording(
  arrays: ReadonlyMap<string, IntegerArray>,
  name: string,
  known?: KnownLayers,
): Recording {
  const all = [...arrays.values()];
  const experts = arrays.get(ROUTED) ?? all.find((array) => array.shape.length === 3 && isWhole(array.values));
  if (experts?.shape.length === 3) {
    const tokens = experts.shape[0]!;
    const ids = TOKEN_IDS.map((key) => arrays.get(key)).find((array) => array?.shape.length === 1);
    if (ids && ids.shape[0]! < tokens)
      throw invalid(l10n.t`it has ${tokens} rows of routing for ${ids.shape[0]!} token ids`);
    return traceOf(
      [{ experts, ids: ids ? Int32Array.from(ids.values.subarray(0, tokens)) : unknownIds(tokens) }],
      name,
      known,
    );
  }
  // Ids of a batch, or of a single layer, have two axes as well.
  const counts = [...arrays].find(([key, { shape }]) => shape.length === 2 && !ID_NAMES.has(key))?.[1];
  if (!counts) throw invalid(l10n.t`it has neither expert ids [tokens, layers, k] nor counts [layers, experts]`);
  return countsRecording(counts, name);
}

function countsRecording({ shape, values }: IntegerArray, name: string): Recording {
  const [layers = 0, experts = 0] = shape;
  if (
    layers < 1 ||
    experts < 1 ||
    experts > MAX_EXPERTS ||
    !values.every((c) => c >= 0 && c < 2 ** 53) ||
    !values.some((c) => c > 0)
  ) {
    throw invalid(l10n.t`its counts [layers, experts] are not valid`);
  }
  // Dense layers have a row as well.
  const loads = Array.from({ length: layers }, (_, layer) => ({
    shape: countedShape(layer, experts, undefined),
    counts: Float64Array.from(values.subarray(layer * experts, (layer + 1) * experts)),
  })).filter(({ counts }) => counts.some((c) => c > 0));
  const model = modelElsewhere(
    {
      name,
      layers,
      moeLayers: loads.map((load) => load.shape),
    },
    [],
  );
  return { kind: 'counts', counts: [{ name: '', model, loads }] };
}

/**
 * Saved answers of engines, each of which becomes a window of one trace.
 *
 * @param name what to call the model where no answer tells
 * @param known what the model's config says, without which SGLang's answers do not tell their layers
 * @throws UserError `server-unfit`, `trace-invalid`
 */
export function repliesRecording(values: readonly unknown[], name: string, known?: KnownLayers): Recording {
  const k = known?.moeLayers[0]?.k;
  const context: ReplyContext = known && k !== undefined ? { shape: [known.layers, k] } : {};
  const replies = values.map((value) => readEngineReply(value, context));
  return traceOf(replies.map(routedPart), replies.find(({ model }) => model !== '')?.model ?? name, known);
}

/** Tokens with expert ids, and what is known of them. */
interface Part {
  readonly experts: IntegerArray;
  /** Of all rows; -1 where it is not known. */
  readonly ids: Int32Array;
  /** Of the first rows. */
  readonly logProb?: Float32Array;
  readonly pieces?: EngineReply['pieces'];
  readonly text?: string;
}

function routedPart({ experts, promptIds, outputIds, ...known }: EngineReply): Part {
  if (!experts) {
    throw new UserError(
      'server-unfit',
      l10n.t`The recorded answer holds no routing: the engine has to be started with --enable-return-routed-experts.`,
    );
  }
  const ids = new Int32Array(promptIds.length + outputIds.length);
  ids.set(promptIds);
  ids.set(outputIds, promptIds.length);
  return { ...known, experts, ids: ids.subarray(0, experts.shape[0]) };
}

function traceOf(parts: readonly Part[], name: string, known: KnownLayers | undefined): Recording {
  const [, layers = 0, k = 0] = parts[0]!.experts.shape;
  if (parts.some(({ experts }) => experts.shape[1] !== layers || experts.shape[2] !== k)) {
    throw invalid(l10n.t`its parts have different numbers of layers or experts`);
  }
  const tokens = parts.reduce((sum, { ids }) => sum + ids.length, 0);
  if (tokens === 0) throw invalid(l10n.t`it has no tokens`);
  const placed = placeLayers(splitByLayer(joined(parts), tokens, layers, k), k, known);
  const ids = new Int32Array(tokens);
  const [start, end] = [new Uint32Array(tokens), new Uint32Array(tokens)];
  const logProb = new Float32Array(tokens).fill(NaN);
  const windows: number[] = [];
  let text = '';
  let from = 0;
  for (const part of parts) {
    windows.push(from);
    ids.set(part.ids, from);
    if (part.logProb) logProb.set(part.logProb.subarray(0, part.ids.length), from);
    for (let i = 0; i < part.ids.length; i++) {
      start[from + i] = text.length;
      text += part.pieces?.[i] ?? '';
      end[from + i] = text.length;
    }
    from += part.ids.length;
  }
  // A prompt without the texts of its tokens still is a text, in which they have no place.
  if (text === '') text = parts.map((part) => part.text ?? '').join('\n');
  return {
    kind: 'trace',
    text,
    trace: {
      tokens: { ids, start, end, logProb },
      layers: layersWithoutWeights(placed, tokens),
      windows: Uint32Array.from(windows),
      routed: tokens,
      origin: { source: 'recorded', model: modelOf(placed, name) },
    },
  };
}

function modelOf({ layers, moeLayers, physicalIds, notes }: PlacedLayers, name: string) {
  return modelElsewhere({ name, layers, moeLayers, weightless: true, ...(physicalIds ? { physicalIds } : {}) }, [
    l10n.t`Weights are not recorded.`,
    ...notes,
  ]);
}

function joined(parts: readonly Part[]): IntegerArray['values'] {
  if (parts.length === 1) return parts[0]!.experts.values;
  const all = new Int32Array(parts.reduce((sum, { experts }) => sum + experts.values.length, 0));
  let from = 0;
  for (const { experts } of parts) {
    all.set(experts.values, from);
    from += experts.values.length;
  }
  return all;
}

function unknownIds(tokens: number): Int32Array {
  return new Int32Array(tokens).fill(-1);
}

function invalid(what: string): UserError {
  return new UserError('trace-invalid', l10n.t`This is no recording that MoEScope can open: ${what}.`);
}
