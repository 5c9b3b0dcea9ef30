import * as l10n from '@vscode/l10n';
import {
  layersWithoutWeights,
  modelElsewhere,
  placeLayers,
  type ExpertColumn,
  type PlacedLayers,
} from '../formats/routedExperts.ts';
import type { AnalyzeResult, Began, Progress, Routed, TokenRanges } from '../protocol/engine.ts';
import { cancelled, isUserError, UserError } from '../protocol/errors.ts';
import type {
  EngineName,
  ModelShape,
  ServedModel,
  ServerIdentity,
  ServerProbe,
  ServerSpec,
} from '../protocol/server.ts';
import type { ModelInfo } from '../protocol/trace.ts';
import { isThisMachine } from './address.ts';
import type { DecodedReply } from './decode.ts';
import type { Decoder } from './decoder.ts';
import {
  askRouting,
  identify,
  listedModels,
  promptTokens,
  servedModel,
  tokenizeThere,
  withoutRouting,
} from './engines.ts';
import { HttpClient, type HttpOptions } from './http.ts';
import { DUMP_FOLDER, DUMP_VARIABLE, dumpsIn, newDumps, startRecording, stopRecording } from './recorder.ts';
import { rangesOfTexts, type Ranges } from './textOffsets.ts';

/** Receives a run as it goes, as from an engine of this machine. */
export interface ServedSink {
  progress(progress: Progress): void;
  /** Comes again, before all that has been routed so far, where a later answer shows more experts than were known. */
  began(began: Began): void;
  routed(routed: Routed): void;
}

export interface ServerClientOptions extends Omit<HttpOptions, 'url'> {
  readonly decoder: Decoder;
  /** What the local folder's config says. Throws UserError. */
  readonly shape: (folder: string, signal: AbortSignal) => Promise<ModelShape>;
  /** Takes a text apart with the local folder's tokenizer. Throws UserError. */
  readonly tokenize: (shape: ModelShape, text: string, signal: AbortSignal) => Promise<TokenRanges>;
}

/** Tokens that are handed on at once: the host's thread gets time between. */
const PART_TOKENS = 1024;
/** A text of more windows is not one that anybody reads. */
const MAX_WINDOWS = 2000;
/** What both engines leave out. */
const WEIGHTLESS = l10n.t`The engine returns no weights.`;
const PROBE_TEXT = 'The router sends each token to a few experts.';

/** One model on one server: probes it, and routes texts there. */
export class ServerClient {
  readonly #spec: ServerSpec;
  readonly #options: ServerClientOptions;
  readonly #http: HttpClient;
  /** What was found out, for as long as the server answers. */
  #known: Promise<Known> | undefined;

  constructor(spec: ServerSpec, options: ServerClientOptions) {
    this.#spec = spec;
    this.#options = options;
    this.#http = new HttpClient({ ...options, url: spec.url });
  }

  /** Where it asks, for sentences. */
  get place(): string {
    return this.#http.place;
  }

  /** Names of the server's models. Throws UserError. */
  async models(signal: AbortSignal): Promise<readonly string[]> {
    const { identity } = await this.#asked(signal);
    return identity.models.map(({ name }) => name);
  }

  /** Name of the model that routes: the one that is asked for, or the only one. Throws UserError. */
  name(signal: AbortSignal): Promise<string> {
    return this.#withKnown(signal, ({ model }) => Promise.resolve(model.name));
  }

