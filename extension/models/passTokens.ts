import type { DecoderSpec } from './spec.ts';

/** Enough rows for each expert's matrix product; few enough for progress and cancelling soon. */
const PASS_TOKENS = 512;

/** Bytes that one layer's decays may take in a pass; see blocks/mamba.ts. */
const DECAY_BYTES = 64 * 2 ** 20;

/**
 * Bytes that the rows of a layer's chosen experts may take in a pass, and the share of the weights' bytes that they may take
 * where that is more. A layer has some four copies of them, and the runtime's allocator about as much again.
 */
const ROW_BYTES = 16 * 2 ** 20;
const ROW_SHARE = 1 / 256;

/** Fewer tokens would leave experts with single rows. */
const LEAST_TOKENS = 64;

const FLOAT32_BYTES = 4;

/**
 * How many tokens go through a model at a time. It makes no difference to what comes out.
 *
 * @param weightBytes what the model's weights take
 */
export function passTokens({ layers, hiddenSize }: DecoderSpec, weightBytes: number): number {
  const mixers = layers.flat().map(({ mixer }) => mixer);
  const decays = mixers.map((mixer) => (mixer.kind === 'mamba' ? mixer.channels * mixer.stateSize : 0));
  const rows = mixers.map((mixer) => (mixer.kind === 'moe' ? mixer.router.k * (mixer.latent?.size ?? hiddenSize) : 0));
  const tokensIn = (bytes: number, elements: readonly number[]): number =>
    Math.floor(bytes / (FLOAT32_BYTES * Math.max(1, ...elements)));
  const forRows = Math.max(LEAST_TOKENS, tokensIn(Math.max(ROW_BYTES, ROW_SHARE * weightBytes), rows));
  return Math.max(1, Math.min(PASS_TOKENS, tokensIn(DECAY_BYTES, decays), forRows));
}

/** Bytes of all scores of a layer's attention at a time: of a pass of so many tokens, with as many keys as a context has. */
export function scoreBytes({ layers }: DecoderSpec, tokens: number, context: number): number {
  const heads = layers
    .flat()
    .map(({ mixer }) => (mixer.kind === 'attention' || mixer.kind === 'mla' ? mixer.heads : 0));
  return FLOAT32_BYTES * Math.max(0, ...heads) * tokens * context;
}
