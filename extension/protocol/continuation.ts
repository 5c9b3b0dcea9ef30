/** A text written on by the model, token by token, with its routing. */
import type { OpenParams, RoutedLayer } from './engine.ts';

export interface ContinueParams extends OpenParams {
  /** What stands before the new tokens. */
  readonly text: string;
  /** Most tokens to add; fewer come where they are more than half of the context, or when the model ends the text. */
  readonly tokens: number;
  readonly sampling: Sampling;
  /** Most bytes that the engine keeps of texts, as in LiveParams. */
  readonly memory: number;
}

export interface Sampling {
  /** What logits are divided by; 0 takes the likeliest token each time. */
  readonly temperature: number;
  /** The same seed draws the same tokens. */
  readonly seed: number;
}

/** One more token. */
export interface Continued {
  readonly run: number;
  readonly id: number;
  /** All that was added so far, as far as its characters are complete. */
  readonly text: string;
  /** From the one before until this one was routed, in milliseconds. */
  readonly milliseconds: number;
  /** In nats. */
  readonly logProb: number;
  /** One entry a MoE layer, of this token alone. */
  readonly layers: readonly RoutedLayer[];
}
