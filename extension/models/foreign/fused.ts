/** Routers whose choice happens inside ONNX Runtime's MoE and QMoE operators. */
import * as l10n from '@vscode/l10n';
import type { NodeProto } from '../../formats/onnx_pb.ts';
import { UserError } from '../../protocol/errors.ts';
import type { FoundRouter, FusedChoice } from './found.ts';
import { intAttribute, isRearranging, type GraphIndex, type Value } from './graphIndex.ts';
import { topKRouter } from './topK.ts';
import { logitsOf, MAX_EXPERTS, MIN_EXPERTS, patternOf, scoringOf, wayTo, weightName } from './trace.ts';

/** Places of inputs: what is chosen by, the experts' first matrices [E, .., ..], and QMoE's weights where they differ. */
const ROUTER = 1;
const FIRST_MATRIX = 2;
const ROUTER_WEIGHTS = 14;

/** Throws UserError `architecture-unsupported` for one that runs here as something else than it asks for. */
export function fusedRouter(index: GraphIndex, node: NodeProto): FoundRouter | undefined {
  if (node.opType !== 'MoE' && node.opType !== 'QMoE') return undefined;
  const input = node.input[ROUTER] ?? '';
  const way = wayTo(index, input);
  const experts = index.shape(node.input[FIRST_MATRIX] ?? '')?.[0] ?? way?.projection.experts;
  const k = intAttribute(node, 'k', 1);
  if (input === '' || experts === undefined || !(k >= 1 && k <= experts)) return undefined;
  if (experts < MIN_EXPERTS || experts > MAX_EXPERTS) return undefined;
  // ONNX Runtime's CPU kernels ignore it, and route by a plain softmax.
  if (intAttribute(node, 'use_sparse_mixer', 0) === 1) {
    throw new UserError(
      'architecture-unsupported',
      l10n.t`This ONNX model asks for SparseMixer (use_sparse_mixer), which ONNX Runtime does not do on the CPU; open the checkpoint that it was made from.`,
    );
  }
  const choice: FusedChoice = { kind: 'fused', input, weights: weightsOf(node) };
  const found = { rule: 'fused', node: node.name || node.output[0]!, experts, k, choice } as const;
  // The op may be fed a choice already made, and its own choice then finds the same experts again.
  const inner = chosenBefore(index, input);
  if (inner) {
    const { pattern, names, scoring, logits, scores, selection } = inner;
    return {
      ...found,
      pattern: `${pattern} → ${node.opType}`,
      names: [node.name, ...names],
      scoring,
      logits,
      ...(scores === undefined ? {} : { scores }),
      ...(selection === undefined ? {} : { selection }),
    };
  }
  if (!way) return { ...found, pattern: node.opType, names: [node.name], scoring: 'softmax', logits: input };
  const scoring = scoringOf(way);
  return {
    ...found,
    pattern: patternOf(way, node),
    names: [node.name, way.projection.node.name, weightName(way)],
    scoring: scoring ?? 'softmax',
    logits: logitsOf(way),
    ...(scoring === undefined ? {} : { selection: { value: input } }),
  };
}

/**
 * How ONNX Runtime weighs: MoE takes the softmax over all experts, and normalises only if asked to; QMoE always takes that
 * over the chosen ones, unless it is given the weights.
 */
function weightsOf(node: NodeProto): FusedChoice['weights'] {
  const normalize = intAttribute(node, 'normalize_routing_weights', 0) === 1;
  if (node.opType === 'MoE') return normalize ? 'ofChosen' : 'ofAll';
  const value = node.input[ROUTER_WEIGHTS] ?? '';
  return value === '' ? 'ofChosen' : { value, normalize };
}

/** The TopK router whose choice was scattered into a value. */
function chosenBefore(index: GraphIndex, value: Value): FoundRouter | undefined {
  const scatter = sourceOf(index, value);
  if (scatter?.opType !== 'ScatterElements') return undefined;
  const choice = sourceOf(index, scatter.input[1]!);
  return choice && topKRouter(index, choice);
}

/** The node that a value's numbers come from. */
function sourceOf(index: GraphIndex, value: Value): NodeProto | undefined {
  let node = index.producer(value);
  while (node && (isRearranging(node) || node.opType === 'Cast')) node = index.producer(node.input[0]!);
  return node;
}
