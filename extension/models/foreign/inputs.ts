/** What a foreign model wants to be fed and what it gives, by names and shapes. */
import * as l10n from '@vscode/l10n';
import { TensorProto_DataType as Type, type ValueInfoProto } from '../../formats/onnx_pb.ts';
import { UserError } from '../../protocol/errors.ts';
import { intAttribute, type GraphIndex, type Value } from './graphIndex.ts';

/** Element types that can be fed or read. */
export type PortType = 'float32' | 'float16' | 'bfloat16' | 'int64' | 'int32' | 'bool';

export interface Port {
  readonly name: Value;
  readonly type: PortType;
  /** Fixed sizes, names of those that differ from run to run, or null for unnamed ones. */
  readonly dims: readonly (number | string | null)[];
}

/** What an input is fed with. */
export type InputRole =
  | 'ids'
  /** 1 for each token of the window so far, these included. */
  | 'mask'
  /** Places of these tokens in the window. */
  | 'positions'
  /** Zeros, one a token. */
  | 'zeros'
  /** How many of the last tokens want logits: all. */
  | 'keep'
  /** Whether there is a past. */
  | 'hasPast'
  /** How many tokens there are in the window so far, and the last one's place. */
  | 'total'
  | 'last';

export interface RoleInput extends Port {
  readonly role: InputRole;
}

/** Keys, values or states that one pass leaves for the next. */
export interface CacheInput extends Port {
  readonly present: Value;
  /** Axis that grows by a token each; undefined for states of fixed size. */
  readonly growing?: number;
  /** Shape before the first token. */
  readonly empty: readonly number[];
}

export interface ModelPorts {
  readonly inputs: readonly RoleInput[];
  readonly caches: readonly CacheInput[];
  readonly logits: Port;
  /** The model gives logits of the last token alone. */
  readonly lastOnly: boolean;
}

/** Facts that a config beside the model may tell where the graph does not. */
export interface KnownSizes {
  readonly headDim?: number;
}

const PORT_TYPES: Readonly<Record<number, PortType>> = {
  [Type.FLOAT]: 'float32',
  [Type.FLOAT16]: 'float16',
  [Type.BFLOAT16]: 'bfloat16',
  [Type.INT64]: 'int64',
  [Type.INT32]: 'int32',
  [Type.BOOL]: 'bool',
};

/** By name, the first that fits. */
const ROLES: readonly (readonly [InputRole, RegExp])[] = [
  ['hasPast', /use_cache_branch/],
  ['keep', /num_logits_to_keep|logits_to_keep/],
  ['zeros', /token_type_ids/],
  ['ids', /^(?:input_?ids|ids|tokens|input)$/],
  ['mask', /attention_mask|^mask$/],
  ['positions', /position/],
  ['total', /total_seq/],
  ['last', /seqlens_k|past_seq/],
];

/**
 * Tells the ports of a language model that continues tokens.
 *
 * @throws UserError `architecture-unsupported` when it is none, or wants something else as well
 */
export function modelPorts(index: GraphIndex, known: KnownSizes): ModelPorts {
  const { graph } = index;
  const constants = new Set(graph.initializer.map(({ name }) => name));
  const outputs = graph.output.map(portOf).filter((port) => port !== undefined);
  const logits = logitsOf(outputs);
  const inputs: RoleInput[] = [];
  const caches: CacheInput[] = [];
  const presents = outputs.filter(({ name }) => name !== logits.name);
  for (const input of graph.input.filter(({ name }) => !constants.has(name))) {
    const port = portOf(input);
    if (!port) throw unsupported(l10n.t`wants the input ${input.name} in a type that cannot be fed`);
    const role = roleOf(port);
    if (role) inputs.push({ ...port, role });
    else caches.push(cacheOf(index, port, presents, known));
  }
  if (!inputs.some(({ role }) => role === 'ids')) {
    throw unsupported(l10n.t`has no input of token ids`);
  }
  const fixed = inputs.find(({ role, dims }) => role === 'ids' && typeof dims.at(-1) === 'number');
  if (fixed) throw unsupported(l10n.t`takes texts of exactly ${String(fixed.dims.at(-1))} tokens only`);
  return { inputs, caches, logits, lastOnly: logits.dims.length === 3 && logits.dims[1] === 1 };
}

