/** Assembles a decoder's graphs from its spec. */
import type { TensorEntry } from '../formats/safetensors.ts';
import { linear } from './blocks/linear.ts';
import { moe } from './blocks/moe.ts';
import { CPU_FORM, Graph, GraphDraft, type GraphForm, type Value } from './graph.ts';
import type { BlockFormat } from './quantization.ts';
import type { CrossAttentionSpec, DecoderSpec } from './spec.ts';
import { blocksOf, StackBuilder, tapRouter, type RouterTap, type StackGraph } from './stack.ts';
import { WeightPlan } from './weights.ts';

/** The weight file's name beside the graphs. */
export const WEIGHT_FILE = 'weights.bin';

/** A model as graphs over one weight file. */
export interface DecoderGraphs {
  readonly plan: WeightPlan;
  readonly encoder?: StackGraph;
  readonly body: StackGraph;
  /**
   * Log-probability of a target after each hidden state. A graph of its own, because vocabularies are large: it runs on
   * as few rows at a time as memory allows.
   */
  readonly head: {
    readonly bytes: Uint8Array;
    /** float32 [n, H]. */
    readonly hidden: Value;
    /** int32 [n]. */
    readonly targets: Value;
    /** float32 [n, V]; costs nothing unless it is asked for. */
    readonly logits: Value;
    /** Log-probabilities of all tokens; float32 [n, V]. */
    readonly logProbs: Value;
    /** The target's; float32 [n]. */
    readonly logProb: Value;
  };
}

/**
 * Plans a model's weights, and builds its graphs for the CPU.
 *
 * @param blocks how the matrices of projections are held; float32 unless given
 * @throws UserError `weights-invalid` when the checkpoint does not have what the spec needs
 */
export function buildDecoder(
  spec: DecoderSpec,
  tensors: ReadonlyMap<string, TensorEntry>,
  blocks?: BlockFormat,
): DecoderGraphs {
  const { fp8Block } = spec;
  const plan = new WeightPlan(tensors, { ...(fp8Block ? { fp8Block } : {}), ...(blocks ? { blocks } : {}) });
  return decoderInForm(spec, plan, CPU_FORM);
}

/** The same model's graphs for another device, over the weights that are planned: each lies where it lay. */
export function decoderInForm(spec: DecoderSpec, plan: WeightPlan, form: GraphForm): DecoderGraphs {
  return assemble(spec, plan, () => new Graph(WEIGHT_FILE, form));
}

/** What buildDecoder plans in float32, at a part of its cost. Throws UserError as that does. */
export function planWeights(spec: DecoderSpec, tensors: ReadonlyMap<string, TensorEntry>): WeightPlan {
  const { fp8Block } = spec;
  const plan = new WeightPlan(tensors, fp8Block ? { fp8Block } : {});
  return assemble(spec, plan, () => new GraphDraft(WEIGHT_FILE)).plan;
}

function assemble(spec: DecoderSpec, plan: WeightPlan, begin: () => Graph): DecoderGraphs {
  const graphs = {
    plan,
    body: buildStack(spec, plan, begin()),
    head: buildHead(spec, plan, begin()),
  };
  if (!spec.encoder) return graphs;
  return { ...graphs, encoder: buildStack({ ...spec, ...spec.encoder }, plan, begin(), crossesOf(spec)) };
}

/** What of a decoder attends to its encoder. */
export function crossesOf({ layers }: DecoderSpec): CrossAttentionSpec[] {
  return layers.flat().flatMap(({ mixer }) => (mixer.kind === 'crossAttention' ? [mixer] : []));
}

/** @param crosses what attends to this stack's output, and gets its keys and values of it */
function buildStack(
  spec: DecoderSpec,
  plan: WeightPlan,
  graph: Graph,
  crosses: readonly CrossAttentionSpec[] = [],
): StackGraph {
  const builder = new StackBuilder(spec, plan, graph);
  const taps: RouterTap[] = [];
  let stream = builder.embed(spec.layers.flat()[0]?.norm);
  for (const { block, layer, next } of blocksOf(spec)) {
    const { mixer } = block;
    const mixed = (): Value => {
      if (mixer.kind !== 'moe') return builder.mix(mixer, layer, stream.normed);
      const { output, routing } = moe(graph, plan, stream.normed, mixer, spec.hiddenSize);
      taps.push(tapRouter(graph, routing, layer, mixer.router));
      return output;
    };
    stream = graph.in(`layer.${layer}`, () => builder.add(graph.in(mixer.kind, mixed), stream.residual, block, next));
  }
  const hidden = graph.output(stream.normed, 'float32', ['tokens', spec.hiddenSize]);
  builder.handOver(stream.normed, crosses);
  return {
    get bytes() {
      return graph.bytes(spec.architecture);
    },
    nodes: graph.nodes,
    ...builder.ends,
    hidden,
    taps,
  };
}

function buildHead(spec: DecoderSpec, plan: WeightPlan, graph: Graph): DecoderGraphs['head'] {
  const hidden = graph.input('hidden', 'float32', ['rows', spec.hiddenSize]);
  const targets = graph.input('targets', 'int32', ['rows']);
  const { all, logProbs, picked } = graph.in('head', () =>
    graph.exactly(() => {
      let all = linear(graph, plan, hidden, spec.head);
      if (spec.logitScale !== undefined && spec.logitScale !== 1) {
        all = graph.op('Mul', [all, graph.float(spec.logitScale)]);
      }
      if (spec.logitCap !== undefined) {
        const cap = graph.float(spec.logitCap);
        all = graph.op('Mul', [graph.op('Tanh', [graph.op('Div', [all, cap])]), cap]);
      }
      const logProbs = graph.op('LogSoftmax', [all], { axis: -1 });
      const column = graph.op('Unsqueeze', [targets, graph.ints([1])]);
      const picked = graph.op('GatherElements', [logProbs, column], { axis: 1 });
      return { all, logProbs, picked: graph.op('Squeeze', [picked, graph.ints([1])]) };
    }),
  );
  const logits = graph.output(all, 'float32', ['rows', spec.vocabulary]);
  const each = graph.output(logProbs, 'float32', ['rows', spec.vocabulary]);
  const logProb = graph.output(picked, 'float32', ['rows']);
  return {
    get bytes() {
      return graph.bytes(`${spec.architecture} head`);
    },
    hidden,
    targets,
    logits,
    logProbs: each,
    logProb,
  };
}
