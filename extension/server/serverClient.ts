import * as l10n from '@vscode/l10n';
import { modelElsewhere, placeLayers, type ExpertColumn, type PlacedLayers } from '../formats/routedExperts.ts';
import type { AnalyzeResult, AnalyzeSink } from '../protocol/engine.ts';
import { throwIfAborted, UserError } from '../protocol/errors.ts';
import type { ServerProbe, ServerSpec } from '../protocol/server.ts';
import type { ModelInfo } from '../protocol/trace.ts';
import { isThisMachine } from './address.ts';
import type { DecodedReply } from './decode.ts';
import type { Decoder } from './decoder.ts';
import { Emitter } from './emitter.ts';
import { askRouting, promptTokens, tokenizeThere, withoutRouting } from './engines.ts';
import { HttpClient, type HttpOptions } from './http.ts';
import { KnownServer, PROBE_TEXT, type Known, type LocalFolder } from './knownServer.ts';
import { DUMP_FOLDER, DUMP_VARIABLE, dumpsIn, newDumps, startRecording, stopRecording } from './recorder.ts';
import { rangesOfTexts, type Ranges } from './textOffsets.ts';
import { unlessAborted } from './unlessAborted.ts';

export interface ServerClientOptions extends Omit<HttpOptions, 'url'>, LocalFolder {
  readonly decoder: Decoder;
}

/** A text of more windows is not one that anybody reads. */
const MAX_WINDOWS = 2000;
/** What both engines leave out. */
const WEIGHTLESS = l10n.t`The engine returns no weights.`;

/** One model on one server: probes it, and routes texts there. */
export class ServerClient {
  readonly #spec: ServerSpec;
  readonly #options: ServerClientOptions;
  readonly #http: HttpClient;
  readonly #server: KnownServer;

  constructor(spec: ServerSpec, options: ServerClientOptions) {
    this.#spec = spec;
    this.#options = options;
    this.#http = new HttpClient({ ...options, url: spec.url });
    this.#server = new KnownServer(spec, this.#http, options);
  }

  /** Where it asks, for sentences. */
  get place(): string {
    return this.#http.place;
  }

  /** Names of the server's models. Throws UserError. */
  async models(signal: AbortSignal): Promise<readonly string[]> {
    const { identity } = await this.#server.ask(signal);
    return identity.models.map(({ name }) => name);
  }

  /** Name of the model that routes: the one that is asked for, or the only one. Throws UserError. */
  name(signal: AbortSignal): Promise<string> {
    return this.#server.use(signal, ({ model }) => Promise.resolve(model.name));
  }

  /** Finds out what the server is, and whether it routes. Throws UserError: what is missing, and what would mend it. */
  probe(signal: AbortSignal): Promise<ServerProbe> {
    this.#server.forget();
    return this.#server.use(signal, async (known) => {
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
    sink: AnalyzeSink,
    signal: AbortSignal,
    { logProb = true }: { readonly logProb?: boolean } = {},
  ): Promise<AnalyzeResult> {
    const begun = performance.now();
    sink.progress({ run, stage: 'load', done: 0, total: 0 });
    return this.#server.use(signal, async (known) => {
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
        throwIfAborted(signal);
      }
      const routed = performance.now();
      return { milliseconds: { open: opened - begun, tokenize: tokenized - opened, route: routed - tokenized } };
    });
  }

  /** Ends its connections. */
  dispose(): void {
    this.#http.dispose();
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

/** What of an answer is wanted. */
interface Wanted {
  readonly logProb: boolean;
  /** Where its tokens stand in the text is known. */
  readonly placed: boolean;
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
