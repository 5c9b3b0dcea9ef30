import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { StackGraph } from '../models/stack.ts';
import type { RoutedLayer } from '../protocol/engine.ts';
import { NO_EXPERT, type LayerShape, type ModelInfo } from '../protocol/trace.ts';
import type { TokenSums } from './capture.ts';
import { captureTaps, tapNames, tokenFeeds, tokenSums } from './stack.ts';

/** The stack that reads a text before the decoder writes. */
export interface Encoder {
  readonly graph: StackGraph;
  readonly session: InferenceSession;
}

/** What an encoder made of a text. */
export interface Encoded {
  readonly layers: RoutedLayer[];
  /** What each token adds to the sums of each layer, where that was asked for. */
  readonly each?: readonly TokenSums[];
  /** Keys and values for each layer of the decoder that attends to them. */
  readonly crosses: readonly { readonly key: Tensor; readonly value: Tensor }[];
}

/**
 * Runs tokens through the encoder, in one pass: each sees all.
 *
 * @param wantsEach whether to tell what each token adds to the sums
 */
export async function encode(
  { graph, session }: Encoder,
  info: ModelInfo,
  ids: Int32Array,
  wantsEach = false,
): Promise<Encoded> {
  const { crosses, taps } = graph;
  const wanted = [...tapNames(taps), ...crosses.flatMap(({ key, value }) => [key, value])];
  const outputs = await session.run(tokenFeeds(graph.inputs, ids, 0), wanted);
  const each = wantsEach ? tokenSums(info.moeLayers.slice(0, taps.length), ids.length) : undefined;
  return {
    layers: captureTaps(taps, outputs, info.moeLayers, ids.length, 0, each),
    ...(each ? { each } : {}),
    crosses: crosses.map(({ key, value }) => ({ key: outputs[key] as Tensor, value: outputs[value] as Tensor })),
  };
}

/** A layer's columns for one token that it does not see. */
export function unseen({ experts, candidates }: LayerShape): RoutedLayer {
  return {
    chosen: new Uint16Array(candidates).fill(NO_EXPERT),
    weight: new Float32Array(candidates),
    entropy: Float32Array.of(NaN),
    margin: Float32Array.of(NaN),
    probSum: new Float64Array(experts),
    logSumExpSq: 0,
  };
}
