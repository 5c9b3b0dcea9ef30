/** Assembles a decoder's graphs from its spec. */
import { attention, type KvCache, type Positions } from './blocks/attention.ts';
import { experts } from './blocks/experts.ts';
import { linear } from './blocks/linear.ts';
import { addAndNorm, rmsNorm } from './blocks/norm.ts';
import { route } from './blocks/router.ts';
import { CAST_TO, Graph, type Value } from './graph.ts';
import type { DecoderSpec, LayerSpec, NormSpec } from './spec.ts';
import { WeightPlan } from './weights.ts';
import type { TensorEntry } from '../formats/safetensors.ts';

/** The weight file's name beside the graphs. */
export const WEIGHT_FILE = 'weights.bin';

/** Names of what a router's layer hands out; shapes as in blocks/router.ts, experts as int32. */
export interface RouterTaps {
  readonly logits: Value;
  readonly scores: Value;
  readonly experts: Value;
  readonly weights: Value;
}

/** A model as two graphs over one weight file. */
export interface DecoderGraphs {
  readonly plan: WeightPlan;
  /** Tokens to the last norm's output, with routing. */
  readonly body: {
    readonly bytes: Uint8Array;
    readonly nodes: number;
    readonly inputs: Positions & { readonly ids: Value };
    /** float32 [T, H]. */
    readonly hidden: Value;
    readonly caches: readonly KvCache[];
    readonly taps: readonly RouterTaps[];
  };
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
    /** float32 [n]. */
    readonly logProb: Value;
  };
}

/** Builds both graphs. Throws UserError when the checkpoint does not have what the spec needs. */
export function buildDecoder(spec: DecoderSpec, tensors: ReadonlyMap<string, TensorEntry>): DecoderGraphs {
  const plan = new WeightPlan(tensors);
  return { plan, body: buildBody(spec, plan), head: buildHead(spec, plan) };
}

function buildBody(spec: DecoderSpec, plan: WeightPlan): DecoderGraphs['body'] {
  const graph = new Graph(WEIGHT_FILE);
  const inputs = {
    ids: graph.input('ids', 'int32', ['tokens']),
    lastPosition: graph.input('last_position', 'int32', [1]),
    total: graph.input('total', 'int32', []),
    positions: graph.input('positions', 'int64', [1, 'tokens']),
    cos: graph.input('cos', 'float32', ['positions', 'angles']),
    sin: graph.input('sin', 'float32', ['positions', 'angles']),
  };
  const caches: KvCache[] = [];
  const taps: RouterTaps[] = [];
  let residual = graph.op('Gather', [graph.weight(plan.take(spec.embedding)), inputs.ids]);
  let normed = graph.in('embedding', () => rmsNorm(graph, plan, residual, spec.layers[0]!.attentionNorm));
  spec.layers.forEach((layer, i) => {
    graph.in(`layer.${i}`, () => {
      const next = spec.layers[i + 1]?.attentionNorm ?? spec.finalNorm;
      ({ normed, residual } = buildLayer(layer, i, next));
    });
  });
  graph.output(normed, 'float32', ['tokens', spec.hiddenSize]);
  return { bytes: graph.bytes(spec.architecture), nodes: graph.nodes, inputs, hidden: normed, caches, taps };

  function buildLayer(layer: LayerSpec, index: number, next: NormSpec): { normed: Value; residual: Value } {
    const attended = graph.in('attention', () =>
      attention(graph, plan, normed, layer.attention, inputs, String(index)),
    );
    caches.push(attended.cache);
    const middle = addAndNorm(graph, plan, attended.output, residual, layer.ffnNorm);
    const { router } = layer.ffn;
    const routing = graph.in('router', () => route(graph, plan, middle.normed, router));
    taps.push({
      logits: graph.output(routing.logits, 'float32', ['tokens', router.experts]),
      scores: graph.output(routing.scores, 'float32', ['tokens', router.experts]),
      experts: graph.output(graph.op('Cast', [routing.experts], { to: CAST_TO.int32 }), 'int32', ['tokens', router.k]),
      weights: graph.output(routing.weights, 'float32', ['tokens', router.k]),
    });
    const mixed = graph.in('experts', () =>
      experts(graph, plan, middle.normed, routing, router, layer.ffn.experts, spec.hiddenSize),
    );
    return addAndNorm(graph, plan, mixed, middle.residual, next);
  }
}

function buildHead(spec: DecoderSpec, plan: WeightPlan): DecoderGraphs['head'] {
  const graph = new Graph(WEIGHT_FILE);
  const hidden = graph.input('hidden', 'float32', ['rows', spec.hiddenSize]);
  const targets = graph.input('targets', 'int32', ['rows']);
  const logProb = graph.in('head', () => {
    const logits = linear(graph, plan, hidden, spec.head);
    const all = graph.op('LogSoftmax', [logits], { axis: -1 });
    const column = graph.op('Unsqueeze', [targets, graph.ints([1])]);
    return graph.op('Squeeze', [graph.op('GatherElements', [all, column], { axis: 1 }), graph.ints([1])]);
  });
  graph.output(logProb, 'float32', ['rows']);
  return { bytes: graph.bytes(`${spec.architecture} head`), hidden, targets, logProb };
}
