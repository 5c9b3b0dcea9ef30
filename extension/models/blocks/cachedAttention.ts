/**
 * Causal attention of a pass's tokens to those in a cache and to one another. ONNX Runtime's operator first writes a cache of its
 * own, with all that lies in the given one, once for each head. For many tokens that is little beside what they compute; for one
 * behind some thousand it is most of the time, so that one attends to the cache where it lies.
 */
import type { Graph, Value } from '../graph.ts';
import type { Positions, RopeInputs } from './attention.ts';

/** Queries, keys and values of T tokens. */
export interface Attending {
  /** float32 [1, T, heads · headDim]; where there is no key, what the key and the value are stands beside it. */
  readonly query: Value;
  /** [1, T, kvHeads · headDim]; '' where they are part of the query. */
  readonly key: Value;
  readonly value: Value;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly scale: number;
  /** How queries and keys are still to be rotated. */
  readonly rope?: RopeInputs & { readonly dims: number; readonly interleaved: boolean };
  readonly window?: number;
  /** Added to the products of queries and keys; [1, 1 or heads, T, tokens in the cache]. */
  readonly mask?: Value;
  /** [heads]. */
  readonly sinks?: Value;
}

/** Inputs of the graph: keys and values of the tokens before, [1, kvHeads, capacity, headDim]. */
export interface Past {
  readonly key: Value;
  readonly value: Value;
  /** Keys are values, too. */
  readonly shared?: boolean;
}

/** What tells a token that comes alone behind many, and what its attention needs. */
export interface Alone {
  /** bool [1]. */
  readonly is: Value;
  /** −∞ for what of the cache is of no token; float32 [capacity]. */
  readonly unseen: Value;
  /** The capacity, and 1; int64 [2]. */
  readonly parts: Value;
}

/** From so many tokens on the operator's copies take longer than the nodes that do without. */
const MANY = 256;

/**
 * @param first position of a pass's first token; int64 [1]
 * @param end that of the token after its last; int64 [1]
 * @param pastKey one of the caches, which are all as large
 */
export function aloneBehindMany(graph: Graph, first: Value, end: Value, pastKey: Value): Alone {
  const capacity = graph.op('Shape', [pastKey], { start: 2, end: 3 });
  const one = graph.op('Equal', [graph.op('Sub', [end, first]), graph.ints([1])]);
  const places = graph.op('Range', [graph.ints(0), graph.op('Squeeze', [capacity]), graph.ints(1)]);
  return {
    is: graph.op('And', [one, graph.op('Greater', [first, graph.ints([MANY - 1])])]),
    unseen: graph.op('Where', [graph.op('Less', [places, first]), graph.float(0), graph.float(-Infinity)]),
    parts: graph.op('Concat', [capacity, graph.ints([1])], { axis: 0 }),
  };
}

/** What came of it, [1, T, heads · headDim], and the tokens' keys and values, or those of all tokens, as `GraphForm.caches` says. */
export interface Attended {
  readonly mixed: Value;
  readonly key: Value;
  readonly value: Value;
}

/** Attends as `Attending` says. What is hidden by a window or a mask, and sinks, only the operator knows. */
export function cachedAttention(graph: Graph, attending: Attending, past: Past, at: Positions): Attended {
  const { rows } = at;
  if (!rows) return kernel(graph, attending, past, at);
  const many = (): Value[] => {
    const { mixed, key, value } = kernel(graph, attending, past, at);
    const own = (of: Value): Value => graph.op('Slice', [of, rows.first, rows.end, graph.ints([2])]);
    return past.shared ? [mixed, own(key)] : [mixed, own(key), own(value)];
  };
  const { window, mask, sinks } = attending;
  const isPlain = window === undefined && mask === undefined && sinks === undefined;
  const one = isPlain ? rows.alone(past.key) : undefined;
  const [mixed, key, value = key] = (
    one ? graph.either(one.is, () => alone(graph, attending, past, at, one), many) : many()
  ) as [Value, Value, Value?];
  return { mixed, key, value };
}

