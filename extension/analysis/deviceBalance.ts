/**
 * How even the load of devices is. The slowest device holds up the others at every MoE layer, since each waits for its tokens to
 * come back: what counts is the most loaded one against the mean.
 */

/** SGLang's guard against a division by nothing. */
const SGLANG_EPSILON = 1e-5;

/** max / mean of a layer's device loads; 1 when even, D when one has all, NaN when there is none. Megatron-LM's overload factor. */
export function overload(loads: Float64Array): number {
  return maxOf(loads) / meanOf(loads);
}

/** Mean over layers of (mean + ε) / (max + ε), ε = 1e-5; 1 when even. SGLang, eplb/expert_distribution.py. */
export function sglangBalancedness(layers: readonly Float64Array[]): number {
  const each = layers.map((loads) => (meanOf(loads) + SGLANG_EPSILON) / (maxOf(loads) + SGLANG_EPSILON));
  return each.reduce((sum, b) => sum + b, 0) / each.length;
}

/** Σ over layers of the mean / Σ over layers of the maximum; 1 when even. vLLM, distributed/eplb. */
export function vllmBalancedness(layers: readonly Float64Array[]): number {
  const sum = (of: (loads: Float64Array) => number): number => layers.reduce((total, loads) => total + of(loads), 0);
  return sum(meanOf) / sum(maxOf);
}

function maxOf(loads: Float64Array): number {
  return loads.reduce((most, load) => Math.max(most, load), 0);
}

function meanOf(loads: Float64Array): number {
  return loads.reduce((sum, load) => sum + load, 0) / loads.length;
}
