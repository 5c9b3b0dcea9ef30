/** Which weights a model's head and embeddings are is told by config and checkpoint together. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readConfig } from '../../extension/formats/checkpoint.ts';
import type { TensorEntry } from '../../extension/formats/safetensors.ts';
import { describeCheckpoint } from '../../extension/models/tying.ts';
import { FIXTURES } from '../support/reference.ts';

const folder = mkdtempSync(join(tmpdir(), 'moescope-tying-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const EMBEDDING = 'model.embed_tokens.weight';
const HEAD = 'lm_head.weight';

/** Entries of one file in which each tensor is a run of its number. */
function entries(values: Readonly<Record<string, number>>): Map<string, TensorEntry> {
  const bytes = 512 * 64 * 2;
  const file = join(folder, `${Object.values(values).join('-')}.bin`);
  writeFileSync(file, Buffer.concat(Object.values(values).map((value) => Buffer.alloc(bytes, value))));
  return new Map(
    Object.keys(values).map((name, i) => [
      name,
      { name, dtype: 'BF16', shape: [512, 64], file, state: '', offset: i * bytes, bytes },
    ]),
  );
}

it.each([
  ['one tensor for both', { [EMBEDDING]: 1 }, EMBEDDING, EMBEDDING],
  ['an equal copy for the head', { [EMBEDDING]: 1, [HEAD]: 1 }, EMBEDDING, EMBEDDING],
  ['another for the head', { [EMBEDDING]: 1, [HEAD]: 2 }, EMBEDDING, HEAD],
  ['only the head', { [HEAD]: 2 }, HEAD, HEAD],
])('a config that ties them, a checkpoint that has %s', async (_, values, embedding, head) => {
  const config = { ...(await readConfig(join(FIXTURES, 'checkpoints/mixtral-window'))), tie_word_embeddings: true };
  const spec = await describeCheckpoint({ folder, config, tensors: entries(values) });
  expect([spec.embedding.name, spec.head.weight.name]).toEqual([embedding, head]);
});

it.each([
  ['its own names', 'model'],
  ['those of the model with a vision tower that it was taken out of', 'model.language_model'],
])('a text model of Qwen3.5 under %s', async (_, prefix) => {
  const config = await readConfig(join(FIXTURES, 'checkpoints/qwen3_5_moe_text'));
  const names = { [`${prefix}.embed_tokens.weight`]: 1, [`${prefix}.norm.weight`]: 1, [HEAD]: 1 };
  const { embedding, layers, finalNorm, head } = await describeCheckpoint({ folder, config, tensors: entries(names) });
  expect([embedding.name, layers[0]![0]!.norm?.weight?.name, finalNorm.weight?.name, head.weight.name]).toEqual([
    `${prefix}.embed_tokens.weight`,
    `${prefix}.layers.0.input_layernorm.weight`,
    `${prefix}.norm.weight`,
    HEAD,
  ]);
});

it('a config that does not tie them', async () => {
  const config = await readConfig(join(FIXTURES, 'checkpoints/mixtral'));
  const spec = await describeCheckpoint({ folder, config, tensors: entries({ [EMBEDDING]: 1, [HEAD]: 1 }) });
  expect([spec.embedding.name, spec.head.weight.name]).toEqual([EMBEDDING, HEAD]);
});
