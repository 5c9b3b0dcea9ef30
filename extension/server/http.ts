/** HTTP to one server: connections that stay open, time limits, sizes that are bounded, and few retries. */
import * as l10n from '@vscode/l10n';
// By their short names: VS Code puts its proxy and certificate settings behind these when an extension asks for them.
import * as http from 'http';
import * as https from 'https';
import { isJsonObject } from '../formats/json.ts';
import { cancelled, UserError } from '../protocol/errors.ts';
import { serverUrl } from './address.ts';
import { isTooMuch } from './jsonSize.ts';

export interface HttpOptions {
  /** As `serverUrl` makes it. */
  readonly url: string;
  readonly apiKey?: string | undefined;
  /** Until a connection stands, and between two pieces of an answer, its first included; in ms. */
  readonly connectMs?: number;
  readonly answerMs?: number;
  /** Before a busy server is asked again, the first time; twice as long each time after. */
  readonly waitMs?: number;
  /** How connections are made, where not by Node's own rules: through a proxy, say. */
  readonly agent?: http.Agent;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Where an answer sends on to; empty for others. */
  readonly location: string;
}

export const CONNECT_MS = 10_000;
/** A prompt of 32,000 tokens may take a busy server so long before it says a word. */
const ANSWER_MS = 300_000;
/** Routing of 32,000 tokens × 61 layers × 8 is 21 MB in base64, and 80 MB as nested lists. */
const MAX_ANSWER = 400_000_000;
const MAX_REQUEST = 50_000_000;
/** Connections to one server, and so requests at the same time: those beyond would wait as if it did not take them. */
export const MAX_SOCKETS = 64;
/** Characters of what a server says that a sentence repeats. */
const MAX_SAID = 300;
/** What a header can carry of a key. */
const KEY = /^[\x21-\x7e]*$/;

/** The server is busy: only then the same request can succeed later. */
const BUSY: ReadonlySet<number> = new Set([429, 503]);
const MAX_TRIES = 5;
const FIRST_WAIT_MS = 500;
const MAX_WAIT_MS = 30_000;

export class HttpClient {
  readonly #options: HttpOptions;
  readonly #agent: http.Agent;
  readonly #apiKey: string;

