/** How each engine is asked: where it says what it is, how it takes a text apart, and how it routes tokens. */
import * as l10n from '@vscode/l10n';
import { isJsonObject, type JsonObject } from '../formats/json.ts';
import { UserError } from '../protocol/errors.ts';
import type { EngineName, ServedModel, ServerIdentity } from '../protocol/server.ts';
import { messageIn, valueIn, type HttpAnswer, type HttpClient } from './http.ts';
import { rangesOfCodePoints, rangesOfSpellings, type Ranges } from './textOffsets.ts';

/** The flag that both engines are started with. */
const FLAG = '--enable-return-routed-experts';
/** The first vLLM that returns routing over HTTP. */
const FIRST_VLLM = [0, 21] as const;

/** What differs from engine to engine. */
interface Ways {
  /** Tokens of the context that a prompt cannot have. */
  readonly besidePrompt: number;
  /** The command line that has it return routing. */
  readonly start: string;
  /** How it is asked for routing. */
  readonly question: (asked: RoutingQuestion) => readonly [path: string, body: object];
}

const WAYS: Readonly<Record<EngineName, Ways>> = {
  vLLM: {
    // One is the answer's, without which there is none.
    besidePrompt: 1,
    start: `vllm serve MODEL ${FLAG}`,
    question: ({ model, prompt, logProb }) => [
      '/v1/completions',
      {
        ...{ model, prompt: jsonPrompt(prompt), max_tokens: 1, temperature: 0, return_token_ids: true },
        ...(logProb ? { prompt_logprobs: 0 } : {}),
      },
    ],
  },
  SGLang: {
    // As in managers/tp_worker.py and managers/utils.py: max_req_len is one less than the context or than its pool of keys and
    // values, max_req_input_len five less than that, and a prompt has to be shorter still.
    besidePrompt: 7,
    start: `python -m sglang.launch_server --model-path MODEL ${FLAG}`,
    question: ({ prompt, logProb }) => [
      '/generate',
      {
        ...(typeof prompt === 'string' ? { text: prompt } : { input_ids: jsonPrompt(prompt) }),
        // With none, the last row of the prompt would be missing.
        sampling_params: { max_new_tokens: 1, temperature: 0 },
        return_routed_experts: true,
        routed_experts_start_len: 0,
        ...(logProb || typeof prompt === 'string'
          ? { return_logprob: true, logprob_start_len: 0, return_text_in_logprobs: true }
          : {}),
      },
    ],
  },
};

/** Tokens of a text as a server takes it apart; without ranges where it does not tell enough. */
export interface ServedTokens {
  readonly ids: Int32Array;
  readonly ranges: Ranges | undefined;
}

/** The models that a server has now; undefined where it has no list of them. Throws UserError. */
export async function listedModels(http: HttpClient, signal: AbortSignal): Promise<ServedModel[] | undefined> {
  const listed = await http.ask('/v1/models', undefined, signal);
  // What stands before a server may want a key, send on to https, or wait for the engine to start.
  if (isOfTheWay(listed.status)) throw refused(http, listed);
  return modelsOf(listed);
}

/**
 * Asks a server what it is.
 *
 * @param models its list of models, if it has one
 * @throws UserError `server-unreachable`, `server-unfit` where it is neither engine, or a vLLM that is too old
 */