function portOf({ name, type }: ValueInfoProto): Port | undefined {
  const tensor = type?.value.case === 'tensorType' ? type.value.value : undefined;
  const known = PORT_TYPES[tensor?.elemType ?? 0];
  if (!known) return undefined;
  const dims = (tensor?.shape?.dim ?? []).map(({ value }) =>
    value.case === 'dimValue' ? Number(value.value) : value.case === 'dimParam' ? value.value : null,
  );
  return { name, type: known, dims };
}

function roleOf({ name, type, dims }: Port): InputRole | undefined {
  const role = ROLES.find(([, pattern]) => pattern.test(name.toLowerCase()))?.[0];
  if (role === undefined) return undefined;
  const fits =
    role === 'hasPast' ? type === 'bool' : role === 'mask' ? dims.length === 2 : type === 'int64' || type === 'int32';
  return fits ? role : undefined;
}

function logitsOf(outputs: readonly Port[]): Port {
  const floats = outputs.filter(({ type, dims }) => type.includes('float') && dims.length >= 2);
  const logits =
    floats.find(({ name }) => name === 'logits') ??
    floats.find(({ name }) => /logits/i.test(name) && !/router|gate|aux/i.test(name)) ??
    (floats.length === 1 && floats[0]!.dims.length === 3 ? floats[0] : undefined);
  if (!logits) throw unsupported(l10n.t`has no output of logits`);
  return logits;
}

function cacheOf(index: GraphIndex, port: Port, presents: readonly Port[], known: KnownSizes): CacheInput {
  const own = bareName(port.name);
  const present = presents.find(
    ({ name, type, dims }) => bareName(name) === own && type === port.type && dims.length === port.dims.length,
  );
  if (!present || !port.type.includes('float')) {
    throw unsupported(l10n.t`wants the input ${port.name}, and MoEScope does not know what to feed it`);
  }
  const growing = growingAxis(port);
  const empty = port.dims.map((size, axis) => {
    if (typeof size === 'number') return size;
    if (axis === growing) return slidingWindow(index, port.name);
    if (axis === 0) return 1;
    const width = axis === port.dims.length - 1 ? (known.headDim ?? headWidth(index, port.name)) : undefined;
    if (width === undefined) throw unsupported(l10n.t`does not tell the size of its input ${port.name}`);
    return width;
  });
  return { ...port, present: present.name, empty, ...(growing === undefined ? {} : { growing }) };
}

/** What a cache's input and output names have in common. */
function bareName(name: string): string {
  return name
    .toLowerCase()
    .replace(/past_key_values|present_key_values|past|present|updated|new|cache|states?|input|output/g, '')
    .replace(/[^a-z0-9]/g, '');
}

/** The axis of tokens: named so, or the third of [batch, heads, tokens, width]. */
function growingAxis({ dims }: Port): number | undefined {
  const named = dims.findIndex((size) => typeof size === 'string' && /seq|past|length|total|token/i.test(size));
  if (named > 0) return named;
  return dims.length === 4 && typeof dims[2] !== 'number' ? 2 : undefined;
}

/** Attention over a sliding window may keep its cache in a ring, which has its size from the start. */
function slidingWindow(index: GraphIndex, cache: Value): number {
  const ring = index.consumers(cache).find((node) => intAttribute(node, 'sliding_window_cache', 0) === 1);
  return ring ? intAttribute(ring, 'local_window_size', 0) : 0;
}

/** Width of an attention head, by the operator that the cache goes into. */
function headWidth(index: GraphIndex, cache: Value): number | undefined {
  for (const node of index.consumers(cache)) {
    const heads = intAttribute(node, 'num_heads', 0);
    const width = index.shape(node.output[0] ?? '')?.at(-1);
    if (heads > 0 && width !== undefined && width % heads === 0) return width / heads;
  }
  return undefined;
}

function unsupported(why: string): UserError {
  return new UserError('architecture-unsupported', l10n.t`This ONNX model ${why}.`);
}
