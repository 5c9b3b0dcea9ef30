/**
 * Contract between the extension host (or the command line) and the engine process. Typed arrays cross as they are.
 * The engine keeps no promise between requests: each names its model in full, so a restarted engine answers as before.
 */
import { NotificationType, RequestType, RequestType0 } from 'vscode-jsonrpc';
import type { ContinueParams, Continued } from './continuation.ts';
import type { ErrorData } from './errors.ts';
import type { ModelProfile } from './profile.ts';
import type { FittedBias, Intervention, Measured } from './intervention.ts';
import type { ServerSpec } from './server.ts';
import type { ModelInfo, Precision, Provider } from './trace.ts';

/** A model and how to run it. Two equal requests share one open session. */
export interface ModelRequest {
  /** Absolute path of a Hugging Face checkpoint folder, of an ONNX file, or of a folder with one. */
  readonly folder: string;
  /** Absolute path of the folder that holds what was built from checkpoints; may be deleted at any time. */
  readonly cache: string;
  /** Most gigabytes that the cache should hold; 0 for no limit. */
  readonly cacheLimit: number;
  /** Intra-op threads; 0 leaves one core to the editor where there are more than two. */
  readonly threads: number;
  /** Most tokens in one context window; 0 for the model's own limit. */
  readonly context: number;
  /** `auto`: the most exact that fits into free memory. */
  readonly precision: Precision | 'auto';
  /** `auto`: the fastest that proves to route as the CPU does. */
  readonly provider: Provider | 'auto';
  /** `id` of the routers to watch where an ONNX model has several candidates. */
  readonly router?: string;
  /** Routes there; the rest is then of no account. */
  readonly server?: ServerSpec;
}

export interface OpenParams {
  /** Chosen by the caller; every notification of this run carries it. */
  readonly run: number;
  readonly model: ModelRequest;
}

export interface AnalyzeParams extends OpenParams {
  readonly text: string;
  /** Tokens to add by greedy decoding once the text is through; fewer come when the context is full. */
  readonly generate: number;
  /** Present where the text is one that is being edited. */
  readonly live?: LiveParams;
}

/** How the engine is to route a text much of which it has routed before. What comes out is the same. */
export interface LiveParams {
  /** Most bytes that it keeps of texts that it has routed so. */
  readonly memory: number;
  /** A run whose trace the caller still has, of the same model, with how many tokens of routing. */
  readonly base?: { readonly run: number; readonly routed: number };
  /** The run is for an edit; nobody has asked for it. */
  readonly follows?: boolean;
  /**
   * Milliseconds to wait after the tokens next to an edit before the others go through the model. Whoever types fast replaces the run
   * meanwhile, and keeps the processors that draw the letters. At once without it.
   */
  readonly rest?: number;
}

/** A text to be taken apart by a folder's tokenizer.json; no model is opened. */
export interface TokenizeParams {
  readonly folder: string;
  /** Rows of the model's embedding: an id beyond them belongs to another model; Infinity where it is not known. */
  readonly vocabulary: number;
  readonly text: string;
}

/** Tokens of a text: ids, and the UTF-16 units that each covers. */
export interface TokenRanges {
  readonly ids: Int32Array;
  readonly start: Uint32Array;
  readonly end: Uint32Array;
}

export interface MeasureParams extends OpenParams {
  readonly text: string;
  /** Their parts before the first layer that one of them changes are run once. */
  readonly interventions: readonly Intervention[];
  /** Whether the log-probabilities and the routing under each are wanted. */
  readonly logProb: boolean;
  readonly routing: boolean;
}

export interface BalanceParams extends OpenParams {
  /** What the biases are fitted on. */
  readonly text: string;
  /** MaxVio that is even enough. */
  readonly target: number;
}

export interface AnalyzeResult {
  readonly milliseconds: { readonly open: number; readonly tokenize: number; readonly route: number };
  readonly continuation?: Continuation;
}

/** What the model wrote after the text. */
export interface Continuation {
  readonly text: string;
  /** Ranges of the generated tokens in UTF-16 units of the analysed text and this one put together. */
  readonly start: Uint32Array;
  readonly end: Uint32Array;
}

export type Stage = 'import' | 'load' | 'tokenize' | 'route' | 'measure' | 'balance' | 'profile';

export interface Progress {
  readonly run: number;
  readonly stage: Stage;
  /** Bytes for `import`, tokens for `route`, passes for `measure`, layers for `balance`, sizes of batches for `profile`; 0 of 0 where only the stage is known. */
  readonly done: number;
  readonly total: number;
}

