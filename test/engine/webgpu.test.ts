/** Models on WebGPU, which SwiftShader, the software renderer that comes with Chromium, computes on the processor. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { routingAgreement } from '../../extension/analysis/agreement.ts';
import { TestEngine } from '../support/analyze.ts';
import { keyOf } from '../support/compare.ts';
import { FIXTURES, Reference } from '../support/reference.ts';

const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';
const checkpoint = (name: string): string => join(FIXTURES, 'checkpoints', name);
/**
 * A first opening runs the prompt that decides on trust, in software some thousand times slower than the CPU's own kernels;
 * hence the smallest checkpoints here, a context that cuts that prompt, and room for a busy machine. From 32 rows on attention
 * has kernels of its own.
 */
const TIMEOUT = 400_000;
const CONTEXT = 40;

let engine: TestEngine;
let runtime: string;
beforeAll(() => {
  if (!existsSync(SWIFTSHADER)) throw new Error(`there is no ${SWIFTSHADER}: install chromium-common and libvulkan1`);
  runtime = mkdtempSync(join(tmpdir(), 'moescope-runtime-'));
  process.env['VK_ICD_FILENAMES'] = SWIFTSHADER;
  process.env['XDG_RUNTIME_DIR'] = runtime;
  engine = new TestEngine();
});
afterAll(() => {
  engine.dispose();
  rmSync(runtime, { recursive: true, force: true });
});

it.each(['mixtral', 'deepseek_v3', 'gemma4_text', 'qwen3_next'])(
  '%s in float32 routes as the reference does',
  async (name) => {
    const expected = await Reference.read(join(checkpoint(name), 'reference'));
    const [text] = expected.inputs;
    const context = expected.get(`topk_index.0.${expected.layersOf(0)[0]!}`).shape[0]!;
    const trace = await engine.analyze(checkpoint(name), text!, { provider: 'webgpu', context });
    expect(trace.origin.model).toMatchObject({ provider: 'webgpu', precision: 'float32' });
    expect(trace.layers.map(keyOf)).toEqual(expected.layersOf(0));
    for (const { layer, chosen, margin, candidates, k } of trace.layers) {
      const wanted = expected.get(`topk_index.0.${layer}`).data;
      for (let t = 0; t < trace.routed; t++) {
        // Nearer than this, another order of additions may choose otherwise.
        if (margin[t]! <= 1e-4) continue;
        const found = new Set(chosen.subarray(t * candidates, t * candidates + k));
        expect(found, `layer ${layer}, token ${t}`).toEqual(new Set(wanted.subarray(t * k, (t + 1) * k)));
      }
    }
  },
  TIMEOUT,
);

it.each(['int8', 'int4'] as const)(
  'weights in %s give nearly the routing that they give on the CPU',
  async (precision) => {
    const text = 'Sparse layers send each token to a few experts.';
    const [cpu, webgpu] = [
      await engine.analyze(checkpoint('granitemoe-odd'), text, { precision, provider: 'cpu', context: CONTEXT }),
      await engine.analyze(checkpoint('granitemoe-odd'), text, { precision, provider: 'webgpu', context: CONTEXT }),
    ];
    expect(webgpu.origin.model.provider).toBe('webgpu');
    expect(routingAgreement(cpu, webgpu).share).toBeGreaterThan(0.95);
  },
  TIMEOUT,
);

it(
  'auto tries it, finds it slower than the CPU, says so and remembers that',
  async () => {
    const before = await engine.analyze(checkpoint('mixtral-longrope'), 'Which expert?', {
      provider: 'auto',
      context: CONTEXT,
    });
    expect(before.origin.model.provider).toBe('cpu');
    expect(before.origin.model.note).toMatch(/^On the CPU: webgpu routes as the CPU does .* at 0\.0\d+ × its speed; /u);
    const file = join(engine.cache, 'providers.json');
    const verdicts = readFileSync(file, 'utf8');
    const after = await engine.analyze(checkpoint('mixtral-longrope'), 'Which expert?', {
      provider: 'auto',
      context: CONTEXT,
      threads: 1,
    });
    expect(after.origin.model).toEqual(before.origin.model);
    expect(readFileSync(file, 'utf8')).toBe(verdicts);
  },
  TIMEOUT,
);

it('float16 is refused where the device has none', { timeout: TIMEOUT }, async () => {
  const run = engine.analyze(checkpoint('olmoe'), 'Half.', { provider: 'webgpu', precision: 'float16' });
  await expect(run).rejects.toMatchObject({ code: 'precision-unsupported', message: /does not compute in float16/u });
});

it('a provider that is not shipped is refused with those that are', async () => {
  const run = engine.analyze(checkpoint('olmoe'), 'Elsewhere.', { provider: 'coreml' });
  await expect(run).rejects.toMatchObject({
    code: 'precision-unsupported',
    message: /no coreml for .*cpu and webgpu/u,
  });
});
