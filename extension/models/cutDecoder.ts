/**
 * A decoder cut before and after each of its routers, so that what a router decides can be changed on its way to the experts: the
 * same nodes as in one graph, over the same weight file.
 *
 *     part 0 → router 0 → part 1 → router 1 → … → part L
 *
 * Part i runs the experts of MoE layer i − 1 and all that follows up to the router of MoE layer i; the last one ends with the
 * last norm. A text goes through one part as a whole before the next one begins, so a decision can rest on all of its tokens.
 */
import { mixture, router } from './blocks/moe.ts';
import type { RouterKnobs } from './blocks/router.ts';
import { CAST_TO, Graph, type Value } from './graph.ts';
import { crossesOf, WEIGHT_FILE } from './decoder.ts';
import type { BlockSpec, CrossAttentionSpec, DecoderSpec, MoeSpec, NormSpec } from './spec.ts';
import { blocksOf, StackBuilder, tapRouter, type RouterTap, type StackEnds, type Stream } from './stack.ts';
import type { WeightPlan } from './weights.ts';

/** Which experts a part's tokens visit; names of inputs. */
export interface VisitInputs {
  /** int32 [T, k]. */
  readonly experts: Value;
  /** float32 [T, k]. */
  readonly weights: Value;
  /** int64 [1]. */
  readonly k: Value;
  /** Multiplies what the shared expert gives; float32, a scalar. Absent where there is none. */
  readonly shared?: Value;
}

/** From the experts of a layer to the next router, or to the end. */
export interface Part extends StackEnds {
  readonly bytes: Uint8Array;
  /** Absent in the first, which begins with tokens. */
  readonly from?: { readonly stream: Stream; readonly visits: VisitInputs };
  /** What the router gets, and the next part; of the last part the hidden states. float32 [T, H]. */
  readonly normed: Value;
  /** For the next part; [T, H]. */
  readonly residual?: Value;
  /** Whether `crosses` are outputs, as of an encoder's last part. */
  readonly handsOver: boolean;
}

/** A router by itself. */
export interface RouterPart {
  readonly bytes: Uint8Array;
  /** What it routes; the name of its input, float32 [T, H]. */
  readonly x: Value;
  readonly knobs: RouterKnobs;
  readonly tap: RouterTap;
  readonly spec: MoeSpec;
}

/** L + 1 parts, and the L routers between them. */
export interface CutStack {
  readonly parts: readonly Part[];
  readonly routers: readonly RouterPart[];
}

export interface CutDecoder {
  readonly encoder?: CutStack;
  readonly decoder: CutStack;
}

/**
 * Builds the parts for the CPU.
 *
 * @param plan of the decoder's graphs, which has every weight already
 */
export function cutDecoder(spec: DecoderSpec, plan: WeightPlan): CutDecoder {
  const decoder = cutStack(spec, plan, []);
  if (!spec.encoder) return { decoder };
  return { decoder, encoder: cutStack({ ...spec, ...spec.encoder }, plan, crossesOf(spec)) };
}

function cutStack(spec: DecoderSpec, plan: WeightPlan, crosses: readonly CrossAttentionSpec[]): CutStack {
  const parts: Part[] = [];
  const routers: RouterPart[] = [];
  let part = PartBuilder.first(spec, plan);
  for (const { block, layer, next } of blocksOf(spec)) {
    const { mixer } = block;
    if (mixer.kind === 'moe') {
      routers.push(routerPart(spec, plan, mixer, layer));
      parts.push(part.end());
      part = PartBuilder.after(spec, plan, { block, mixer, layer, next });
    } else {
      part.add({ block, mixer, layer, next });
    }
  }
  return { parts: [...parts, part.end(crosses)], routers };
}

