/** ONNX models in the terminal: what was found is said on standard error, the routing goes to standard output. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FIXTURES, ROOT } from '../support/reference.ts';
import { moescope, type Ran } from '../support/terminal.ts';

const MODEL = join(FIXTURES, 'onnx/torch-mixtral-fp32');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'moescope-cli-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function analyze(...args: string[]): Promise<Ran> {
  return moescope(['analyze', join(ROOT, 'media/samples/router.ts'), ...args], { env: { XDG_CACHE_HOME: folder } });
}

it.each([MODEL, join(MODEL, 'model.onnx')])('routes through %s and says what was found', async (path) => {
  const { code, stdout, stderr } = await analyze('--model', path);
  expect(stderr).toMatch(
    /^Routers found in this ONNX model, written by pytorch .*: 4 layers × 8 experts, top-2, softmax scores; MatMul → Softmax → TopK; from node_topk__1 to node_topk_3__1\n$/,
  );
  expect(stdout).toMatch(/^torch-mixtral-fp32 \(pytorch .*\), 4 layers/);
  expect(code).toBe(0);
});

it.each([
  [['--model', MODEL, '--router', 'mixer'], /^moescope: --router takes topk, not "mixer"\.\n$/],
  [
    ['--model', join(FIXTURES, 'onnx/onnxruntime-genai-gemma4-int4')],
    /^Routers found .*\nmoescope: ONNX Runtime cannot load .*: Unsupported MoE activation type: geglu\.\n$/,
  ],
  [['--router', 'topk'], /^moescope: --router is for ONNX models; .*\n$/],
  [
    ['--model', MODEL, '--precision', 'int4'],
    /moescope: This ONNX model runs as it was exported, in float32 on the CPU/,
  ],
])('%j is at fault', async (args, message) => {
  const { code, stdout, stderr } = await analyze(...args);
  expect(stderr).toMatch(message);
  expect(stdout).toBe('');
  expect(code).toBe(2);
});
