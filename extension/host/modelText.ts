import * as l10n from '@vscode/l10n';
import { candidateShape } from '../analysis/routerText.ts';
import { byteSize } from '../analysis/sizes.ts';
import type { Inspection, UnavailableModel } from '../protocol/model.ts';
import type { RouterFinding } from '../protocol/routers.ts';
import type { Precision } from '../protocol/trace.ts';

/** What a list says of a model: a line about it, which begins with the reason where it does not open. */
export interface ModelLine {
  readonly line: string;
  readonly opens: boolean;
}

/**
 * A model in one line: MixtralForCausalLM · 24 of 32 layers MoE · 8 experts, top-2 · 93.4 GB · int4.
 *
 * @param wanted the precision that the settings ask for
 */
export function modelLine(model: Inspection, wanted: Precision | 'auto'): ModelLine {
  const moe = model.layers.filter(({ network }) => network === 'moe').length;
  const all = model.layers.length;
  const about = [
    model.architecture,
    moe === all ? l10n.t`${all} layers` : l10n.t`${moe} of ${all} layers MoE`,
    ...model.routers.map((router) => l10n.t`${router.experts} experts, top-${router.k}`),
    byteSize(model.stored.bytes),
  ];
  const precision = wanted === 'auto' ? model.best : wanted;
  const problem = obstacle(model, precision);
  const parts = problem === undefined ? [...about, precision] : [problem, ...about];
  return { line: parts.join(' · '), opens: problem === undefined };
}

/** An ONNX model in one line: ONNX by onnxruntime-genai 0.18.0 · 4 layers × 8 experts, top-2. */
export function foreignLine({ producer, candidates }: RouterFinding): ModelLine {
  return { line: [l10n.t`ONNX by ${producer}`, candidateShape(candidates[0])].join(' · '), opens: true };
}

function obstacle({ precisions, tokenizer }: Inspection, precision: Precision | undefined): string | undefined {
  if (!tokenizer) return l10n.t`No tokenizer.json`;
  if (precision === undefined) return l10n.t`Too large for this memory`;
  const fits = precisions.find((p) => p.precision === precision)?.fits === true;
  return fits ? undefined : l10n.t`Too large for this memory in ${precision}`;
}

/** Why a model that is asked for cannot be had, and what to open instead. */
export function unavailableText({ name, why, nearest }: UnavailableModel): string {
  return l10n.t`${name} ${why}. Nearest: ${nearest.replaceAll('`', '')}.`;
}
