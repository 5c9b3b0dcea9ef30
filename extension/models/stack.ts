/** A stack of layers as a graph, block by block: a decoder, an encoder, or a part of one. */
import { attention, chunkMask, type KvCache, type Positions, type RopeInputs } from './blocks/attention.ts';
import { aloneBehindMany, type Alone } from './blocks/cachedAttention.ts';
import { deltaNet } from './blocks/deltaNet.ts';
import { bidirectional, crossAttention, keysAndValues, type KeysAndValues } from './blocks/fullAttention.ts';
import { mamba, mamba2 } from './blocks/mamba.ts';
import { mla } from './blocks/mla.ts';
import { mlp } from './blocks/mlp.ts';
import { addAndNorm, normalize } from './blocks/norm.ts';
import type { Recurrent, RecurrentState } from './blocks/recurrence.ts';
import { relativeBias } from './blocks/relativeBias.ts';
import type { Routing } from './blocks/router.ts';
import { shortConv } from './blocks/shortConv.ts';
import { CAST_TO, type Graph, type Value } from './graph.ts';
import type {
  BlockSpec,
  CrossAttentionSpec,
  DecoderSpec,
  MixerSpec,
  MoeSpec,
  NormSpec,
  RelativeBiasSpec,
  RopeSpec,
  RouterSpec,
} from './spec.ts';
import type { WeightPlan } from './weights.ts';

/** What one router hands out; names of outputs, shapes as in blocks/router.ts but for the experts, which are int32. */
export interface RouterTap {
  /** Index of the layer in the model. */
  readonly layer: number;
  readonly spec: Pick<RouterSpec, 'experts' | 'k' | 'scoring'>;
  readonly logits: Value;
  readonly scores: Value;
  readonly selection: Value;
  readonly experts: Value;
  readonly weights: Value;
  readonly worth: Value;
  readonly kept?: Value;
}

/** Tables of one kind of rotary positions, which the caller feeds. */
export interface RopeTables extends RopeInputs {
  readonly rope: RopeSpec;
}

/** What a stack's graph takes from pass to pass, and what it carries. */
export interface StackEnds {
  readonly inputs: Positions & { readonly ids: Value };
  readonly ropes: readonly RopeTables[];
  readonly caches: readonly KvCache[];
  readonly states: readonly RecurrentState[];
  /** For each layer of a decoder that attends to what the encoder made of a text: outputs of the encoder, inputs of the decoder. */
  readonly crosses: readonly KeysAndValues[];
}

/** Tokens to the last norm's output, with routing. */
export interface StackGraph extends StackEnds {
  /** The ONNX model, made when it is asked for. */
  readonly bytes: Uint8Array;
  readonly nodes: number;
  /** float32 [T, H]. */
  readonly hidden: Value;
  readonly taps: readonly RouterTap[];
}

/** The residual stream between two blocks, and what the next one gets of it; both [T, H], and the same where it norms nothing. */
export interface Stream {
  readonly residual: Value;
  readonly normed: Value;
}

/** A stack's blocks in their order, each with its layer and the norm of what follows it. */
export function blocksOf({
  layers,
  finalNorm,
}: Pick<DecoderSpec, 'layers' | 'finalNorm'>): { block: BlockSpec; layer: number; next: NormSpec | undefined }[] {
  const blocks = layers.flatMap((of, layer) => of.map((block) => ({ block, layer })));
  return blocks.map((each, i) => ({ ...each, next: i + 1 < blocks.length ? blocks[i + 1]!.block.norm : finalNorm }));
}

/** Where a chunk's tokens stand in a cache. */
function chunkRows(graph: Graph, positions: Value, total: Value): NonNullable<Positions['rows']> {
  const first = graph.op('Gather', [positions, graph.ints(0)], { axis: 1 });
  const end = graph.op('Reshape', [graph.op('Cast', [total], { to: CAST_TO.int64 }), graph.ints([1])]);
  let alone: Alone | undefined;
  return { first, end, alone: (pastKey) => (alone ??= aloneBehindMany(graph, first, end, pastKey)) };
}

