import { CAST_TO, type Graph, type Value } from '../graph.ts';
import type { AttentionSpec, NormSpec } from '../spec.ts';
import type { WeightPlan } from '../weights.ts';
import { cachedAttention, type Alone } from './cachedAttention.ts';
import { linear } from './linear.ts';
import { normalize } from './norm.ts';

/** Inputs of the graph that all attention shares. */
export interface Positions {
  /** Tokens in the cache after this chunk, minus one; int32 [1]. */
  readonly lastPosition: Value;
  /** Tokens in the cache after this chunk; int32 scalar. */
  readonly total: Value;
  /** Positions of this chunk's tokens; int64 [1, T]. */
  readonly positions: Value;
  /**
   * The first of them, and that of the first token after the chunk; int64 [1]. What a chunk of one token needs, of caches as large
   * as the given one. Absent where `GraphForm.caches` is `all`.
   */
  readonly rows?: { readonly first: Value; readonly end: Value; readonly alone: (pastKey: Value) => Alone };
}

/** cos and sin of a rope by position; float32 [positions, dims/2]. */
export interface RopeInputs {
  readonly cos: Value;
  readonly sin: Value;
}

/**
 * Keys and values of one layer. What goes in has the tokens before this chunk, [1, kvHeads, capacity, headDim]; what comes out is
 * [1, kvHeads, T, headDim], to be put after them, or all of it where `GraphForm.caches` says so.
 */
export interface KvCache {
  readonly pastKey: Value;
  readonly pastValue: Value;
  readonly presentKey: Value;
  readonly presentValue: Value;
  readonly type: 'float32' | 'float16';
  readonly kvHeads: number;
  /** Width of a head in the cache. */
  readonly headDim: number;
  /** Keys are values, too: one buffer can hold both, and of rows there is one output for both. */
  readonly shared?: boolean;
}

/** What a token takes in a cache. */
export function bytesPerToken({ shared, kvHeads, headDim, type }: KvCache): number {
  return (shared ? 1 : 2) * kvHeads * headDim * (type === 'float16' ? 2 : 4);
}

/** The kernel takes head sizes in these steps; what it is to rotate, in larger ones. */
export const HEAD_STEP = 8;
const ROTARY_STEP = 16;

/**
 * Causal grouped-query attention of x [T, H] over the cache and itself; [T, H]. Adds the cache to the graph's ends.
 *
 * @param mask added to the products of queries and keys; [1, 1 or heads, T, tokens in the cache]
 */
export function attention(
  graph: Graph,
  plan: WeightPlan,
  x: Value,
  spec: AttentionSpec,
  at: Positions,
  rope: RopeInputs | undefined,
  mask: Value | undefined,
  name: string,
): { output: Value; cache: KvCache } {
  const headDim = Math.ceil(spec.headDim / HEAD_STEP) * HEAD_STEP;
  const cacheShape = [1, spec.kvHeads, 'capacity', headDim];
  const type = graph.form.activations;
  const pastKey = graph.input(`past.${name}.key`, type, cacheShape);
  const pastValue = graph.input(`past.${name}.value`, type, cacheShape);
  const kernelTakes =
    !spec.queryKeyNorm?.rotated && spec.headDim % ROTARY_STEP === 0 && (spec.rope?.dims ?? 0) % ROTARY_STEP === 0;
  const kernelRope = kernelTakes ? rope : undefined;
  const [query, key, value] = project(graph, plan, x, spec, headDim, at, kernelRope ? undefined : rope);
  const { heads: count, kvHeads, window, sinks } = spec;
  const attending = {
    ...{ query, key, value, heads: count, kvHeads, headDim, scale: spec.scale ?? 1 / Math.sqrt(spec.headDim) },
    ...(kernelRope && spec.rope
      ? { rope: { ...kernelRope, dims: spec.rope.dims, interleaved: spec.rope.interleaved === true } }
      : {}),
    ...(window === undefined ? {} : { window }),
    ...(mask === undefined ? {} : { mask }),
    ...(sinks === undefined ? {} : { sinks: graph.weight(plan.take(sinks)) }),
  };
  const attended = cachedAttention(graph, attending, { key: pastKey, value: pastValue }, at);
  let heads = unpad(graph, attended.mixed, spec, headDim);
  if (spec.gate) heads = graph.op('Mul', [heads, graph.op('Sigmoid', [linear(graph, plan, x, spec.gate)])]);
  return {
    output: linear(graph, plan, heads, spec.output),
    cache: {
      ...{ pastKey, pastValue, type, kvHeads: spec.kvHeads, headDim },
      presentKey: handOut(graph, attended.key, at, cacheShape),
      presentValue: handOut(graph, attended.value, at, cacheShape),
    },
  };
}

/** Makes keys or values of a cache of that shape, or of this chunk's tokens, an output of the graph; its name. */
export function handOut(graph: Graph, present: Value, at: Positions, shape: readonly (number | string)[]): Value {
  return graph.output(present, graph.form.activations, at.rows ? shape.with(2, 'tokens') : shape);
}

/**
 * Query, key and value as the kernel takes them: in one piece where nothing has to be done to one of them alone.
 *
 * @param rotate what to rotate by, when the kernel does not
 */
