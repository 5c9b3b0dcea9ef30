/** What a config leaves open, judged by the checkpoint: above all, whether embeddings that it calls tied are. */
import type { Checkpoint } from '../formats/checkpoint.ts';
import { sameBytes } from '../formats/tensorBytes.ts';
import { describeModel } from './families.ts';
import type { DecoderSpec } from './spec.ts';
import type { TensorSpec } from './weights.ts';

const HEAD = /^(language_model\.)?lm_head\.weight$/;

/**
 * Describes the model of a checkpoint. Where its config ties head and embeddings, but it has both and they differ, they are not
 * tied; where it has the head's weight alone, that is what both are: so transformers has it.
 *
 * @throws UserError as describeModel
 */
export async function describeCheckpoint({ config, tensors }: Checkpoint): Promise<DecoderSpec> {
  const spec = describeModel(config, tensors);
  const { embedding, head, encoder } = spec;
  if (head.weight.name !== embedding.name) return spec;
  const headName = Array.from(tensors.keys()).find((name) => HEAD.test(name));
  const shared = tensors.get(embedding.name);
  if (!shared) {
    if (headName === undefined) return spec;
    const weight = { ...embedding, name: headName };
    return { ...spec, embedding: weight, head: { ...head, weight } };
  }
  /** Another tensor in the place of the shared one, if there is one and it is another. */
  const own = async (name: string | undefined): Promise<TensorSpec> => {
    const entry = name === undefined ? undefined : tensors.get(name);
    return entry && !(await sameBytes(entry, shared)) ? { ...embedding, name: entry.name } : embedding;
  };
  const settled = { ...spec, head: { ...head, weight: await own(headName) } };
  if (!encoder) return settled;
  return {
    ...settled,
    embedding: await own('decoder.embed_tokens.weight'),
    encoder: { ...encoder, embedding: await own('encoder.embed_tokens.weight') },
  };
}