  /** Finds out what the server is, and whether it routes. Throws UserError: what is missing, and what would mend it. */
  probe(signal: AbortSignal): Promise<ServerProbe> {
    this.#known = undefined;
    return this.#withKnown(signal, async (known) => {
      const { tokens } = await this.#tokens(known, PROBE_TEXT, signal);
      const reply = await this.#window(known, tokens ?? PROBE_TEXT, { logProb: true, placed: true }, signal);
      const { layers, moeLayers, notes } = this.#placed(known, [reply]);
      const { identity, model } = known;
      return { identity, model, layers, moeLayers, notes: [WEIGHTLESS, ...notes] };
    });
  }

  /** Has SGLang count what it routes from now on. Throws UserError. */
  startRecording(signal: AbortSignal): Promise<void> {
    return startRecording(this.#http, signal);
  }

  /**
   * Has it stop, and write the counts to files of its machine.
   *
   * @returns where they lie, if that is this machine and they can be found
   * @throws UserError
   */
  async stopRecording(signal: AbortSignal): Promise<readonly string[]> {
    const folder = process.env[DUMP_VARIABLE] || DUMP_FOLDER;
    const before = await dumpsIn(folder);
    await stopRecording(this.#http, signal);
    return isThisMachine(this.#spec.url) ? newDumps(folder, before) : [];
  }

  /**
   * Routes a text. What arrived before a failure stays with the sink.
   *
   * @param run carried by all that the sink receives
   * @param logProb whether probabilities of tokens are wanted; for these an engine computes the text anew, whatever it knows
   * @throws UserError
   */
  async analyze(
    run: number,
    text: string,
    sink: ServedSink,
    signal: AbortSignal,
    { logProb = true }: { readonly logProb?: boolean } = {},
  ): Promise<AnalyzeResult> {
    const begun = performance.now();
    sink.progress({ run, stage: 'load', done: 0, total: 0 });
    return this.#withKnown(signal, async (known) => {
      const opened = performance.now();
      sink.progress({ run, stage: 'tokenize', done: 0, total: 0 });
      const { tokens, ranges } = await this.#tokens(known, text, signal);
      const tokenized = performance.now();
      const prompts = tokens ? windowsOf(tokens, promptTokens(known.identity.engine, known.model.context)) : [text];
      const emitter = new Emitter(run, sink, prompts.length);
      const replies: DecodedReply[] = [];
      for (const prompt of prompts) {
        const reply = await this.#window(known, prompt, { logProb, placed: ranges !== undefined }, signal);
        replies.push(reply);
        const done = replies.reduce((sum, { promptIds }) => sum + promptIds.length, 0);
        sink.progress({ run, stage: 'route', done, total: tokens?.length ?? done });
        const last = replies.length === prompts.length;
        const places = ranges ?? (last ? this.#rangesOf(text, replies) : undefined);
        if (!places) continue;
        const all = tokens ?? reply.promptIds;
        await emitter.emit(
          this.#placed(known, replies),
          (placed) => this.#model(known, placed),
          { ids: all, ...places },
          replies,
        );
        if (signal.aborted) throw cancelled();
      }
      const routed = performance.now();
      return { milliseconds: { open: opened - begun, tokenize: tokenized - opened, route: routed - tokenized } };
    });
  }

  /** Ends its connections. */
  dispose(): void {
    this.#http.dispose();
  }

  /** Does something with what is known of the server, which goes with a failure: it may be another one when it is there again. */
  async #withKnown<T>(signal: AbortSignal, work: (known: Known) => Promise<T>): Promise<T> {
    try {
      return await work(await this.#current(signal));
    } catch (error) {
      if (!isUserError(error, 'cancelled')) this.#known = undefined;
      throw error;
    }
  }

  /** What is known of the server, as long as its models and their contexts are the same: it may have been started anew while nobody asked. */
  async #current(signal: AbortSignal): Promise<Known> {
    const asked = performance.now();
    const finding = this.#known;
    const known = await this.#find(signal);
    if (known.found >= asked) return known;
    const listed = await listedModels(this.#http, signal);
    if (JSON.stringify(listed) === JSON.stringify(known.listed)) return known;
    if (this.#known === finding) this.#known = undefined;
    return this.#find(signal);
  }

  /** What all who ask at the same time find out together. */
  async #find(signal: AbortSignal): Promise<Known> {
    while (this.#known) {
      try {
        return await unlessAborted(this.#known, signal);
      } catch (error) {
        // Where only the one was cancelled who began it, the others begin again.
        if (signal.aborted || !isUserError(error, 'cancelled')) throw error;
      }
    }
    const finding = this.#identify(signal);
    this.#known = finding;
    // Ahead of all who wait for it.
    finding.catch(() => {
      if (this.#known === finding) this.#known = undefined;
    });
    return unlessAborted(finding, signal);
  }

  async #identify(signal: AbortSignal): Promise<Known> {
    const { folder, model } = this.#spec;
    const shape = folder === undefined ? undefined : await this.#options.shape(folder, signal);
    const { listed, identity } = await this.#asked(signal);
    const served = servedModel(this.#http, identity, model);
    if (shape?.tokenizer) await this.#requireSameTokens(identity.engine, served.name, shape, signal);
    return { listed, identity, model: served, shape, found: performance.now(), forgets: false };
  }

  /** What the server says of itself. Throws UserError. */
  async #asked(signal: AbortSignal): Promise<Pick<Known, 'listed' | 'identity'>> {
    const listed = await listedModels(this.#http, signal);
    return { listed, identity: await identify(this.#http, listed, signal) };
  }

  /** An engine routes whatever ids it is sent. Throws UserError where it takes a text apart otherwise than the local folder. */
  async #requireSameTokens(engine: EngineName, model: string, shape: ModelShape, signal: AbortSignal): Promise<void> {
    // A server need not have a tokenizer, or a way to it.
    const there = await tokenizeThere(this.#http, engine, model, PROBE_TEXT, signal).catch(() => undefined);
    if (signal.aborted) throw cancelled();
    if (!there) return;
    const { ids } = await this.#options.tokenize(shape, PROBE_TEXT, signal);
    const [own, others] = [ids, there.ids].map((list) => `,${list.join()},`) as [string, string];
    // Special tokens around a text may be set beside tokenizer.json.
    if (own.includes(others) || others.includes(own)) return;
    throw new UserError(
      'server-unfit',
      l10n.t`The local folder's tokenizer.json is another model's: the server at ${this.#http.place} splits a text into other tokens.`,
    );
  }

  /** The text's tokens; undefined where only the server's answer will tell. */
  async #tokens(
    { identity, model, shape }: Known,
    text: string,
    signal: AbortSignal,
  ): Promise<{ tokens: Int32Array | undefined; ranges: Ranges | undefined }> {
    if (shape?.tokenizer) {
      const { ids, start, end } = await this.#options.tokenize(shape, text, signal);
      return { tokens: ids, ranges: { start, end } };
    }
    const there = await tokenizeThere(this.#http, identity.engine, model.name, text, signal);
    if (there?.ids.length === 0) throw new UserError('text-empty', l10n.t`The text has no tokens.`);
    return { tokens: there?.ids, ranges: there?.ranges };
  }

  async #window(known: Known, prompt: Int32Array | string, wanted: Wanted, signal: AbortSignal): Promise<DecodedReply> {
    const computed = { ...wanted, logProb: true };
    // Only with probabilities does an engine tell the texts of tokens.
    if (wanted.logProb || !wanted.placed || known.forgets) return this.#answer(known, prompt, computed, signal);
    const reply = await this.#answer(known, prompt, wanted, signal);
    // vLLM 0.21 has no routing of what it cached, and computes the text anew for probabilities.
    known.forgets = reply.columns!.every(({ missing }) => missing > 0);
    return known.forgets ? this.#answer(known, prompt, computed, signal) : reply;
  }

  async #answer(
    { identity, model, shape }: Known,
    prompt: Int32Array | string,
    { logProb, placed }: Wanted,
    signal: AbortSignal,
  ): Promise<DecodedReply> {
    const body = await askRouting(this.#http, identity.engine, { model: model.name, prompt, logProb }, signal);
    const k = shape?.moeLayers[0]?.k;
    const decoded = this.#options.decoder.decode(body, {
      ...(shape && k !== undefined ? { shape: [shape.layers, k] } : {}),
      ...(typeof prompt === 'string' ? {} : { promptIds: prompt }),
      placed,
    });
    const reply = await unlessAborted(decoded, signal);
    if (!reply.columns) throw withoutRouting(this.#http, identity.engine);
    if (typeof prompt !== 'string' && !equal(prompt, reply.promptIds)) {
      throw new UserError(
        'server-unfit',
        l10n.t`The server at ${this.#http.place} routed other tokens than it was sent: its model has another tokenizer.`,
      );
    }
    return reply;
  }

  /** Layers of all windows so far. */
  #placed({ shape }: Known, replies: readonly DecodedReply[]): PlacedLayers {
    const k = replies[0]!.k;
    const columns = replies.map((reply) => reply.columns!);
    if (replies.some((reply) => reply.k !== k || reply.columns!.length !== columns[0]!.length)) {
      throw new UserError(
        'server-unfit',
        l10n.t`The server at ${this.#http.place} answers with changing numbers of layers.`,
      );
    }
    const whole = columns[0]!.map((_, l) => joinedColumn(columns.map((of) => of[l]!)));
    return placeLayers(whole, k, shape);
  }

  #rangesOf(text: string, replies: readonly DecodedReply[]): Ranges {
    const ranges = rangesOfTexts(
      text,
      replies.flatMap(({ pieces }) => pieces),
    );
    if (ranges) return ranges;
    throw new UserError(
      'server-unfit',
      l10n.t`Where the tokens stand in the text cannot be told from what the server at ${this.#http.place} says of them: name a local folder with the model's tokenizer.json.`,
    );
  }

  #model({ identity, model, shape }: Known, { layers, moeLayers, physicalIds, notes }: PlacedLayers): ModelInfo {
    const engine = identity.version === '' ? identity.engine : `${identity.engine} ${identity.version.slice(0, 40)}`;
    const { architecture = '', hiddenSize = 0, vocabulary = 0 } = shape ?? {};
    return modelElsewhere(
      {
        name: model.name === '' ? this.#http.place : model.name,
        ...{ architecture, hiddenSize, vocabulary, layers, moeLayers },
        context: promptTokens(identity.engine, model.context),
        // An engine does not tell its precision: its own name stands there.
        precision: engine,
        provider: this.#http.place,
        weightless: true,
        ...(physicalIds ? { physicalIds } : {}),
      },
      [WEIGHTLESS, ...notes],
    );
  }
}

