/**
 * What serving engines answer with routing, in every form that they have had, and what their offline outputs look like once
 * saved as JSON:
 * - vLLM 0.21: nested lists, `prompt_routed_experts` beside `choices`, −1 where a prefix was cached;
 * - vLLM from 0.22 on: `choices[0].routed_experts`, the base64 of a .npy file, prompt and generated tokens together;
 * - SGLang: `meta_info.routed_experts`, the base64 of integers without a header, `routed_experts_dtype` saying which;
 * - vLLM's RequestOutput: `outputs[0].routed_experts`, nested lists.
 * Row r belongs to token `start + r`; the token that was sampled last has none.
 */
import * as l10n from '@vscode/l10n';
import { UserError } from '../protocol/errors.ts';
import { isJsonObject, type JsonObject } from './json.ts';
import { isNpy, readIntegers, readNpy, type IntegerArray } from './npy.ts';

export interface EngineReply {
  /** The model's name, as the engine has it; empty where it does not say. */
  readonly model: string;
  /** Tokens of the prompt, and those that were generated. */
  readonly promptIds: Int32Array;
  readonly outputIds: Int32Array;
  /** Text of each token of the prompt as it is decoded alone; null where the engine does not tell. */
  readonly pieces: readonly (string | null)[];
  /** Of the prompt's tokens, in nats; NaN where the engine does not tell. */
  readonly logProb: Float32Array<ArrayBuffer>;
  /** [rows, layers, k]: of the prompt from `start` on and, maybe, of the tokens after it. Undefined where there is no routing. */
  readonly experts: IntegerArray | undefined;
  /** The prompt itself; empty where the engine does not repeat it. */
  readonly text: string;
}

/** What the one who asked knows. */
export interface ReplyContext {
  /** First token of the prompt whose routing was asked for; 0 unless told. */
  readonly start?: number;
  /** For integers without a header: layers of the array and k, from the model's config. */
  readonly shape?: readonly [layers: number, k: number];
  /** Tokens that were sent: an SGLang that is not asked for log-probabilities does not repeat them. */
  readonly promptIds?: Int32Array;
  /** The texts of tokens are not wanted: where they stand in the text is known. */
  readonly placed?: boolean;
  /** Its expert ids, where they were read before the rest of it. */
  readonly routed?: Routed;
}

/** Expert ids that are read: an array, or the bytes of one. */
export type Routed = IntegerArray | Uint8Array;

const TYPES: Readonly<Record<string, string>> = { uint8: 'u1', uint16: 'u2', int16: 'i2', int32: 'i4', int64: 'i8' };

/** Whether a value is an engine's answer. */
export function isEngineReply(value: unknown): boolean {
  return isJsonObject(value) && ['choices', 'meta_info', 'outputs'].some((key) => key in value);
}

/**
 * Reads an answer and checks that its parts fit together.
 *
 * @throws UserError `server-unfit` in a sentence that says what does not fit
 */
export function readEngineReply(value: unknown, context: ReplyContext = {}): EngineReply {
  if (!isJsonObject(value)) throw unfit(l10n.t`it is no object`);
  const reply = isJsonObject(value['meta_info'])
    ? ofSglang(value, value['meta_info'], context)
    : ofVllm(value, context);
  const { experts, promptIds, outputIds } = reply;
  if (experts) {
    const rows = experts.shape[0]!;
    const routed = promptIds.length - (context.start ?? 0);
    // Lists beside the choices give the prompt's rows alone; a server has none for the token that it sampled last, offline
    // outputs may have one.
    const most = routed + outputIds.length - (outputIds.length > 0 && !('outputs' in value) ? 1 : 0);
    if (rows < routed || rows > most) {
      throw unfit(
        l10n.t`it has ${rows} rows of routing for ${routed} tokens of the text, and which is whose cannot be told`,
      );
    }
  }
  return reply;
}

function ofVllm(value: JsonObject, context: ReplyContext): EngineReply {
  const choices: unknown = value['choices'] ?? value['outputs'];
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  if (!isJsonObject(choice)) throw unfit(l10n.t`it has no choices`);
  const given = value['prompt_token_ids'] ?? choice['prompt_token_ids'];
  const promptIds = idsOf(given, 'prompt_token_ids');
  const outputIds = idsOf(choice['token_ids'] ?? [], 'token_ids');
  const said = value['prompt_routed_experts'] ?? choice['prompt_routed_experts'] ?? choice['routed_experts'];
  const known = promptLogProbs(value['prompt_logprobs'] ?? choice['prompt_logprobs'], promptIds, context);
  const { model, prompt } = value;
  return {
    model: typeof model === 'string' ? model : '',
    promptIds,
    outputIds,
    ...known,
    experts: expertsOf(said, context),
    text: typeof prompt === 'string' ? prompt : '',
  };
}

/** By token {id: {logprob, decoded_token}}; others than the token itself may stand beside it. */
function promptLogProbs(
  list: unknown,
  ids: Int32Array,
  { placed }: ReplyContext,
): Pick<EngineReply, 'pieces' | 'logProb'> {
  const logProb = new Float32Array(ids.length).fill(NaN);
  const pieces = placed ? [] : Array.from(ids, (): string | null => null);
  if (!Array.isArray(list) || list.length !== ids.length) return { logProb, pieces };
  (list as readonly unknown[]).forEach((of, i) => {
    const own = isJsonObject(of) ? of[String(ids[i]!)] : undefined;
    if (!isJsonObject(own)) return;
    if (typeof own['logprob'] === 'number') logProb[i] = own['logprob'];
    if (!placed && typeof own['decoded_token'] === 'string') pieces[i] = own['decoded_token'];
  });
  return { logProb, pieces };
}

