/** How well a model foresees a text, and what a change in the model makes of that. Log-probabilities are natural: nats. */
import * as l10n from '@vscode/l10n';

/** What is said of a text of which no token has a probability: nothing can be lost then. */
export const NO_LOSS = l10n.t`The text is too short: it has only one token, or only one in each window.`;

export interface TextLoss {
  /** Tokens with a probability; those that nothing stands before have none. */
  readonly tokens: number;
  /** −Σ log p. */
  readonly nats: number;
  /** The mean, the cross-entropy; NaN of no tokens. */
  readonly perToken: number;
  /** exp of the mean. */
  readonly perplexity: number;
}

/** Of tokens [from, to). */
export function textLoss(logProb: Float32Array, from = 0, to = logProb.length): TextLoss {
  let tokens = 0;
  let nats = 0;
  for (let t = from; t < to; t++) {
    const p = logProb[t]!;
    if (Number.isNaN(p)) continue;
    tokens += 1;
    nats -= p;
  }
  const perToken = nats / tokens;
  return { tokens, nats, perToken, perplexity: Math.exp(perToken) };
}

/** What each token loses, in nats: more than 0 where it has become less probable; NaN where it has no probability. */
export function lossByToken(before: Float32Array, after: Float32Array): Float32Array {
  return before.map((p, t) => p - after[t]!);
}

/** The tokens that lose most, at most `count` and those that lose nothing left out; the earlier first among equals. */
export function suffering(loss: Float32Array, count: number): number[] {
  const tokens = Array.from(loss.keys()).filter((t) => loss[t]! > 0);
  return tokens.sort((a, b) => loss[b]! - loss[a]! || a - b).slice(0, count);
}