  constructor(options: HttpOptions) {
    this.#options = options;
    this.#apiKey = options.apiKey?.trim() ?? '';
    const { Agent } = options.url.startsWith('https:') ? https : http;
    this.#agent = options.agent ?? new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  }

  /** Where it asks, for sentences. */
  get place(): string {
    return new URL(this.#options.url).host;
  }

  /** Where an answer sends on to, for a sentence: without the key and what may follow a path, which may be secret. Empty for nowhere. */
  target({ location }: HttpAnswer): string {
    if (location === '' || !URL.canParse(location, this.#options.url)) return '';
    const { origin, pathname } = new URL(location, this.#options.url);
    return this.#withoutKey(serverUrl(origin + pathname));
  }

  /** What a server answered instead of what it was asked for, for sentences: without the key, which it may repeat. */
  said(status: number, message: string): string {
    const quoted = this.#withoutKey(message).slice(0, MAX_SAID);
    return quoted === '' ? l10n.t`status ${status}` : l10n.t`status ${status}: ${quoted}`;
  }

  /**
   * Asks once; again where the server is busy, or has just closed a connection that was kept.
   *
   * @param body becomes JSON; a GET without one
   * @returns the answer, whatever its status but 429 and 503
   * @throws UserError `server-unreachable` when none comes, `server-unfit` for what cannot be asked, `cancelled`
   */
  async ask(path: string, body: object | undefined, signal: AbortSignal): Promise<HttpAnswer> {
    const json = body === undefined ? undefined : JSON.stringify(body);
    if (json !== undefined && json.length > MAX_REQUEST) {
      throw new UserError('server-unfit', l10n.t`The text is too long for one request: ${json.length} bytes.`);
    }
    if (!KEY.test(this.#apiKey)) {
      throw new UserError(
        'server-unfit',
        l10n.t`The API key has characters that no key has: spaces, or letters beyond ASCII.`,
      );
    }
    for (let tries = 1; ; tries++) {
      const { retryAfter, ...answer } = await this.#overKept(path, json, signal);
      const { status } = answer;
      if (!BUSY.has(status)) return answer;
      if (tries === MAX_TRIES) {
        throw unreachable(
          l10n.t`The server at ${this.place} is busy (${this.said(status, messageIn(answer))}) and was asked ${MAX_TRIES} times.`,
        );
      }
      // Half of the wait is by chance, so that many clients do not come back together.
      const backOff = (this.#options.waitMs ?? FIRST_WAIT_MS) * 2 ** (tries - 1) * (0.5 + Math.random());
      await wait(Math.min(MAX_WAIT_MS, Math.max(backOff, retryAfter)), signal);
    }
  }

  #withoutKey(text: string): string {
    return this.#apiKey === '' ? text : text.replaceAll(this.#apiKey, '…');
  }

  /** Ends the connections that are kept. */
  dispose(): void {
    this.#agent.destroy();
  }

  /**
   * Asks over a connection that was kept, if there is one. A server may close such a one at the very moment at which it is used:
   * then nobody has read the question, and it goes out once more, over a new one.
   */
  async #overKept(path: string, json: string | undefined, signal: AbortSignal): Promise<Answered> {
    try {
      return await this.#once(path, json, signal);
    } catch (error) {
      if (!(error instanceof ClosedMeanwhile)) throw error;
      // The others have been idle for as long.
      for (const socket of Object.values(this.#agent.freeSockets).flat()) socket?.destroy();
    }
    try {
      return await this.#once(path, json, signal);
    } catch (error) {
      throw error instanceof ClosedMeanwhile ? error.reason : error;
    }
  }

  /** Throws UserError, and ClosedMeanwhile. */
  #once(path: string, json: string | undefined, signal: AbortSignal): Promise<Answered> {
    const { url, connectMs = CONNECT_MS, answerMs = ANSWER_MS } = this.#options;
    const { place } = this;
    if (signal.aborted) return Promise.reject(cancelled());
    return new Promise((resolve, reject) => {
      const request = (url.startsWith('https:') ? https : http).request(url + path, {
        method: json === undefined ? 'GET' : 'POST',
        agent: this.#agent,
        signal,
        headers: {
          accept: 'application/json',
          // Who is not asked may compress an answer, and some do.
          'accept-encoding': 'identity',
          ...(json === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) }),
          ...(this.#apiKey === '' ? {} : { authorization: `Bearer ${this.#apiKey}` }),
        },
      });
      let answered = false;
      const fail = (error: UserError | ClosedMeanwhile): void => {
        request.destroy();
        reject(signal.aborted ? cancelled() : error);
      };
      const connecting = setTimeout(() => {
        fail(unreachable(l10n.t`The server at ${place} did not take the connection within ${seconds(connectMs)}.`));
      }, connectMs);
      const settled = (): void => {
        clearTimeout(connecting);
      };
      request.on('socket', (socket) => {
        if (socket.connecting) socket.once('connect', settled);
        else settled();
      });
      request.setTimeout(answerMs, () => {
        fail(unreachable(l10n.t`The server at ${place} has said nothing for ${seconds(answerMs)}.`));
      });
      request.on('close', () => {
        settled();
        // Node says no more of a connection that goes over to another protocol.
        if (!answered) reject(signal.aborted ? cancelled() : unreachable(ended(place)));
      });
      request.on('error', (error: NodeJS.ErrnoException) => {
        const why = unreachable(failureOf(place, error, answered), error);
        const closed = request.reusedSocket && !answered && CLOSED.has(error.code ?? '');
        fail(closed ? new ClosedMeanwhile(why) : why);
      });
      request.on('response', (response) => {
        answered = true;
        const pieces: Buffer[] = [];
        let size = 0;
        response.on('data', (piece: Buffer) => {
          size += piece.length;
          pieces.push(piece);
          if (size > MAX_ANSWER) {
            fail(unreachable(l10n.t`The server at ${place} sends more than ${MAX_ANSWER / 1e6} MB in one answer.`));
          }
        });
        response.on('error', (error: NodeJS.ErrnoException) => {
          fail(unreachable(failureOf(place, error, true), error));
        });
        response.on('end', () => {
          if (!response.complete) {
            fail(unreachable(l10n.t`The server at ${place} ended the connection in the middle of its answer.`));
            return;
          }
          const wanted = Number(response.headers['retry-after']);
          const retryAfter = wanted > 0 ? wanted * 1000 : 0;
          const { statusCode: status = 0, headers } = response;
          resolve({ status, body: joined(pieces, size), location: headers.location ?? '', retryAfter });
        });
      });
      request.end(json);
    });
  }
}

/** The JSON in a body; undefined where it is none, or more than any answer has. */
export function valueIn(body: Uint8Array): unknown {
  if (isTooMuch(body)) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

/** What a server says of an error, in the forms that engines and what stands before them have for it; empty where it says nothing. */
export function messageIn({ body }: Pick<HttpAnswer, 'body'>): string {
  const value = valueIn(body);
  if (!isJsonObject(value)) return '';
  const inner = isJsonObject(value['error']) ? value['error'] : value;
  const said: unknown = inner['message'] ?? inner['detail'] ?? inner['error'];
  const first: unknown = Array.isArray(said) ? said[0] : undefined;
  const message: unknown = isJsonObject(first) ? first['msg'] : said;
  return typeof message === 'string' ? message : '';
}

function unreachable(message: string, cause?: unknown): UserError {
  return new UserError('server-unreachable', message, { cause });
}

type Answered = HttpAnswer & { readonly retryAfter: number };

/** How a connection ends that the other side has closed. */
const CLOSED: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE']);

/** A kept connection ended before a word of the answer. */
class ClosedMeanwhile extends Error {
  readonly reason: UserError;

  constructor(reason: UserError) {
    super(reason.message);
    this.reason = reason;
  }
}

/** What went wrong with a connection, in a sentence. */
function failureOf(place: string, { code = '', message }: NodeJS.ErrnoException, answered: boolean): string {
  switch (code) {
    case 'ECONNREFUSED':
      return l10n.t`The server at ${place} is not there: the connection was refused.`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return l10n.t`The server at ${place} cannot be found: its host name cannot be resolved.`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return l10n.t`The server at ${place} cannot be reached from here.`;
    case 'ECONNRESET':
    case 'EPIPE':
      return answered ? l10n.t`The server at ${place} ended the connection in the middle of its answer.` : ended(place);
    case 'EPROTO':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
      return l10n.t`The server at ${place} does not speak https: its address may have to begin with http.`;
    default:
      if (code.startsWith('HPE_')) {
        return l10n.t`The server at ${place} does not speak HTTP: its address may have to begin with https.`;
      }
      if (/CERT|SELF_SIGNED|ISSUER|ALTNAME/.test(code)) {
        const why = code.toLowerCase().replaceAll('_', ' ');
        return l10n.t`The server at ${place} has a certificate that this system does not trust (${why}).`;
      }
      return l10n.t`The server at ${place} cannot be asked: ${message}.`;
  }
}

/** Of a connection without an answer. */
function ended(place: string): string {
  return l10n.t`The server at ${place} ended the connection without an answer: it was stopped, or speaks https where it was asked over http.`;
}

function joined(pieces: readonly Buffer[], size: number): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    body.set(piece, at);
    at += piece.length;
  }
  return body;
}

/** Throws `cancelled` once the signal is aborted. */
function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(cancelled());
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

function seconds(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${Math.round(ms / 1000)} s`;
}