export async function identify(
  http: HttpClient,
  models: readonly ServedModel[] | undefined,
  signal: AbortSignal,
): Promise<ServerIdentity> {
  const answer = await http.ask('/version', undefined, signal);
  const version = jsonOf(answer);
  if (answer.status === 200 && isJsonObject(version) && typeof version['version'] === 'string' && models) {
    const identity = { engine: 'vLLM', version: version['version'], models } as const;
    refuseOld(http, identity.version);
    return identity;
  }
  // By its newer name first.
  for (const path of ['/server_info', '/get_server_info']) {
    const answer = await http.ask(path, undefined, signal);
    if (isLocked(answer.status) && models) {
      // A gateway that has taken the key may let no other paths through.
      throw new UserError(
        'server-unfit',
        l10n.t`The server at ${http.place} lists its models, but gives no access to /version and /server_info, where engines say what they are: it wants an API key there, or what stands before it has to let them through.`,
      );
    }
    if (isLocked(answer.status)) throw refused(http, answer);
    const info = jsonOf(answer);
    if (answer.status !== 200 || !isJsonObject(info)) continue;
    const said: unknown = info['version'];
    // Other servers have a JSON object for whatever they are asked.
    if (typeof said !== 'string' && typeof info['model_path'] !== 'string') continue;
    const longest = tokensOf(info['max_req_input_len']);
    // The context that would leave as much.
    const room = longest > 0 ? longest - 1 + WAYS.SGLang.besidePrompt : 0;
    const within = (context: number): number => Math.min(context || room, room || context);
    return {
      engine: 'SGLang',
      version: typeof said === 'string' ? said : '',
      models: (models ?? []).map(({ name, context }) => ({ name, context: within(context) })),
    };
  }
  throw new UserError(
    'server-unfit',
    l10n.t`The server at ${http.place} answers, but it is neither vLLM nor SGLang, which return routing.`,
  );
}

/** The model that is asked for, or the only one there is. Throws UserError `server-unfit`. */
export function servedModel(http: HttpClient, { models }: ServerIdentity, name: string): ServedModel {
  const names = models.map((model) => `"${model.name}"`).join(', ');
  if (name === '' && models.length > 1) {
    throw new UserError('server-unfit', l10n.t`The server at ${http.place} serves ${names}: name one of them.`);
  }
  const found = name === '' ? models[0] : models.find((model) => model.name === name);
  if (found) return found;
  // SGLang without a list serves one model, whatever it is called.
  if (models.length === 0) return { name, context: 0 };
  throw new UserError(
    'server-unfit',
    l10n.t`The server at ${http.place} does not serve "${name}"; it serves ${names}.`,
  );
}

/** Tokens of the longest prompt that an engine with such a context takes; 0 where the server does not tell. */
export function promptTokens(engine: EngineName, context: number): number {
  return Math.max(0, context - WAYS[engine].besidePrompt);
}

/** Takes a text apart as the server's model does; undefined where the server has no way to. Throws UserError. */
export async function tokenizeThere(
  http: HttpClient,
  engine: EngineName,
  model: string,
  text: string,
  signal: AbortSignal,
): Promise<ServedTokens | undefined> {
  const answer = await http.ask('/tokenize', { model, prompt: text, return_token_strs: true }, signal);
  if (answer.status === 404 || answer.status === 405) return undefined;
  const value = jsonOf(answer);
  if (answer.status !== 200) throw refused(http, answer);
  const tokens: unknown = isJsonObject(value) ? value['tokens'] : undefined;
  if (!isJsonObject(value) || !isIds(tokens)) {
    throw new UserError('server-unfit', l10n.t`The server at ${http.place} did not return token ids for a text.`);
  }
  const spellings: unknown = value['token_strs'];
  const ids = Int32Array.from(tokens);
  if (isStrings(spellings) && spellings.length === ids.length) {
    const ranges = rangesOfSpellings(text, spellings);
    if (ranges) return { ids, ranges };
  }
  return { ids, ranges: engine === 'vLLM' ? await renderedRanges(http, model, text, ids, signal) : undefined };
}

/** Ranges from vLLM's own tokenizer, where that keeps them. */
async function renderedRanges(
  http: HttpClient,
  model: string,
  text: string,
  ids: Int32Array,
  signal: AbortSignal,
): Promise<Ranges | undefined> {
  const body = { model, prompt: text, max_tokens: 1, return_token_offsets: true };
  const value = jsonOf(await http.ask('/v1/completions/render', body, signal));
  const first: unknown = Array.isArray(value) ? value[0] : undefined;
  const offsets: unknown = isJsonObject(first) ? first['token_offsets'] : undefined;
  if (!Array.isArray(offsets) || offsets.length !== ids.length || !offsets.every(isPair)) return undefined;
  return rangesOfCodePoints(text, offsets);
}

export interface RoutingQuestion {
  readonly model: string;
  /** Tokens, or a text where its tokens are not known. */
  readonly prompt: Int32Array | string;
  /** Whether the tokens' log-probabilities are wanted, too; for these an engine computes what it has cached anew. */
  readonly logProb: boolean;
}