function routerPart(spec: DecoderSpec, plan: WeightPlan, mixer: MoeSpec, layer: number): RouterPart {
  const graph = new Graph(WEIGHT_FILE);
  const { experts } = mixer.router;
  const x = graph.input('x', 'float32', ['tokens', spec.hiddenSize]);
  const knobs = {
    mask: graph.input('mask', 'float32', [experts]),
    bias: graph.input('bias', 'float32', [experts]),
    biased: graph.input('biased', 'bool', []),
    temperature: graph.input('temperature', 'float32', []),
    k: graph.input('k', 'int64', [1]),
  };
  const tap = tapRouter(graph, router(graph, plan, x, mixer.router, knobs), layer, mixer.router, 'chosen');
  return {
    get bytes() {
      return graph.bytes(spec.architecture);
    },
    x,
    knobs,
    tap,
    spec: mixer,
  };
}

interface PlacedBlock<M extends BlockSpec['mixer']> {
  readonly block: BlockSpec;
  readonly mixer: M;
  readonly layer: number;
  readonly next: NormSpec | undefined;
}

class PartBuilder {
  readonly #spec: DecoderSpec;
  readonly #graph: Graph;
  readonly #builder: StackBuilder;
  readonly #from: Part['from'];
  #stream: Stream;

  private constructor(
    spec: DecoderSpec,
    graph: Graph,
    builder: StackBuilder,
    stream: Stream,
    from?: NonNullable<Part['from']>,
  ) {
    this.#spec = spec;
    this.#graph = graph;
    this.#builder = builder;
    this.#stream = stream;
    this.#from = from;
  }

  /** Begins with token embeddings. */
  static first(spec: DecoderSpec, plan: WeightPlan): PartBuilder {
    const graph = new Graph(WEIGHT_FILE);
    const builder = new StackBuilder(spec, plan, graph);
    return new PartBuilder(spec, graph, builder, builder.embed(spec.layers.flat()[0]?.norm));
  }

  /** Begins with the experts of a block, whose router has decided. */
  static after(spec: DecoderSpec, plan: WeightPlan, { block, mixer, layer, next }: PlacedBlock<MoeSpec>): PartBuilder {
    const graph = new Graph(WEIGHT_FILE);
    const builder = new StackBuilder(spec, plan, graph);
    const before: Stream = {
      normed: graph.input('normed', 'float32', ['tokens', spec.hiddenSize]),
      residual: graph.input('residual', 'float32', ['tokens', spec.hiddenSize]),
    };
    const visits: VisitInputs = {
      experts: graph.input('experts', 'int32', ['tokens', 'k']),
      weights: graph.input('weights', 'float32', ['tokens', 'k']),
      k: graph.input('k', 'int64', [1]),
      ...(mixer.shared ? { shared: graph.input('shared', 'float32', []) } : {}),
    };
    const stream = graph.in(`layer.${layer}`, () => {
      const branch = graph.in(mixer.kind, () => {
        const experts = graph.op('Cast', [visits.experts], { to: CAST_TO.int64 });
        return mixture(graph, plan, before.normed, mixer, spec.hiddenSize, { ...visits, experts }, visits.shared);
      });
      return builder.add(branch, before.residual, block, next);
    });
    return new PartBuilder(spec, graph, builder, stream, { stream: before, visits });
  }

  add({ block, mixer, layer, next }: PlacedBlock<Exclude<BlockSpec['mixer'], MoeSpec>>): void {
    const { normed, residual } = this.#stream;
    this.#stream = this.#graph.in(`layer.${layer}`, () => {
      const branch = this.#graph.in(mixer.kind, () => this.#builder.mix(mixer, layer, normed));
      return this.#builder.add(branch, residual, block, next);
    });
  }

  /** @param crosses what attends to what it ends with */
  end(crosses?: readonly CrossAttentionSpec[]): Part {
    const graph = this.#graph;
    const { normed, residual } = this.#stream;
    // After the last block nobody wants the residual stream.
    for (const value of new Set(crosses ? [normed] : [normed, residual])) {
      graph.output(value, 'float32', ['tokens', this.#spec.hiddenSize]);
    }
    if (crosses) this.#builder.handOver(normed, crosses);
    const { architecture } = this.#spec;
    return {
      get bytes() {
        return graph.bytes(architecture);
      },
      ...this.#builder.ends,
      ...(this.#from ? { from: this.#from } : {}),
      handsOver: crosses !== undefined && crosses.length > 0,
      normed,
      ...(crosses ? {} : { residual }),
    };
  }
}
