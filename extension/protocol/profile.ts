/** Where the time of a forward pass goes, as ONNX Runtime's profiler measures it. */
import type { ModelInfo } from './trace.ts';

/**
 * What a node of a graph belongs to. `mixers` are attention and what stands in for it; `dense` networks of layers without experts;
 * `rest` residual sums and what no other part owns.
 */
export const PROFILE_PARTS = [
  'router',
  'experts',
  'sharedExperts',
  'dense',
  'mixers',
  'norms',
  'embeddings',
  'head',
  'rest',
] as const;
export type ProfilePart = (typeof PROFILE_PARTS)[number];

/** Passes of so many tokens, from the beginning of a sequence. */
export interface ProfiledBatch {
  readonly tokens: number;
  /** Passes that were measured, after one that was not. */
  readonly passes: number;
  /** Wall time of each pass without the profiler, in milliseconds. */
  readonly milliseconds: readonly number[];
  /** Time of the kernels of each part, in milliseconds a pass. Kernels run one after the other. */
  readonly parts: Readonly<Record<ProfilePart, number>>;
  /** Distinct experts that a pass touched, all MoE layers together. */
  readonly experts: number;
}

/** Tokens generated one at a time. */
export interface ProfiledSteps {
  /** Wall time of each, from the token before to this one, in milliseconds. */
  readonly milliseconds: Float64Array;
  /** Distinct experts that each touched, all MoE layers together, and those of them that the step before had not touched. */
  readonly experts: Uint32Array;
  readonly fresh: Uint32Array;
}

export interface ModelProfile {
  readonly model: ModelInfo;
  readonly batches: readonly ProfiledBatch[];
  /** Absent where no token was to be generated, or none could. */
  readonly steps?: ProfiledSteps;
  /** What there is to know of how it was measured, a sentence each. */
  readonly notes: readonly string[];
}