function ofSglang(value: JsonObject, meta: JsonObject, context: ReplyContext): EngineReply {
  const triples = inputTriples(meta, context);
  const promptIds = idsOf(
    triples.map(([, id]) => id),
    'input_token_logprobs',
  );
  const outputIds = idsOf(value['output_ids'] ?? [], 'output_ids');
  const { routed_experts: said, routed_experts_dtype: type = 'int32' } = meta;
  const rows = promptIds.length + outputIds.length - 1 - (context.start ?? 0);
  const headerless = { rows, type: String(type), ...(context.shape ? { shape: context.shape } : {}) };
  return {
    model: '',
    promptIds,
    outputIds,
    pieces: context.placed ? [] : triples.map(([, , text]) => (typeof text === 'string' ? text : null)),
    logProb: Float32Array.from(triples, ([p]) => (typeof p === 'number' ? p : NaN)),
    experts: expertsOf(said, context, headerless),
    text: '',
  };
}

type Triple = readonly [logProb: unknown, id: unknown, text: unknown];

/** Of each token of the prompt; of those that were sent only their ids are known where SGLang does not repeat them. */
function inputTriples(meta: JsonObject, { promptIds }: ReplyContext): Triple[] {
  const list: unknown = meta['input_token_logprobs'];
  if (Array.isArray(list)) {
    return (list as readonly unknown[]).map((triple) =>
      Array.isArray(triple) ? [triple[0], triple[1], triple[2]] : [null, null, null],
    );
  }
  if (!promptIds) throw unfit(l10n.t`it has no input_token_logprobs, which say which tokens the rows are of`);
  const tokens: unknown = meta['prompt_tokens'] ?? promptIds.length;
  if (tokens !== promptIds.length) {
    throw unfit(l10n.t`it is of ${String(tokens).slice(0, 20)} tokens, but ${promptIds.length} were sent`);
  }
  return Array.from(promptIds, (id) => [null, id, null]);
}

interface Headerless {
  readonly rows: number;
  readonly type: string;
  readonly shape?: readonly [layers: number, k: number];
}

/** Expert ids in whatever form they came; undefined where there are none. */
function expertsOf(said: unknown, { routed }: ReplyContext, headerless?: Headerless): IntegerArray | undefined {
  if (routed && !(routed instanceof Uint8Array)) return routed;
  if (!routed && (said === undefined || said === null)) return undefined;
  if (!routed && Array.isArray(said)) return nested(said as readonly unknown[]);
  const bytes = routed ?? (typeof said === 'string' ? decodedBase64(said) : undefined);
  if (!bytes) throw unfit(l10n.t`its routing is in a form that is not known`);
  if (isNpy(bytes)) {
    const array = readNpy(bytes);
    if (array.shape.length !== 3) throw unfit(l10n.t`its routing has ${array.shape.length} axes instead of 3`);
    return array;
  }
  const type = headerless && TYPES[headerless.type];
  if (!headerless || type === undefined) throw unfit(l10n.t`its routing is in a form that is not known`);
  if (!headerless.shape) {
    throw unfit(
      l10n.t`its routing does not say how many layers it has: name the local folder of the model's config.json`,
    );
  }
  const { rows } = headerless;
  const [layers, k] = headerless.shape;
  const wanted = rows * layers * k * Number(type[1]);
  if (bytes.length !== wanted) {
    throw unfit(
      l10n.t`its routing has ${bytes.length} bytes, but ${rows} tokens × ${layers} layers × ${k} experts in ${headerless.type} take ${wanted}`,
    );
  }
  return { shape: [rows, layers, k], values: readIntegers(bytes, type) };
}

/** The bytes that a text stands for in base64; undefined where it is something else. */
export function decodedBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  // What is no base64 is left out when it is decoded, and then bytes are missing.
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  return text.length > 0 && text.length % 4 === 0 && bytes.length === (text.length / 4) * 3 - padding
    ? bytes
    : undefined;
}

/** [token][layer][choice] lists of numbers. */
function nested(rows: readonly unknown[]): IntegerArray {
  const first: unknown = rows[0];
  const second: unknown = Array.isArray(first) ? first[0] : undefined;
  if (!Array.isArray(first) || !Array.isArray(second))
    throw unfit(l10n.t`its routing is no list of tokens, layers and experts`);
  const [layers, k] = [first.length, second.length];
  const values = new Int32Array(rows.length * layers * k);
  let at = 0;
  for (const row of rows) {
    if (!Array.isArray(row) || row.length !== layers) throw unfit(l10n.t`its tokens have different numbers of layers`);
    for (const ids of row as readonly unknown[]) {
      if (!Array.isArray(ids) || ids.length !== k) throw unfit(l10n.t`its tokens have different numbers of experts`);
      for (const id of ids as readonly unknown[]) {
        if (!Number.isInteger(id)) throw unfit(l10n.t`its routing holds what is no expert`);
        values[at++] = id as number;
      }
    }
  }
  return { shape: [rows.length, layers, k], values };
}

function idsOf(value: unknown, what: string): Int32Array {
  if (!Array.isArray(value) || !value.every((id) => Number.isInteger(id) && id >= 0 && id < 2 ** 31)) {
    throw unfit(l10n.t`it has no ${what}`);
  }
  return Int32Array.from(value as readonly number[]);
}

function unfit(what: string): UserError {
  return new UserError('server-unfit', l10n.t`The engine's answer cannot be used: ${what}.`);
}