function project(
  graph: Graph,
  plan: WeightPlan,
  x: Value,
  spec: AttentionSpec,
  headDim: number,
  at: Positions,
  rotate: RopeInputs | undefined,
): [query: Value, key: Value, value: Value] {
  const parts = spec.value ? [spec.query, spec.key, spec.value] : [spec.query, spec.key];
  const widths = [spec.heads, spec.kvHeads, spec.kvHeads].slice(0, parts.length).map((heads) => heads * spec.headDim);
  let packed = linear(graph, plan, x, ...parts);
  if (!spec.queryKeyNorm) packed = clip(graph, packed, spec.clip);
  if (spec.value && !rotate && !spec.queryKeyNorm && !spec.valueNorm && !spec.temperature && headDim === spec.headDim) {
    return [graph.op('Reshape', [packed, graph.ints([1, -1, widths.reduce((a, b) => a + b)])]), '', ''];
  }
  const [query, key, value = key] = graph.ops('Split', [packed, graph.ints(widths)], parts.length, { axis: -1 }) as [
    Value,
    Value,
    Value?,
  ];
  const norms = spec.queryKeyNorm;
  const finish = (part: Value, heads: number, norm: NormSpec | undefined, isValue: boolean): Value => {
    const normed = (of: Value): Value => {
      if (!norm) return of;
      if (!isValue && norms?.over === 'all') return normalize(graph, plan, of, norm);
      return normalize(graph, plan, graph.op('Reshape', [of, graph.ints([-1, heads, spec.headDim])]), norm);
    };
    const normsLast = !isValue && norms?.rotated;
    let result = normsLast ? part : normed(part);
    if (norms) result = clip(graph, result, spec.clip);
    result = graph.op('Reshape', [result, graph.ints([1, -1, heads * spec.headDim])]);
    if (rotate && !isValue) {
      result = graph.op('RotaryEmbedding', [result, at.positions, rotate.cos, rotate.sin], {
        num_heads: heads,
        interleaved: spec.rope?.interleaved ? 1 : 0,
        rotary_embedding_dim: spec.rope?.dims === spec.headDim ? 0 : (spec.rope?.dims ?? 0),
      });
    }
    if (normsLast) result = graph.op('Reshape', [normed(result), graph.ints([1, -1, heads * spec.headDim])]);
    return pad(graph, result, heads, spec.headDim, headDim);
  };
  return [
    temper(graph, finish(query, spec.heads, norms?.query, false), spec.temperature, at),
    finish(key, spec.kvHeads, norms?.key, false),
    finish(value, spec.kvHeads, spec.valueNorm, true),
  ];
}

/** Multiplies queries x [1, T, …] by what their positions ask for. */
function temper(graph: Graph, x: Value, temperature: AttentionSpec['temperature'], at: Positions): Value {
  if (!temperature) return x;
  const { every, strength } = temperature;
  const factor = graph.exactly(() => {
    const count = graph.op('Add', [graph.op('Cast', [at.positions], { to: CAST_TO.float32 }), graph.float(1)]);
    const steps = graph.op('Floor', [graph.op('Div', [count, graph.float(every)])]);
    const growth = graph.op('Log', [graph.op('Add', [steps, graph.float(1)])]);
    return graph.op('Add', [graph.op('Mul', [growth, graph.float(strength)]), graph.float(1)]);
  });
  return graph.op('Mul', [x, graph.op('Unsqueeze', [factor, graph.ints([2])])]);
}

/** −∞ for keys in another chunk than the query's; [1, 1, T, tokens in the cache]. */
export function chunkMask(graph: Graph, at: Positions, chunk: number): Value {
  const total = graph.op('Cast', [at.total], { to: CAST_TO.int64 });
  const keys = graph.op('Div', [graph.op('Range', [graph.ints(0), total, graph.ints(1)]), graph.ints(chunk)]);
  const queries = graph.op('Unsqueeze', [graph.op('Div', [at.positions, graph.ints(chunk)]), graph.ints([1, 3])]);
  return graph.op('Where', [graph.op('Equal', [queries, keys]), graph.float(0), graph.float(-Infinity)]);
}

function clip(graph: Graph, x: Value, limit: number | undefined): Value {
  return limit === undefined ? x : graph.op('Clip', [x, graph.float(-limit), graph.float(limit)]);
}

/** Widens each head of x [1, T, heads · from] with zeros, which change no dot product. */
function pad(graph: Graph, x: Value, heads: number, from: number, to: number): Value {
  if (from === to) return x;
  const split = graph.op('Reshape', [x, graph.ints([1, -1, heads, from])]);
  const padded = graph.op('Pad', [split, graph.ints([0, 0, 0, 0, 0, 0, 0, to - from]), graph.float(0)]);
  return graph.op('Reshape', [padded, graph.ints([1, -1, heads * to])]);
}

/** [1, T, heads · padded] to [T, heads · headDim]. */
function unpad(graph: Graph, mixed: Value, spec: AttentionSpec, padded: number): Value {
  let heads = mixed;
  if (padded !== spec.headDim) {
    heads = graph.op('Reshape', [heads, graph.ints([1, -1, spec.heads, padded])]);
    heads = graph.op('Slice', [heads, graph.ints([0]), graph.ints([spec.headDim]), graph.ints([3])]);
  }
  return graph.op('Reshape', [heads, graph.ints([-1, spec.heads * spec.headDim])]);
}