/** What a promise comes to; throws `cancelled` as soon as the signal is aborted. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      reject(cancelled());
    };
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    void promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', stop);
    });
  });
}

/** What of an answer is wanted. */
interface Wanted {
  readonly logProb: boolean;
  /** Where its tokens stand in the text is known. */
  readonly placed: boolean;
}

interface Known {
  /** Its list of models as it came: what an engine says beside it may limit the contexts further. */
  readonly listed: readonly ServedModel[] | undefined;
  readonly identity: ServerIdentity;
  readonly model: ServedModel;
  readonly shape: ModelShape | undefined;
  /** When that was, as performance.now() has it. */
  readonly found: number;
  /** Whether it has no routing of tokens that it has cached. */
  forgets: boolean;
}

/** Hands windows on in parts, from the beginning again where the layers have changed. */
class Emitter {
  readonly #run: number;
  readonly #sink: ServedSink;
  readonly #windows: number;
  #shown = '';
  #routed = 0;

  constructor(run: number, sink: ServedSink, windows: number) {
    this.#run = run;
    this.#sink = sink;
    this.#windows = windows;
  }

  async emit(
    placed: PlacedLayers,
    model: (placed: PlacedLayers) => ModelInfo,
    { ids, start, end }: TokenRanges,
    replies: readonly DecodedReply[],
  ): Promise<void> {
    const shown = JSON.stringify([placed.moeLayers, placed.notes]);
    const to = replies.reduce((sum, { promptIds }) => sum + promptIds.length, 0);
    if (shown !== this.#shown) {
      this.#shown = shown;
      this.#routed = 0;
      const windows = windowStartsOf(replies, ids.length, this.#windows);
      const run = this.#run;
      this.#sink.began({ run, model: model(placed), ids, start, end, windows, generate: 0 });
    }
    const logProb = Float32Array.from(replies.flatMap((reply) => [...reply.logProb]));
    const layers = layersWithoutWeights(placed, to);
    for (let from = this.#routed; from < to; from += PART_TOKENS) {
      const end = Math.min(to, from + PART_TOKENS);
      this.#sink.routed({
        run: this.#run,
        from,
        to: end,
        logProb: logProb.subarray(from, end),
        layers: layers.map(({ chosen, weight, entropy, margin, k, probSum }) => ({
          chosen: chosen.subarray(from * k, end * k),
          weight: weight.subarray(from * k, end * k),
          entropy: entropy.subarray(from, end),
          margin: margin.subarray(from, end),
          probSum,
          logSumExpSq: NaN,
        })),
      });
      if (end < to) await new Promise((resolve) => setImmediate(resolve));
    }
    this.#routed = to;
  }
}

