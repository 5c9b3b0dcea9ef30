import * as l10n from '@vscode/l10n';
import type { RouterCandidate, RouterFinding, RouterPlace } from '../protocol/routers.ts';

/** What was found in an ONNX graph, a line a candidate. Names come from the file. */
export function findingLines({ producer, candidates }: RouterFinding): string[] {
  const by = `written by ${producer}`;
  const [only, ...others] = candidates;
  if (others.length === 0) return [`Routers found in this ONNX model, ${by}: ${candidateText(only)}`];
  return [
    `This ONNX model, ${by}, has ${candidates.length} things that may be its routers:`,
    ...candidates.map((candidate) => `  ${candidate.id}: ${candidateText(candidate)}`),
  ];
}

/** 4 layers × 8 experts, top-2, softmax scores; MatMul → MoE; from /model/layers.0/moe/MoE to /model/layers.3/moe/MoE. */
export function candidateText({ pattern, scoring, layers, counted }: RouterCandidate): string {
  const [first, last] = [layers[0], layers.at(-1)].map((place) => place?.node ?? '') as [string, string];
  const shape = candidateShape({ layers });
  const text =
    layers.length === 1
      ? l10n.t`${shape}, ${scoring} scores; ${pattern}; at ${first}`
      : l10n.t`${shape}, ${scoring} scores; ${pattern}; from ${first} to ${last}`;
  return counted ? l10n.t`${text}; layer numbers are counted, since the file does not give them` : text;
}

/** 4 layers × 8 experts, top-2. */
export function candidateShape({ layers }: { readonly layers: readonly Pick<RouterPlace, 'experts' | 'k'>[] }): string {
  const range = (numbers: readonly number[]): string => {
    const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
    return least === most ? String(least) : l10n.t`${least} to ${most}`;
  };
  const experts = range(layers.map((place) => place.experts));
  const k = range(layers.map((place) => place.k));
  return layers.length === 1
    ? l10n.t`1 layer × ${experts} experts, top-${k}`
    : l10n.t`${layers.length} layers × ${experts} experts, top-${k}`;
}
