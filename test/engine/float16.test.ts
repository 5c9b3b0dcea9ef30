/**
 * Graphs in the form for graphics cards in float16. No card is here and SwiftShader has no float16, so the CPU's kernels
 * compute them: what is tested is the graph, its types and what it leaves in float32.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, expect, it } from 'vitest';
import { CPU, formFor, sessionOptions } from '../../extension/engine/device.ts';
import { captureTaps, tapNames, tokenFeeds } from '../../extension/engine/stack.ts';
import { cachedWeights } from '../../extension/engine/weightCache.ts';
import { readCheckpoint } from '../../extension/formats/checkpoint.ts';
import { buildDecoder, decoderInForm } from '../../extension/models/decoder.ts';
import type { StackGraph } from '../../extension/models/stack.ts';
import { ropeTables } from '../../extension/models/rope.ts';
import { describeCheckpoint } from '../../extension/models/tying.ts';
import { FIXTURES, Reference, ROOT } from '../support/reference.ts';

/** All but those whose decoder is told the text by an encoder. */
const DECODERS = readdirSync(join(FIXTURES, 'checkpoints')).filter((name) => !name.startsWith('switch_'));

const cache = mkdtempSync(join(tmpdir(), 'moescope-float16-'));
afterAll(() => {
  rmSync(cache, { recursive: true });
});

it.each(DECODERS)('%s routes nearly as the reference does', async (name) => {
  const folder = join(FIXTURES, 'checkpoints', name);
  const expected = await Reference.read(join(folder, 'reference'));
  const checkpoint = await readCheckpoint(folder);
  const spec = await describeCheckpoint(checkpoint);
  const { plan } = buildDecoder(spec, checkpoint.tensors);
  const { body } = decoderInForm(spec, plan, formFor('webgpu', 'float16'));
  const { signal } = new AbortController();
  const weights = await cachedWeights(plan, {
    cache,
    importer: join(ROOT, 'dist/importer.js'),
    limit: 0,
    progress: () => undefined,
    signal,
  });
  const session = await InferenceSession.create(body.bytes, sessionOptions(CPU, weights.folder, 2, []));

  let kept = 0;
  let slots = 0;
  for (const i of expected.inputs.keys()) {
    const ids = Int32Array.from(expected.get(`input_ids.${i}`).data);
    const outputs = await session.run(firstPass(body, ids), [body.hidden, ...tapNames(body.taps)]);
    expect((outputs[body.hidden]!.data as Float32Array).every(Number.isFinite)).toBe(true);
    const shapes = body.taps.map(({ layer, spec: { experts, k } }) => ({ layer, experts, k, candidates: k }));
    for (const [at, { chosen }] of captureTaps(body.taps, outputs, shapes, ids.length).entries()) {
      const { layer, k } = shapes[at]!;
      const wanted = expected.get(`topk_index.${i}.${layer}`).data;
      ids.forEach((_, t) => {
        const found = new Set(chosen.subarray(t * k, (t + 1) * k));
        for (const expert of wanted.subarray(t * k, (t + 1) * k)) if (found.has(expert)) kept += 1;
        slots += k;
      });
    }
  }
  await session.release();
  await weights.release();
  // With 11 bits of precision a choice moves only where two experts are within some thousandths of each other.
  expect(kept / slots).toBeGreaterThan(0.98);
});

/** Feeds of a text's first tokens, before which there is nothing. */
function firstPass({ inputs, ropes, caches, states }: StackGraph, ids: Int32Array): Record<string, Tensor> {
  const feeds = tokenFeeds(inputs, ids, 0);
  for (const { pastKey, pastValue, kvHeads, headDim, type } of caches) {
    const none = type === 'float16' ? new Uint16Array(0) : new Float32Array(0);
    feeds[pastKey] = feeds[pastValue] = new Tensor(type, none, [1, kvHeads, 0, headDim]);
  }
  for (const { rope, cos, sin } of ropes) {
    const tables = ropeTables(rope, ids.length, ids.length);
    feeds[cos] = new Tensor('float32', tables.cos, [ids.length, rope.dims / 2]);
    feeds[sin] = new Tensor('float32', tables.sin, [ids.length, rope.dims / 2]);
  }
  for (const { past, shape } of states) {
    feeds[past] = new Tensor('float32', new Float32Array(shape.reduce((a, b) => a * b)), shape);
  }
  return feeds;
}