/** Prompts of as many tokens as the server takes; a single one where it does not tell. */
function windowsOf(tokens: Int32Array, size: number): Int32Array[] {
  if (size === 0) return [tokens];
  const count = Math.ceil(tokens.length / size);
  if (count > MAX_WINDOWS) {
    throw new UserError(
      'server-unfit',
      l10n.t`The text has ${tokens.length} tokens, which is more than ${MAX_WINDOWS} windows of the ${size} tokens that the server takes.`,
    );
  }
  return Array.from({ length: count }, (_, w) => tokens.subarray(w * size, (w + 1) * size));
}

/** First tokens of all windows; those that are still to come have the size of the first. */
function windowStartsOf(replies: readonly DecodedReply[], tokens: number, windows: number): Uint32Array {
  const size = replies[0]!.promptIds.length;
  return Uint32Array.from({ length: windows }, (_, w) => Math.min(tokens, w * size));
}

function joinedColumn(columns: readonly ExpertColumn[]): ExpertColumn {
  if (columns.length === 1) return columns[0]!;
  const chosen = new Uint16Array(columns.reduce((sum, column) => sum + column.chosen.length, 0));
  let at = 0;
  for (const column of columns) {
    chosen.set(column.chosen, at);
    at += column.chosen.length;
  }
  return {
    chosen,
    highest: Math.max(...columns.map(({ highest }) => highest)),
    missing: columns.reduce((sum, { missing }) => sum + missing, 0),
  };
}

function equal(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}
