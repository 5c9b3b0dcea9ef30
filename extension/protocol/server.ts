/** Serving engines that return routing: what is asked of them, and what is known of one. */
import type { LayerShape } from './trace.ts';

export type EngineName = 'vLLM' | 'SGLang';

/** A model on a server. */
export interface ServerSpec {
  /** http or https, without a path of its routes: http://10.0.0.7:8000. */
  readonly url: string;
  /** Others that serve the same model: texts go to all of them in turn. */
  readonly more?: readonly string[];
  /** As the server names it; empty for the only one that it serves. */
  readonly model: string;
  /** Absolute path of a local folder with the model's config.json and, better still, tokenizer.json; never its weights. */
  readonly folder?: string;
}

/** All that serve the model, the first one first. */
export function urlsOf({ url, more = [] }: ServerSpec): readonly string[] {
  return [url, ...more];
}

/** What a server says of itself. */
export interface ServerIdentity {
  readonly engine: EngineName;
  /** Empty where it does not say. */
  readonly version: string;
  /** Names of the models that it serves. */
  readonly models: readonly ServedModel[];
}

export interface ServedModel {
  readonly name: string;
  /** Tokens of prompt and answer together; 0 where the server does not say. */
  readonly context: number;
}

/** What a probe found. */
export interface ServerProbe {
  readonly identity: ServerIdentity;
  readonly model: ServedModel;
  /** Sentences on what the server returns and what is not known. */
  readonly notes: readonly string[];
  readonly layers: number;
  readonly moeLayers: readonly LayerShape[];
}

/** What a config.json says of a model's layers, whether MoEScope can run the model or not. */
export interface ModelShape {
  readonly folder: string;
  readonly architecture: string;
  /** All layers, dense ones included. */
  readonly layers: number;
  readonly moeLayers: readonly Pick<LayerShape, 'layer' | 'experts' | 'k'>[];
  readonly hiddenSize: number;
  /** 0 where the config does not say. */
  readonly vocabulary: number;
  readonly context: number;
  /** There is a tokenizer.json. */
  readonly tokenizer: boolean;
}