/**
 * Up to so many heads that share their keys take products of their own: for a single row, multiplied by nothing else, ONNX Runtime
 * has kernels that read the cache as it lies, while for several it is put into another order first. More would read it too often.
 */
const SINGLE_ROWS = 4;

/** The same of one token. */
function alone(graph: Graph, attending: Attending, past: Past, at: Positions, { unseen, parts }: Alone): Value[] {
  const { heads, kvHeads, headDim, scale } = attending;
  const [query, key, value] = rotated(graph, attending, at);
  const group = heads / kvHeads;
  /** Takes the heads of a group apart, or puts them together: [1, kvHeads, group, …] ↔ [group, kvHeads, 1, …]. */
  const turned = (of: Value): Value =>
    group > 1 && group <= SINGLE_ROWS ? graph.op('Transpose', [of], { perm: [2, 1, 0, 3] }) : of;
  const byHead = (of: Value, count: number): Value =>
    graph.op('Reshape', [of, graph.ints([1, kvHeads, count, headDim])]);
  // So early that ONNX Runtime does not make it a factor of the product.
  const queries = turned(byHead(graph.op('Mul', [query, graph.float(scale)]), group));
  const ownKey = byHead(key, 1);
  const ownValue = past.shared ? ownKey : byHead(value, 1);
  const scores = (keys: Value): Value => graph.op('FusedMatMul', [queries, keys], { transB: 1 });
  const all = graph.op('Concat', [graph.op('Add', [scores(past.key), unseen]), scores(ownKey)], { axis: -1 });
  const shares = graph.ops('Split', [graph.op('Softmax', [all], { axis: -1 }), parts], 2, { axis: -1 });
  const mixed = graph.op('Add', [
    graph.op('MatMul', [shares[0]!, past.value]),
    graph.op('MatMul', [shares[1]!, ownValue]),
  ]);
  const flat = graph.op('Reshape', [turned(mixed), graph.ints([1, 1, heads * headDim])]);
  return past.shared ? [flat, ownKey] : [flat, ownKey, ownValue];
}

/** Query, key and value by themselves, rotated. */
function rotated(graph: Graph, attending: Attending, at: Positions): [Value, Value, Value] {
  const { query, key, value, heads, kvHeads, headDim, rope } = attending;
  const rotate = (of: Value, count: number): Value =>
    rope
      ? graph.op('RotaryEmbedding', [of, at.positions, rope.cos, rope.sin], {
          num_heads: count,
          interleaved: rope.interleaved ? 1 : 0,
          rotary_embedding_dim: rope.dims === headDim ? 0 : rope.dims,
        })
      : of;
  if (key !== '') return [rotate(query, heads), rotate(key, kvHeads), value];
  const widths = [(heads + kvHeads) * headDim, kvHeads * headDim];
  const [turning, ownValue] = graph.ops('Split', [query, graph.ints(widths)], 2, { axis: -1 }) as [Value, Value];
  const turned = rotate(turning, heads + kvHeads);
  const both = graph.ops('Split', [turned, graph.ints([heads * headDim, kvHeads * headDim])], 2, { axis: -1 });
  return [both[0]!, both[1]!, ownValue];
}

function kernel(graph: Graph, attending: Attending, past: Past, at: Positions): Attended {
  const { query, key, value, heads, kvHeads, scale, rope, window, mask, sinks } = attending;
  const [mixed, presentKey, presentValue] = graph.ops(
    'GroupQueryAttention',
    [
      ...[query, key, value, past.key, past.value, at.lastPosition, at.total],
      ...(rope || mask || sinks ? [rope?.cos ?? '', rope?.sin ?? ''] : []),
      ...(mask || sinks ? ['', mask ?? ''] : []),
      ...(sinks ? [sinks] : []),
    ],
    3,
    {
      num_heads: heads,
      kv_num_heads: kvHeads,
      scale: { float: scale },
      do_rotary: rope ? 1 : 0,
      rotary_interleaved: rope?.interleaved ? 1 : 0,
      local_window_size: window ?? -1,
    },
  ) as [Value, Value, Value];
  return { mixed, key: presentKey, value: presentValue };
}
