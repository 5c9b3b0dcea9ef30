/** What a model takes: its parameters by what they do, and the bytes of its weights at each precision. */
import { MODEL_PARTS, type ModelPart } from '../protocol/model.ts';
import { PRECISIONS, type Precision } from '../protocol/trace.ts';
import { blockFormat, blockShapes } from './quantization.ts';
import type { BlockSpec, DecoderSpec } from './spec.ts';
import { elements, type PlannedWeight, type TensorSpec, type WeightPlan } from './weights.ts';

export interface Footprint {
  readonly parameters: {
    readonly total: number;
    /** Without the experts that a token does not visit. */
    readonly active: number;
    readonly parts: Readonly<Record<ModelPart, number>>;
  };
  /** Bytes of the weights in memory. */
  readonly bytes: Readonly<Record<Precision, ResidentBytes>>;
  /** One routed expert of each MoE layer, those of the encoder first. */
  readonly experts: readonly ExpertFootprint[];
}

export interface ExpertFootprint {
  readonly parameters: number;
  readonly bytes: Readonly<Record<Precision, number>>;
}

export interface ResidentBytes {
  /** All experts have to be there, whichever a token visits. */
  readonly total: number;
  /** What the active parameters take of it. */
  readonly active: number;
  readonly parts: Readonly<Record<ModelPart, number>>;
}

/** Measures the weights that a model's graphs read; `plan` is theirs, at any precision. */
export function footprint(spec: DecoderSpec, plan: WeightPlan): Footprint {
  const owners = ownersOf(spec);
  const byPart = (): Record<ModelPart, number> => mapped(MODEL_PARTS, () => 0);
  const parts = byPart();
  const bytes = mapped(PRECISIONS, () => ({ total: 0, active: 0, parts: byPart() }));
  const experts: { parameters: number; bytes: Record<Precision, number> }[] = [];
  let total = 0;
  let active = 0;
  // Tens of thousands of experts have a few shapes among them.
  const known = new Map<string, Readonly<Record<Precision, number>>>();
  const sizesOf = (weight: PlannedWeight): Readonly<Record<Precision, number>> => {
    const { shape, projection } = weight;
    const key = projection ? `${projection.outputs} × ${projection.inputs}` : shape.join();
    const sizes = known.get(key) ?? mapped(PRECISIONS, (precision) => weightBytes(weight, precision));
    known.set(key, sizes);
    return sizes;
  };
  for (const weight of plan.weights) {
    const { part, share, moe } = owners.get(weight.sources[0]!.entry.name)!;
    const count = elements(weight.shape);
    parts[part] += count;
    total += count;
    active += share * count;
    const sizes = sizesOf(weight);
    const expert = moe && (experts[moe.layer] ??= { parameters: 0, bytes: mapped(PRECISIONS, () => 0) });
    if (expert) expert.parameters += count / moe.experts;
    for (const precision of PRECISIONS) {
      const size = sizes[precision];
      if (expert) expert.bytes[precision] += size / moe.experts;
      bytes[precision].total += size;
      bytes[precision].active += share * size;
      bytes[precision].parts[part] += size;
    }
  }
  // Shares are fractions of equal experts, so what they leave over is rounding.
  for (const size of Object.values(bytes)) size.active = Math.round(size.active);
  return { parameters: { total, active: Math.round(active), parts }, bytes, experts };
}

/** Bytes of a weight at a precision: float16, which is for GPUs, is for all weights; int8 and int4 are for projections alone. */
export function weightBytes({ shape, projection }: PlannedWeight, precision: Precision): number {
  if (precision === 'float16') return 2 * elements(shape);
  const format = projection && blockFormat(precision);
  if (!format) return 4 * elements(shape);
  const { values, scales } = blockShapes(projection, format);
  return elements(values) + 4 * elements(scales);
}

function mapped<K extends string, V>(keys: readonly K[], value: (key: K) => V): Record<K, V> {
  return Object.fromEntries(keys.map((key) => [key, value(key)])) as Record<K, V>;
}

interface Owner {
  readonly part: ModelPart;
  /** Of the parameters, what one token uses: k / E of the experts'. */
  readonly share: number;
  /** Of routed experts, the position of their MoE layer, and how many they are. */
  readonly moe?: { readonly layer: number; readonly experts: number };
}

/** What each of a model's tensors belongs to, by its name. */
function ownersOf(spec: DecoderSpec): Map<string, Owner> {
  const owners = new Map<string, Owner>();
  const claim = ({ name, or }: TensorSpec, owner: Owner): void => {
    if (!owners.has(name)) owners.set(name, owner);
    if (or) claim(or, owner);
  };
  /** Notes all tensors of a piece of a spec; norms are told by the names of the fields that they stand in. */
  const note = (piece: unknown, part: ModelPart): void => {
    if (typeof piece !== 'object' || piece === null) return;
    if (isTensor(piece)) claim(piece, { part, share: 1 });
    else for (const [field, value] of Object.entries(piece)) note(value, /norm/i.test(field) ? 'norms' : part);
  };
  let moeLayers = 0;
  const noteBlock = ({ mixer, ...around }: BlockSpec): void => {
    note(around, 'norms');
    if (mixer.kind !== 'moe') {
      note(mixer, mixer.kind === 'mlp' ? 'mlps' : 'mixers');
      return;
    }
    const { router, shared, norms, latent, expert } = mixer;
    note(router, 'routers');
    note(norms, 'norms');
    note(shared, 'sharedExperts');
    note(latent, 'mlps');
    const moe = { layer: moeLayers++, experts: router.experts };
    const owner: Owner = { part: 'experts', share: router.k / router.experts, moe };
    // Without looking for tensors in all that a spec may hold: models have tens of thousands of experts.
    for (let e = 0; e < router.experts; e++) {
      const { gate, up, down } = expert(e);
      for (const linear of [gate === 'inUp' ? undefined : gate, up, down]) {
        if (linear) claim(linear.weight, owner);
        if (linear?.bias) claim(linear.bias, owner);
      }
    }
  };
  note([spec.embedding, spec.encoder?.embedding], 'embeddings');
  note(spec.head, 'head');
  for (const stack of [...(spec.encoder ? [spec.encoder] : []), spec]) {
    note(stack.finalNorm, 'norms');
    for (const block of stack.layers.flat()) noteBlock(block);
  }
  return owners;
}

function isTensor(piece: object): piece is TensorSpec {
  return 'name' in piece && 'shape' in piece;
}
