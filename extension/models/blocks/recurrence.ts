/** What recurrent layers are made of: operators that carry a state from chunk to chunk, for chunks of any length. */
import type { Graph, Value } from '../graph.ts';
import type { ConvSpec } from '../spec.ts';
import type { TensorSpec, WeightPlan } from '../weights.ts';

/**
 * What a recurrent layer carries from chunk to chunk, float32: the caller feeds zeros at first, and then what came out. Unlike
 * a KV cache it cannot be rewound.
 */
export interface RecurrentState {
  readonly past: Value;
  readonly present: Value;
  readonly shape: readonly number[];
}

/** What a recurrent block gives: x mixed, [T, H], and what it carries. */
export interface Recurrent {
  readonly output: Value;
  readonly states: readonly RecurrentState[];
}

/** Causal convolution of x [1, T, channels], with silu if asked for; its state is the last tokens of x. */
export function causalConv(
  graph: Graph,
  plan: WeightPlan,
  x: Value,
  { channels, kernel, weight, bias }: ConvSpec,
  activation: 'silu' | 'none',
  name: string,
): { output: Value; state: RecurrentState } {
  const shape = [1, kernel - 1, channels];
  const past = graph.input(`past.${name}.tokens`, 'float32', shape);
  const weights = [graph.weight(plan.take(weight)), bias ? graph.weight(plan.take(bias)) : ''];
  const [output, present] = graph.ops('CausalConvWithState', [x, ...weights, past], 2, {
    activation,
    channels_last: 1,
  }) as [Value, Value];
  return { output, state: { past, present: graph.output(present, 'float32', shape), shape } };
}

export interface ScanInputs {
  /** [1, T, groups · keyDim], groups of heads sharing one; so has the key. */
  readonly query: Value;
  readonly key: Value;
  /** [1, T, heads · valueDim]. */
  readonly value: Value;
  /** Logarithm of what is left of the state from a token to the next, by head or by head and row; [1, T, heads (· keyDim)]. */
  readonly decay: Value;
  /** Strength of the correction; [1, T, heads]. Without it nothing is corrected: the product is added. */
  readonly update?: Value;
}

export interface ScanShape {
  readonly groups: number;
  readonly heads: number;
  readonly keyDim: number;
  readonly valueDim: number;
  /** Multiplies the output. */
  readonly scale: number;
}

/**
 * Linear attention with a state S [keyDim, valueDim] a head, which is what DeltaNet and both Mambas are:
 *
 *     S ← exp(decay)·S;  S ← S + key·valueᵀ or S + update·key·(value − Sᵀkey)ᵀ;  output = scale · Sᵀquery
 *
 * The output is [1, T, heads · valueDim].
 */
export function scan(
  graph: Graph,
  { query, key, value, decay, update }: ScanInputs,
  { groups, heads, keyDim, valueDim, scale }: ScanShape,
  name: string,
): { output: Value; state: RecurrentState } {
  const shape = [1, heads, keyDim, valueDim];
  const past = graph.input(`past.${name}.state`, 'float32', shape);
  const [output, present] = graph.ops(
    'LinearAttention',
    [query, key, value, past, decay, ...(update ? [update] : [])],
    2,
    {
      update_rule: update ? 'gated_delta' : 'gated',
      q_num_heads: groups,
      kv_num_heads: heads,
      scale: { float: scale },
    },
  ) as [Value, Value];
  return { output, state: { past, present: graph.output(present, 'float32', shape), shape } };
}

/** −exp(w): how fast a state decays, which is learned as a logarithm. */
export function decayRate(graph: Graph, plan: WeightPlan, decayLog: TensorSpec): Value {
  return graph.op('Neg', [graph.op('Exp', [graph.weight(plan.take(decayLog))])]);
}