/** Puts blocks one after the other into a graph. */
export class StackBuilder {
  readonly #spec: DecoderSpec;
  readonly #plan: WeightPlan;
  readonly #graph: Graph;
  readonly #inputs: StackGraph['inputs'];
  readonly #ropes = new Map<string, RopeTables>();
  readonly #chunkMasks = new Map<number, Value>();
  readonly #caches: KvCache[] = [];
  readonly #states: RecurrentState[] = [];
  readonly #crosses: KeysAndValues[] = [];
  readonly #relativeBiases = new Map<string, Value>();

  constructor(spec: DecoderSpec, plan: WeightPlan, graph: Graph) {
    this.#spec = spec;
    this.#plan = plan;
    this.#graph = graph;
    const ids = graph.input('ids', 'int32', ['tokens']);
    const lastPosition = graph.input('last_position', 'int32', [1]);
    const total = graph.input('total', 'int32', []);
    const positions = graph.input('positions', 'int64', [1, 'tokens']);
    const rows = graph.form.caches === 'all' ? {} : { rows: chunkRows(graph, positions, total) };
    this.#inputs = { ids, lastPosition, total, positions, ...rows };
  }

  /** What comes in: token embeddings, for the residual stream and normed for the first block. */
  embed(first: NormSpec | undefined): Stream {
    const graph = this.#graph;
    const { embedding, embeddingScale } = this.#spec;
    let residual = graph.op('Gather', [graph.weight(this.#plan.take(embedding)), this.#inputs.ids]);
    if (embeddingScale !== undefined) residual = graph.op('Mul', [residual, graph.float(embeddingScale)]);
    return { residual, normed: first ? normalize(graph, this.#plan, residual, first) : residual };
  }

  /** Hands out keys and values of the last hidden states, for whatever attends to them. */
  handOver(hidden: Value, crosses: readonly CrossAttentionSpec[]): void {
    const graph = this.#graph;
    crosses.forEach((spec, i) => {
      const both = graph.in(`cross.${i}`, () => keysAndValues(graph, this.#plan, hidden, spec));
      this.#crosses.push({
        key: graph.output(both.key, 'float32', [1, spec.heads, spec.headDim, 'tokens']),
        value: graph.output(both.value, 'float32', [1, spec.heads, 'tokens', spec.headDim]),
      });
    });
  }

  /** What the graph takes and gives so far. */
  get ends(): StackEnds {
    return {
      inputs: this.#inputs,
      ropes: [...this.#ropes.values()],
      caches: this.#caches,
      states: this.#states,
      crosses: this.#crosses,
    };
  }

  /** Adds a block's branch to the residual stream, and norms that for the next block if it wants so. */
  add(branch: Value, residual: Value, { postNorm, branchScale, scale }: BlockSpec, next: NormSpec | undefined): Stream {
    const graph = this.#graph;
    let added = postNorm ? normalize(graph, this.#plan, branch, postNorm) : branch;
    if (branchScale !== undefined && branchScale !== 1) added = graph.op('Mul', [added, graph.float(branchScale)]);
    if (next && !scale) return addAndNorm(graph, this.#plan, added, residual, next);
    let sum = graph.op('Add', [added, residual]);
    if (scale) sum = graph.op('Mul', [sum, graph.weight(this.#plan.take(scale))]);
    return { normed: next ? normalize(graph, this.#plan, sum, next) : sum, residual: sum };
  }

  /** What a mixer makes of x [T, H]; [T, H]. */
  mix(mixer: Exclude<MixerSpec, MoeSpec>, layer: number, x: Value): Value {
    switch (mixer.kind) {
      case 'attention': {
        const name = String(this.#caches.length);
        const { output, cache } = attention(
          this.#graph,
          this.#plan,
          x,
          mixer,
          this.#inputs,
          mixer.rope && this.#rope(mixer.rope),
          mixer.relative
            ? this.#relativeBias(mixer.relative, false)
            : mixer.chunk === undefined
              ? undefined
              : this.#chunkMask(mixer.chunk),
          name,
        );
        this.#caches.push(cache);
        return output;
      }
      case 'bidirectional': {
        const bias = mixer.relative && this.#relativeBias(mixer.relative, true);
        return bidirectional(this.#graph, this.#plan, x, mixer, bias);
      }
      case 'crossAttention': {
        const name = `cross.${this.#crosses.length}`;
        const { heads, headDim } = mixer;
        const encoded = {
          key: this.#graph.input(`${name}.key`, 'float32', [1, heads, headDim, 'encoded']),
          value: this.#graph.input(`${name}.value`, 'float32', [1, heads, 'encoded', headDim]),
        };
        this.#crosses.push(encoded);
        return crossAttention(this.#graph, this.#plan, x, mixer, encoded);
      }
      case 'mla': {
        const name = String(this.#caches.length);
        const rope = this.#rope(mixer.rope);
        const { output, cache } = mla(this.#graph, this.#plan, x, mixer, this.#inputs, rope, name);
        this.#caches.push(cache);
        return output;
      }
      case 'shortConv':
        return this.#carry(() => shortConv(this.#graph, this.#plan, x, mixer, `layer.${layer}`));
      case 'deltaNet':
        return this.#carry(() => deltaNet(this.#graph, this.#plan, x, mixer, `layer.${layer}`));
      case 'mamba':
        return this.#carry(() => mamba(this.#graph, this.#plan, x, mixer, `layer.${layer}`));
      case 'mamba2':
        return this.#carry(() => mamba2(this.#graph, this.#plan, x, mixer, `layer.${layer}`));
      case 'mlp':
        return mlp(this.#graph, this.#plan, x, mixer);
    }
  }

  /** Notes what a recurrent block carries; what it rounds off would stay. */
  #carry(build: () => Recurrent): Value {
    const { output, states } = this.#graph.exactly(build);
    this.#states.push(...states);
    return output;
  }

  /** Layers with chunks of one size share their mask. */
  #chunkMask(chunk: number): Value {
    const mask = this.#chunkMasks.get(chunk) ?? chunkMask(this.#graph, this.#inputs, chunk);
    this.#chunkMasks.set(chunk, mask);
    return mask;
  }

  /** Layers that learned theirs together share it. */
  #relativeBias(spec: RelativeBiasSpec, bothWays: boolean): Value {
    const known = this.#relativeBiases.get(spec.weight.name);
    if (known !== undefined) return known;
    const bias = relativeBias(this.#graph, this.#plan, this.#inputs, spec, bothWays);
    this.#relativeBiases.set(spec.weight.name, bias);
    return bias;
  }

  /** The tables of a rope; layers that rotate alike share theirs. */
  #rope(rope: RopeSpec): RopeInputs {
    const key = JSON.stringify(rope);
    const known = this.#ropes.get(key);
    if (known) return known;
    const name = String(this.#ropes.size);
    const shape = [`positions.${name}`, rope.dims / 2];
    const tables = {
      rope,
      cos: this.#graph.input(`cos.${name}`, 'float32', shape),
      sin: this.#graph.input(`sin.${name}`, 'float32', shape),
    };
    this.#ropes.set(key, tables);
    return tables;
  }
}

/**
 * Makes a router's decision outputs of its graph.
 *
 * @param k how many it chooses, or a name for as many as it is told
 */
export function tapRouter(
  graph: Graph,
  routing: Routing,
  layer: number,
  spec: RouterSpec,
  k: number | string = spec.k,
): RouterTap {
  const { experts } = spec;
  const chosen = graph.op('Cast', [routing.experts], { to: CAST_TO.int32 });
  // The same value may be scores and selection: it is one output.
  for (const value of new Set([routing.logits, routing.scores, routing.selection, routing.worth])) {
    graph.output(value, 'float32', ['tokens', experts]);
  }
  graph.output(chosen, 'int32', ['tokens', k]);
  graph.output(routing.weights, 'float32', ['tokens', k]);
  if (routing.kept !== undefined) graph.output(routing.kept, 'float32', ['tokens', k]);
  return { ...routing, experts: chosen, layer, spec };
}
