/** Which of a checkpoint's tensors a model's text part does not read, and why that is right. */
import * as l10n from '@vscode/l10n';
import type { TensorEntry } from '../formats/safetensors.ts';
import { UserError } from '../protocol/errors.ts';
import type { SkippedPart } from '../protocol/model.ts';
import type { DecoderSpec } from './spec.ts';
import type { WeightPlan } from './weights.ts';

const PREDICTION = l10n.t`multi-token prediction`;

/** Parts by a component of their tensors' names. */
const PARTS: readonly (readonly [pattern: RegExp, what: string])[] = [
  [
    /(^|\.)(vision|visual|embed_vision|image_newline|multi_modal_projector|mm_projector)(_\w+)?\./,
    l10n.t`vision tower`,
  ],
  [/(^|\.)(audio|speech|embed_audio)(_\w+)?\./, l10n.t`audio tower`],
  [/(^|\.)mtp(_\w+)?\./, PREDICTION],
  [/(^|\.)inv_freq$/, l10n.t`rotary tables, which are computed`],
  [/(^|\.)masked_bias$/, l10n.t`masks, which are computed`],
  // Old checkpoints of T5's kin have one, which none of them has ever used.
  [/(^|\.)EncDecAttention\.relative_attention_bias\./, l10n.t`positions of cross-attention, which has none`],
];

/** Only layers that predict further tokens have one of these. */
const PREDICTS = /(^|\.)(eh_proj|enorm|hnorm|shared_head|embed_tokens)\./;
const LAYER = /(?:^|\.)layers\.(\d+)\./;

/**
 * Parts that text does not need, the largest first.
 *
 * @throws UserError `weights-invalid` naming a tensor that nothing reads and no rule explains: it could change the result
 */
export function skippedParts(
  tensors: ReadonlyMap<string, TensorEntry>,
  plan: WeightPlan,
  spec: DecoderSpec,
): readonly SkippedPart[] {
  const read = namesRead(plan);
  const unread = Array.from(tensors.values()).filter(({ name }) => !read.has(name));
  const predicting = new Set(unread.flatMap(({ name }) => (PREDICTS.test(name) ? [LAYER.exec(name)?.[1]] : [])));
  const whatIs = (name: string): string | undefined => {
    const part = PARTS.find(([pattern]) => pattern.test(name))?.[1];
    if (part !== undefined) return part;
    // Some models keep them as layers after the last.
    const layer = LAYER.exec(name)?.[1];
    if (layer !== undefined && Number(layer) >= spec.layers.length && predicting.has(layer)) return PREDICTION;
    return isTiedCopy(name, spec) ? l10n.t`copies of tied embeddings` : undefined;
  };
  const parts = new Map<string, { tensors: number; bytes: number }>();
  const unknown: string[] = [];
  for (const { name, bytes } of unread) {
    const what = whatIs(name);
    if (what === undefined) {
      unknown.push(name);
      continue;
    }
    const part = parts.get(what) ?? { tensors: 0, bytes: 0 };
    part.tensors += 1;
    part.bytes += bytes;
    parts.set(what, part);
  }
  refuse(unknown, spec);
  return Array.from(parts, ([what, part]) => ({ what, ...part })).sort((a, b) => b.bytes - a.bytes);
}

/** Names of the tensors that a plan reads. */
function namesRead(plan: WeightPlan): Set<string> {
  const read = new Set<string>();
  for (const { sources } of plan.weights) {
    for (const { entry, scales, exponents } of sources) {
      read.add(entry.name);
      if (scales) read.add(scales.entry.name);
      if (exponents) read.add(exponents.entry.name);
    }
  }
  return read;
}

/** The head's own weight where it is the embeddings', or what of an encoder-decoder's embeddings no stack has for itself. */
function isTiedCopy(name: string, { head, embedding, encoder }: DecoderSpec): boolean {
  if (encoder && /^(shared|encoder\.embed_tokens|decoder\.embed_tokens)\.weight$/.test(name)) return true;
  return head.weight.name === embedding.name && /(^|\.)lm_head\.weight$/.test(name);
}

function refuse(unknown: readonly string[], { architecture }: DecoderSpec): void {
  const [first, ...others] = unknown;
  if (first === undefined) return;
  throw new UserError(
    'weights-invalid',
    others.length > 0
      ? l10n.t`The checkpoint has the tensor ${first} and ${others.length} more, which ${architecture} as config.json describes it does not have: what that changes is not known, and is not guessed.`
      : l10n.t`The checkpoint has the tensor ${first}, which ${architecture} as config.json describes it does not have: what that changes is not known, and is not guessed.`,
  );
}
