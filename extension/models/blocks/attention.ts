import type { Graph, Value } from '../graph.ts';
import type { AttentionSpec } from '../spec.ts';
import type { WeightPlan } from '../weights.ts';
import { linear } from './linear.ts';

/** Inputs that the attention of every layer shares. */
export interface Positions {
  /** Tokens in the cache after this chunk, minus one; int32 [1]. */
  readonly lastPosition: Value;
  /** Tokens in the cache after this chunk; int32 scalar. */
  readonly total: Value;
  /** Positions of this chunk's tokens; int64 [1, T]. */
  readonly positions: Value;
  /** cos and sin by position; float32 [positions, dims/2]. */
  readonly cos: Value;
  readonly sin: Value;
}

/** Keys and values of one layer; [1, kvHeads, capacity, headDim]. Given one buffer for both ends, it is written in place. */
export interface KvCache {
  readonly pastKey: Value;
  readonly pastValue: Value;
  readonly presentKey: Value;
  readonly presentValue: Value;
}

/** The kernel takes head sizes in these steps; with its own rotation in larger ones. */
const HEAD_STEP = 8;
const ROTARY_HEAD_STEP = 16;

/** Width of a head in the KV cache: the model's, rounded up to what the kernel takes. */
export function cachedHeadDim(headDim: number): number {
  return Math.ceil(headDim / HEAD_STEP) * HEAD_STEP;
}

/** Causal grouped-query attention of x [T, H] over the cache and itself; [T, H]. Adds the layer's cache to the graph's ends. */
export function attention(
  graph: Graph,
  plan: WeightPlan,
  x: Value,
  spec: AttentionSpec,
  at: Positions,
  name: string,
): { output: Value; cache: KvCache } {
  const cacheShape = [1, spec.kvHeads, 'capacity', cachedHeadDim(spec.headDim)];
  const pastKey = graph.input(`past.${name}.key`, 'float32', cacheShape);
  const pastValue = graph.input(`past.${name}.value`, 'float32', cacheShape);
  const qkv =
    spec.headDim % ROTARY_HEAD_STEP === 0
      ? rotatedByKernel(graph, plan, x, spec)
      : rotatedBefore(graph, plan, x, spec, at);
  const rotary = spec.headDim % ROTARY_HEAD_STEP === 0;
  const [mixed, presentKey, presentValue] = graph.ops(
    'GroupQueryAttention',
    [...qkv, pastKey, pastValue, at.lastPosition, at.total, ...(rotary ? [at.cos, at.sin] : [])],
    3,
    {
      num_heads: spec.heads,
      kv_num_heads: spec.kvHeads,
      scale: { float: 1 / Math.sqrt(spec.headDim) },
      do_rotary: rotary ? 1 : 0,
      local_window_size: spec.window ?? -1,
    },
  ) as [Value, Value, Value];
  graph.output(presentKey, 'float32', cacheShape);
  graph.output(presentValue, 'float32', cacheShape);
  const heads = unpad(graph, mixed, spec);
  return { output: linear(graph, plan, heads, spec.output), cache: { pastKey, pastValue, presentKey, presentValue } };
}

/** Query, key and value in one product; the kernel takes them packed and rotates them itself. */
function rotatedByKernel(graph: Graph, plan: WeightPlan, x: Value, spec: AttentionSpec): Value[] {
  const packed = linear(graph, plan, x, spec.query, spec.key, spec.value);
  const width = (spec.heads + 2 * spec.kvHeads) * spec.headDim;
  return [graph.op('Reshape', [packed, graph.ints([1, -1, width])]), '', ''];
}

/** For head sizes that the kernel cannot rotate: rotated here, and padded with zeros, which change no dot product. */
function rotatedBefore(graph: Graph, plan: WeightPlan, x: Value, spec: AttentionSpec, at: Positions): Value[] {
  const project = (tensor: AttentionSpec['query'], heads: number, rotate: boolean): Value => {
    let value = graph.op('Reshape', [linear(graph, plan, x, tensor), graph.ints([1, -1, heads * spec.headDim])]);
    if (rotate) {
      value = graph.op('RotaryEmbedding', [value, at.positions, at.cos, at.sin], {
        num_heads: heads,
        rotary_embedding_dim: 0,
      });
    }
    const padding = cachedHeadDim(spec.headDim) - spec.headDim;
    if (padding === 0) return value;
    const split = graph.op('Reshape', [value, graph.ints([1, -1, heads, spec.headDim])]);
    const padded = graph.op('Pad', [split, graph.ints([0, 0, 0, 0, 0, 0, 0, padding]), graph.float(0)]);
    return graph.op('Reshape', [padded, graph.ints([1, -1, heads * cachedHeadDim(spec.headDim)])]);
  };
  return [
    project(spec.query, spec.heads, true),
    project(spec.key, spec.kvHeads, true),
    project(spec.value, spec.kvHeads, false),
  ];
}

/** [1, T, heads · cached width] to [T, heads · headDim]. */
function unpad(graph: Graph, mixed: Value, spec: AttentionSpec): Value {
  const width = cachedHeadDim(spec.headDim);
  let heads = mixed;
  if (width !== spec.headDim) {
    heads = graph.op('Reshape', [heads, graph.ints([1, -1, spec.heads, width])]);
    heads = graph.op('Slice', [heads, graph.ints([0]), graph.ints([spec.headDim]), graph.ints([3])]);
  }
  return graph.op('Reshape', [heads, graph.ints([-1, spec.heads * spec.headDim])]);
}
