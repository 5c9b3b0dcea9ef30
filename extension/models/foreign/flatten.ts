/** A model without local functions, and without branches whose condition is known: all nodes in one graph. */
import * as l10n from '@vscode/l10n';
import { clone, create } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  NodeProtoSchema,
} from '../../formats/onnx_pb.ts';
import { UserError } from '../../protocol/errors.ts';
import { attribute, GraphIndex } from './graphIndex.ts';

/** Functions that call functions, and branches in branches. */
const MAX_DEPTH = 32;
const MAX_NODES = 2_000_000;

/**
 * Puts the bodies of local functions where they are called, and the branch that is taken where a condition is constant or is
 * the input that tells whether there is a past, as in decoders merged of two: the branch with a past takes an empty one, too.
 *
 * @throws UserError `weights-invalid` for functions that call themselves
 */
export function flatten(model: ModelProto, graph: GraphProto): void {
  const functions = new Map(model.functions.map((f) => [keyOf(f.domain, f.name, f.overload), f]));
  for (let depth = 0; ; depth++) {
    const inlined = inlineCalls(graph, functions, depth);
    if (!inlineBranches(graph) && !inlined) break;
    if (depth >= MAX_DEPTH) throw endless();
  }
  for (const { opsetImport } of model.functions) {
    for (const used of opsetImport) {
      if (!model.opsetImport.some(({ domain }) => domain === used.domain)) model.opsetImport.push(used);
    }
  }
  model.functions = [];
}

function endless(): UserError {
  return new UserError(
    'weights-invalid',
    l10n.t`The ONNX model is damaged: its functions call themselves, or each other without end.`,
  );
}

function keyOf(domain: string, name: string, overload: string): string {
  return JSON.stringify([domain, name, overload]);
}

function inlineCalls(graph: GraphProto, functions: ReadonlyMap<string, FunctionProto>, depth: number): boolean {
  let any = false;
  let nodes = graph.node.length;
  graph.node = graph.node.flatMap((node, i) => {
    const called = functions.get(keyOf(node.domain, node.opType, node.overload));
    if (!called) return [node];
    any = true;
    // Functions that call others twice, and so on, are small in the file and endless here.
    nodes += called.node.length;
    if (nodes > MAX_NODES) throw endless();
    return bodyOf(called, node, `${node.name || called.name}.${depth}.${i}/`);
  });
  return any;
}

/** A function's nodes with the names and attributes of one call. */
function bodyOf(called: FunctionProto, call: NodeProto, prefix: string): NodeProto[] {
  const names = new Map<string, string>([['', '']]);
  called.input.forEach((formal, i) => names.set(formal, call.input[i] ?? ''));
  called.output.forEach((formal, i) => {
    // An output that nobody takes has a name all the same.
    const actual = call.output[i] ?? '';
    names.set(formal, actual === '' ? prefix + formal : actual);
  });
  const rename = (name: string): string => names.get(name) ?? prefix + name;
  const given = new Map([...called.attributeProto, ...call.attribute].map((a) => [a.name, a]));
  return called.node.map((node) => {
    const copy = clone(NodeProtoSchema, node);
    renameNode(copy, rename, given);
    copy.name = prefix + node.name;
    return copy;
  });
}

function renameNode(
  node: NodeProto,
  rename: (name: string) => string,
  given: ReadonlyMap<string, AttributeProto>,
): void {
  node.input = node.input.map(rename);
  node.output = node.output.map(rename);
  node.attribute = node.attribute.flatMap((own) => {
    if (own.refAttrName === '') return [own];
    const value = given.get(own.refAttrName);
    if (!value) return [];
    const copy = clone(AttributeProtoSchema, value);
    copy.name = own.name;
    return [copy];
  });
  for (const { g, graphs } of node.attribute)
    for (const inner of g ? [g, ...graphs] : graphs) renameGraph(inner, rename, given);
}

function renameGraph(
  graph: GraphProto,
  rename: (name: string) => string,
  given: ReadonlyMap<string, AttributeProto>,
): void {
  for (const named of [...graph.input, ...graph.output, ...graph.initializer, ...graph.valueInfo])
    named.name = rename(named.name);
  for (const node of graph.node) renameNode(node, rename, given);
}

const HAS_PAST = /use_cache_branch/;

function inlineBranches(graph: GraphProto): boolean {
  if (!graph.node.some(({ opType }) => opType === 'If')) return false;
  const index = new GraphIndex(graph);
  const hasPast = graph.input.find(({ name }) => HAS_PAST.test(name))?.name;
  const taken = new Map<NodeProto, GraphProto>();
  for (const node of graph.node) {
    if (node.opType !== 'If') continue;
    const [condition] = node.input as [string];
    const value = condition === hasPast ? 1 : index.numbers(condition)?.[0];
    const branch = value === undefined ? undefined : attribute(node, value === 0 ? 'else_branch' : 'then_branch')?.g;
    if (branch) taken.set(node, branch);
  }
  graph.node = graph.node.flatMap((node) => {
    const branch = taken.get(node);
    if (!branch) return [node];
    graph.initializer.push(...branch.initializer);
    graph.valueInfo.push(...branch.valueInfo);
    const results = node.output.map((output, i) =>
      create(NodeProtoSchema, {
        opType: 'Identity',
        name: `${node.name}/result.${i}`,
        input: [branch.output[i]?.name ?? ''],
        output: [output],
      }),
    );
    return [...branch.node, ...results.filter(({ output }) => output[0] !== '')];
  });
  if (hasPast !== undefined && taken.size > 0 && new GraphIndex(graph).consumers(hasPast).length === 0) {
    graph.input = graph.input.filter(({ name }) => name !== hasPast);
  }
  return taken.size > 0;
}
