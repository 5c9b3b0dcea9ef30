/** What was found in an ONNX graph that says nothing about its routers itself; shown before it is used. */
import type { Scoring } from './trace.ts';

export interface RouterFinding {
  /** Absolute path of the ONNX file. */
  readonly file: string;
  /** Changes when the file does. */
  readonly version: string;
  /** The program that wrote it. */
  readonly producer: string;
  /** At least one; more where the structure does not tell which of them lead to experts. */
  readonly candidates: readonly [RouterCandidate, ...RouterCandidate[]];
}

/** Routers of one kind, one a layer. */
export interface RouterCandidate {
  /** What a request names it by. */
  readonly id: string;
  /** Where the choice is made: in a fused operator, by TopK, by maxima one after the other, or by a single maximum. */
  readonly rule: 'fused' | 'topk' | 'mixer' | 'argmax';
  /** The operators from the projection to the choice. */
  readonly pattern: string;
  /** What the logits are turned into. */
  readonly scoring: Scoring;
  readonly layers: readonly RouterPlace[];
  /** No names number the layers: they are counted, and those without experts not seen. */
  readonly counted?: true;
}

export interface RouterPlace {
  readonly layer: number;
  readonly experts: number;
  readonly k: number;
  /** Name of the node that chooses. */
  readonly node: string;
}
