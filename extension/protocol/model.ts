/** What can be known of a model without running it. */
import type { LayerShape, Precision } from './trace.ts';

/**
 * What a parameter belongs to. `mixers` are attention and what stands in for it; `experts` the routed ones; `mlps` the networks
 * of layers without experts, and projections around experts that every token goes through. `head` is empty where it is tied to
 * the embeddings.
 */
export const MODEL_PARTS = [
  'embeddings',
  'mixers',
  'routers',
  'experts',
  'sharedExperts',
  'mlps',
  'norms',
  'head',
] as const;
export type ModelPart = (typeof MODEL_PARTS)[number];

/** A layer as a strip shows it. */
export interface LayerKind {
  readonly stack?: LayerShape['stack'];
  /** What mixes tokens: attention, latent attention, Mamba-2 and so on; absent in layers of a network alone. */
  readonly mixer?: string;
  /** Absent in layers without one. */
  readonly network?: 'moe' | 'dense';
  /** Of a MoE layer: position in `routers`. */
  readonly router?: number;
}

/** What a model is made of, at the precision in which it runs. */
export interface ModelAnatomy {
  /** Every layer, the encoder's first. */
  readonly layers: readonly LayerKind[];
  readonly parameters: Readonly<Record<ModelPart, number>>;
  /** Of the weights in memory. */
  readonly bytes: Readonly<Record<ModelPart, number>>;
  /** One routed expert of each MoE layer, those of the encoder first. */
  readonly experts: readonly ExpertSize[];
  /** What a token adds to the KV cache, in bytes. */
  readonly cacheBytes: number;
}

/** All experts of a layer are of one size. */
export interface ExpertSize {
  readonly parameters: number;
  readonly bytes: number;
}

/** How one or more layers route. */
export interface RouterRule {
  readonly experts: number;
  readonly k: number;
  /** Experts that every token visits, as one network. */
  readonly shared: boolean;
  /** Score, choice and weight in one line. */
  readonly formula: string;
}

/** Weights of one part that are not read, and why that is right. */
export interface SkippedPart {
  readonly what: string;
  readonly tensors: number;
  readonly bytes: number;
}

/** What the weights take in memory at one precision, in bytes. */
export interface PrecisionBytes {
  readonly precision: Precision;
  /** All experts have to be there, whichever a token visits. */
  readonly total: number;
  /** What the active parameters take of it. */
  readonly active: number;
  readonly parts: Readonly<Record<ModelPart, number>>;
  /** What running takes in all; it has to be free. */
  readonly needed: number;
  /** So many bytes are free here. */
  readonly fits: boolean;
  /** Only graphics cards compute in it, and only when one is asked for. */
  readonly gpuOnly?: true;
}

/** What a checkpoint says of itself. */
export interface Inspection {
  readonly folder: string;
  readonly name: string;
  readonly architecture: string;
  /** What the models of its family are called. */
  readonly family: string;
  readonly hiddenSize: number;
  readonly vocabulary: number;
  readonly context: number;
  readonly layers: readonly LayerKind[];
  readonly routers: readonly RouterRule[];
  /** What describes the router. */
  readonly source: { readonly title: string; readonly url: string };
  readonly parameters: {
    readonly total: number;
    /** Without the experts that a token does not visit. */
    readonly active: number;
    readonly parts: Readonly<Record<ModelPart, number>>;
  };
  readonly precisions: readonly PrecisionBytes[];
  /** Of this machine, in bytes. */
  readonly memory: { readonly free: number; readonly total: number };
  /** The best precision that fits; absent when none does. */
  readonly best?: Precision;
  /** How the experts lie in the files. */
  readonly layout: string;
  readonly stored: {
    readonly files: number;
    readonly tensors: number;
    readonly bytes: number;
    readonly dtypes: readonly { readonly dtype: string; readonly tensors: number; readonly bytes: number }[];
  };
  readonly skipped: readonly SkippedPart[];
  /** There is a tokenizer.json. */
  readonly tokenizer: boolean;
  /** config.json. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** One of a model's tensors. */
export interface TensorRow {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
  /** Name of its file. */
  readonly file: string;
}

export interface TensorRows {
  /** How many match. */
  readonly matching: number;
  readonly rows: readonly TensorRow[];
}

export interface TensorQuery {
  readonly folder: string;
  /** Words that all have to stand in a tensor's name or type; case does not matter. */
  readonly search: string;
  readonly from: number;
  readonly count: number;
}

/** A model that nobody can open: `why` ends a sentence that begins with its name. */
export interface UnavailableModel {
  readonly name: string;
  readonly why: string;
  /** What to open instead. */
  readonly nearest: string;
}

export interface LocalModels {
  /** MoE models of the Hugging Face hub's cache, whole ones. */
  readonly hub: readonly HubModel[];
  readonly unavailable: readonly UnavailableModel[];
}

export interface HubModel {
  readonly folder: string;
  /** As the hub names it: organisation/model. */
  readonly name: string;
  /** First digits of the commit; absent where there is only one of the model. */
  readonly revision?: string;
}