/** The text's tokens; comes once, before any routing. */
export interface Began {
  readonly run: number;
  readonly model: ModelInfo;
  readonly ids: Int32Array;
  readonly start: Uint32Array;
  readonly end: Uint32Array;
  readonly windows: Uint32Array;
  /** Tokens that will be generated after these, at most. */
  readonly generate: number;
  /** The routing of the first tokens is that of the run that `live.base` names, and does not come again. */
  readonly kept?: KeptRouting;
}

export interface KeptRouting {
  readonly tokens: number;
  /** Of these tokens, one entry a MoE layer. */
  readonly sums: readonly LayerSums[];
}

/** What a layer's tokens add up to; see LayerTrace. */
export interface LayerSums {
  /** [E]. */
  readonly probSum: Float64Array;
  readonly logSumExpSq: number;
}

/** Routing of tokens [from, to): columns as in LayerTrace for these tokens only, one entry of `layers` a MoE layer. */
export interface Routed {
  readonly run: number;
  readonly from: number;
  readonly to: number;
  /** Ids of these tokens when they are generated ones. */
  readonly generated?: Int32Array;
  readonly logProb: Float32Array;
  readonly layers: readonly RoutedLayer[];
}

/** Receives a run as it goes. */
export interface AnalyzeSink {
  progress(progress: Progress): void;
  /** Of a server, comes again before all that has been routed so far, where a later answer shows more experts than were known. */
  began(began: Began): void;
  routed(routed: Routed): void;
}

/** The sums are to be added to the trace's. */
export interface RoutedLayer extends LayerSums {
  readonly chosen: Uint16Array;
  readonly weight: Float32Array;
  readonly entropy: Float32Array;
  readonly margin: Float32Array;
}

export interface ProfileParams extends OpenParams {
  readonly text: string;
  /** Tokens of a pass, one entry a pass to measure; from 1 on. */
  readonly batches: readonly number[];
  /** Tokens to generate one at a time; 0 for none. */
  readonly generate: number;
}

/** A model that was built from a checkpoint. */
export interface CachedModel {
  readonly id: string;
  readonly bytes: number;
  /** When it was opened last, in milliseconds since 1970; 0 when that is not known. */
  readonly lastUsed: number;
  /** An engine has it open. */
  readonly open: boolean;
  /** What was left of an import: no model yet, and the next import goes on from there. */
  readonly unfinished?: true;
}

export interface ClearedCache {
  /** Bytes that are free again. */
  readonly freed: number;
  /** Models that other engines have open, and that stayed. */
  readonly kept: number;
}

export interface LogLine {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
}

/** Caller to engine. */
export const toEngine = {
  /** Opens a model, or finds it open. `run` names its progress. */
  open: new RequestType<OpenParams, ModelInfo, ErrorData>('open'),
  /** Routes a text; the trace arrives by `began` and `routed` before the answer. Cancelling keeps what has arrived. */
  analyze: new RequestType<AnalyzeParams, AnalyzeResult, ErrorData>('analyze'),
  /**
   * Runs a text under interventions; what comes of each arrives by `began`, once, and `measured` before the answer. Cancelling keeps
   * what has arrived.
   */
  measure: new RequestType<MeasureParams, null, ErrorData>('measure'),
  /** Fits biases that even out the load of a text; one entry a MoE layer. `began` comes before. */
  balance: new RequestType<BalanceParams, readonly FittedBias[], ErrorData>('balance'),
  /** Measures where the time of forward passes goes. The model is opened anew for each size of batch. */
  profile: new RequestType<ProfileParams, ModelProfile, ErrorData>('profile'),
  /** Writes a text on; each token arrives by `continued` before the answer, which says how many. */
  continue: new RequestType<ContinueParams, number, ErrorData>('continue'),
  /** A text's tokens, by a tokenizer alone. */
  tokenize: new RequestType<TokenizeParams, TokenRanges, ErrorData>('tokenize'),
  /** What was built from checkpoints in this folder, the model used last first. */
  listCache: new RequestType<{ readonly cache: string }, CachedModel[], ErrorData>('listCache'),
  /** Deletes what was built from checkpoints in this folder, but not what other engines have open. The open model is closed. */
  clearCache: new RequestType<{ readonly cache: string }, ClearedCache, ErrorData>('clearCache'),
  /** The execution providers that are here for this platform, the CPU among them; whether one computes right shows when it is asked for. */
  providers: new RequestType0<readonly Provider[], ErrorData>('providers'),
} as const;

/** Engine to caller. */
export const fromEngine = {
  /** The process is up and its native modules are loaded. */
  ready: new NotificationType<{ readonly onnxruntime: string }>('ready'),
  progress: new NotificationType<Progress>('progress'),
  began: new NotificationType<Began>('began'),
  routed: new NotificationType<Routed>('routed'),
  continued: new NotificationType<Continued>('continued'),
  measured: new NotificationType<Measured>('measured'),
  log: new NotificationType<LogLine>('log'),
} as const;