/**
 * Asks for the routing of tokens, or of a text where its tokens are not known. The answer is to be decoded; SGLang repeats tokens
 * only with their log-probabilities.
 *
 * @throws UserError
 */
export async function askRouting(
  http: HttpClient,
  engine: EngineName,
  asked: RoutingQuestion,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const answer = await http.ask(...WAYS[engine].question(asked), signal);
  if (answer.status !== 200) throw refused(http, answer);
  return answer.body;
}

/** What to do when an answer has no routing, in one sentence. */
export function withoutRouting(http: HttpClient, engine: EngineName): UserError {
  const { start } = WAYS[engine];
  return new UserError(
    'server-unfit',
    l10n.t`The server at ${http.place} does not return routing: it has to be started with ${FLAG} (${start}).`,
  );
}

/** Tokens as JSON takes them. */
function jsonPrompt(prompt: Int32Array | string): readonly number[] | string {
  return typeof prompt === 'string' ? prompt : Array.from(prompt);
}

function refuseOld(http: HttpClient, version: string): void {
  const [major, minor] = version.split('.').map((part) => parseInt(part, 10));
  // A version of another form is a build of somebody's own.
  if (major === undefined || minor === undefined || Number.isNaN(major) || Number.isNaN(minor)) return;
  if (major > FIRST_VLLM[0] || minor >= FIRST_VLLM[1]) return;
  throw new UserError(
    'server-unfit',
    l10n.t`The server at ${http.place} is vLLM ${version.slice(0, 20)}; 0.21 is the first that returns routing.`,
  );
}

/** Whether a status says that the engine has not been asked. */
function isOfTheWay(status: number): boolean {
  return isLocked(status) || (status >= 300 && status < 400) || status >= 500;
}

/** Whether a status says that a key is wanted. */
function isLocked(status: number): boolean {
  return status === 401 || status === 403;
}

/** The error of an answer that is none, with what the server says of it. */
function refused(http: HttpClient, answer: HttpAnswer): UserError {
  const { status } = answer;
  if (isLocked(status)) {
    return new UserError(
      'server-unfit',
      l10n.t`The server at ${http.place} wants an API key, or does not accept this one.`,
    );
  }
  if (status >= 300 && status < 400) {
    const other = http.target(answer);
    return new UserError(
      'server-unfit',
      other === ''
        ? l10n.t`The server at ${http.place} redirects to another address: use that one.`
        : l10n.t`The server at ${http.place} redirects to ${other}: use that address.`,
    );
  }
  const what = http.said(status, messageIn(answer));
  return status >= 500
    ? new UserError('server-unreachable', l10n.t`The server at ${http.place} failed (${what}).`)
    : new UserError('server-unfit', l10n.t`The server at ${http.place} refuses the text (${what}).`);
}

function modelsOf(answer: HttpAnswer): ServedModel[] | undefined {
  const value = jsonOf(answer);
  const list: unknown = isJsonObject(value) ? value['data'] : undefined;
  if (!Array.isArray(list)) return undefined;
  const cards = (list as readonly unknown[]).filter(isJsonObject);
  return cards.flatMap((card): ServedModel[] => {
    const { id, parent }: JsonObject = card;
    if (typeof id !== 'string') return [];
    // An adapter takes what the model takes that it changes.
    const base = cards.find((other) => typeof parent === 'string' && other['id'] === parent);
    return [{ name: id, context: tokensOf(card['max_model_len']) || tokensOf(base?.['max_model_len']) }];
  });
}

/** A number of tokens; 0 where it is not told. */
function tokensOf(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 1 ? value : 0;
}

/** The value of an answer; undefined where it is none, and where the server has nothing under that path. */
function jsonOf({ status, body }: HttpAnswer): unknown {
  return status === 404 || status === 405 ? undefined : valueIn(body);
}

function isIds(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((id) => Number.isInteger(id) && id >= 0 && id < 2 ** 31);
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}

function isPair(value: unknown): value is readonly [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every((n) => Number.isInteger(n));
}
