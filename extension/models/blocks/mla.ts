import type { Graph, Value } from '../graph.ts';
import type { MlaSpec } from '../spec.ts';
import type { TensorSpec, WeightPlan } from '../weights.ts';
import { handOut, HEAD_STEP, type KvCache, type Positions, type RopeInputs } from './attention.ts';
import { cachedAttention } from './cachedAttention.ts';
import { linear } from './linear.ts';
import { normalize } from './norm.ts';

/**
 * Causal multi-head latent attention of x [T, H] over the cache and itself; [T, H]. Adds the cache to the graph's ends.
 *
 * Keys and values are never expanded: with c the latent of a token, a head's key is K·c and its value V·c, so that
 * q · (K·c) = (q·K) · c and Σ p·(V·c) = V · Σ p·c. Each head's query is taken through K once, and what attention mixes are
 * the latents, one for all heads. The cache holds [c ; rotated key], a fraction of what the heads' own keys and values would
 * take, and serves as key and value at once: the columns of the mixture beyond the latent are dropped.
 */
export function mla(
  graph: Graph,
  plan: WeightPlan,
  x: Value,
  spec: MlaSpec,
  at: Positions,
  rope: RopeInputs,
  name: string,
): { output: Value; cache: KvCache } {
  const { heads, latentDim } = spec;
  const width = latentDim + spec.rope.dims;
  const headDim = Math.ceil(width / HEAD_STEP) * HEAD_STEP;
  const zeros = headDim - width;
  const rotate = (part: Value): Value =>
    graph.op('RotaryEmbedding', [part, at.positions, rope.cos, rope.sin], {
      interleaved: spec.rope.interleaved ? 1 : 0,
    });
  /** Widens the last of four axes for the kernel; zeros change no dot product. */
  const pad = (part: Value): Value =>
    zeros === 0 ? part : graph.op('Pad', [part, graph.ints([0, 0, 0, 0, 0, 0, 0, zeros]), graph.float(0)]);
  const query = queries(graph, plan, x, spec, rotate);
  const key = keys(graph, plan, x, spec, rotate);
  const flat = (byHead: Value, count: number): Value => {
    const byToken = graph.op('Transpose', [pad(byHead)], { perm: [0, 2, 1, 3] });
    return graph.op('Reshape', [byToken, graph.ints([1, -1, count * headDim])]);
  };
  const keyValue = flat(key, 1);

  const cacheShape = [1, 1, 'capacity', headDim];
  const type = graph.form.activations;
  const pastKey = graph.input(`past.${name}.key`, type, cacheShape);
  const pastValue = graph.input(`past.${name}.value`, type, cacheShape);
  const attending = {
    ...{ query: flat(query, heads), key: keyValue, value: keyValue },
    ...{ heads, kvHeads: 1, headDim, scale: spec.scale },
  };
  const attended = cachedAttention(graph, attending, { key: pastKey, value: pastValue, shared: true }, at);
  const handedOut = handOut(graph, attended.key, at, cacheShape);
  return {
    output: linear(graph, plan, values(graph, plan, attended.mixed, spec, headDim), spec.output),
    cache: {
      ...{ pastKey, pastValue, type, kvHeads: 1, headDim, shared: true },
      presentKey: handedOut,
      presentValue: at.rows ? handedOut : handOut(graph, attended.value, at, cacheShape),
    },
  };
}

/** [q·K ; rotated q] of each head; [1, heads, T, latentDim + rope.dims]. */
function queries(graph: Graph, plan: WeightPlan, x: Value, spec: MlaSpec, rotate: (part: Value) => Value): Value {
  const { heads, plainDim, queryLatent, rope } = spec;
  const from = queryLatent
    ? normalize(graph, plan, linear(graph, plan, x, queryLatent.projection), queryLatent.norm)
    : x;
  const all = linear(graph, plan, from, spec.query);
  const byToken = graph.op('Reshape', [all, graph.ints([1, -1, heads, plainDim + rope.dims])]);
  const byHead = graph.op('Transpose', [byToken], { perm: [0, 2, 1, 3] });
  const [plain, rotated] = graph.ops('Split', [byHead, graph.ints([plainDim, rope.dims])], 2, { axis: -1 }) as [
    Value,
    Value,
  ];
  const absorbed = graph.op('MatMul', [plain, graph.weight(plan.take(headParts(spec, 0, plainDim)))]);
  return graph.op('Concat', [absorbed, rotate(rotated)], { axis: -1 });
}

/** [c ; rotated key] that all heads share; [1, 1, T, latentDim + rope.dims]. */
function keys(graph: Graph, plan: WeightPlan, x: Value, spec: MlaSpec, rotate: (part: Value) => Value): Value {
  const { latentDim, rope } = spec;
  const both = graph.op('Reshape', [
    linear(graph, plan, x, spec.latent),
    graph.ints([1, 1, -1, latentDim + rope.dims]),
  ]);
  const [latent, rotated] = graph.ops('Split', [both, graph.ints([latentDim, rope.dims])], 2, { axis: -1 }) as [
    Value,
    Value,
  ];
  return graph.op('Concat', [normalize(graph, plan, latent, spec.latentNorm), rotate(rotated)], { axis: -1 });
}

/** V·c of each head's mixture of latents, side by side; [T, heads · valueDim]. */
function values(graph: Graph, plan: WeightPlan, mixed: Value, spec: MlaSpec, headDim: number): Value {
  const { heads, plainDim, valueDim, latentDim } = spec;
  const byToken = graph.op('Reshape', [mixed, graph.ints([1, -1, heads, headDim])]);
  const latents = graph.op('Slice', [byToken, graph.ints([0]), graph.ints([latentDim]), graph.ints([3])]);
  const byHead = graph.op('Transpose', [latents], { perm: [0, 2, 1, 3] });
  const weight = graph.weight(plan.take(headParts(spec, plainDim, valueDim)));
  const expanded = graph.op('FusedMatMul', [byHead, weight], { transB: 1 });
  const back = graph.op('Transpose', [expanded], { perm: [0, 2, 1, 3] });
  return graph.op('Reshape', [back, graph.ints([-1, heads * valueDim])]);
}

/** Rows [from, from + count) of each head's part of the matrix that expands latents; [heads, count, latentDim]. */
function headParts(
  { heads, plainDim, valueDim, latentDim, keyValue }: MlaSpec,
  from: number,
  count: number,
): TensorSpec {
  const stride = (plainDim + valueDim) * latentDim;
  return {
    name: keyValue.name,
    shape: [heads, count, latentDim],
    within: { shape: keyValue.shape, start: from * latentDim, stride },
  };
}
