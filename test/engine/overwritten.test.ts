/** Training writes the next checkpoint over the last: what is asked for next is routed by the new one. */
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { modelIdentity, traceOf } from '../../extension/client/textRouter.ts';
import type { RoutingTrace } from '../../extension/protocol/trace.ts';
import { TestEngine } from '../support/analyze.ts';
import { FIXTURES } from '../support/reference.ts';

const TEXT = 'Each token goes to two experts.';
const FIRST = join(FIXTURES, 'checkpoints/olmoe');
const NEXT = join(FIXTURES, 'checkpoints/mixtral');

let engine: TestEngine;
let folder: string;
beforeEach(() => {
  engine = new TestEngine();
  folder = mkdtempSync(join(tmpdir(), 'moescope-overwritten-'));
});
afterEach(() => {
  engine.dispose();
  rmSync(folder, { recursive: true, force: true });
});

function write(model: string): void {
  cpSync(model, folder, { recursive: true });
}

async function live(text: string): Promise<RoutingTrace> {
  const { signal } = new AbortController();
  const params = { memory: 64e6 };
  return traceOf((sink) => engine.client.analyze(engine.model(folder), text, sink, signal, 0, params));
}

/** How often a model was opened; each is said. */
function openings(): number {
  return engine.log.filter(({ message }) => message.includes(' runs in ')).length;
}

it('is opened again when its files have changed, and only then', async () => {
  write(FIRST);
  const first = await engine.analyze(folder, TEXT);
  appendFileSync(join(folder, 'train.log'), 'step 2');
  expect((await engine.analyze(folder, TEXT)).layers).toEqual(first.layers);
  expect(openings()).toBe(1);
  const identity = await modelIdentity(engine.model(folder));
  write(NEXT);
  expect(await modelIdentity(engine.model(folder))).not.toBe(identity);
  const next = await engine.analyze(folder, TEXT);
  expect(next.origin.model.architecture).toBe('MixtralForCausalLM');
  expect(next.layers).toEqual((await engine.analyze(NEXT, TEXT)).layers);
});

it('is open once, named by its repository of the hub or by the snapshot that this stands for', async () => {
  const repository = join(folder, 'models--org--olmoe');
  const snapshot = join(repository, 'snapshots/abc');
  cpSync(FIRST, snapshot, { recursive: true });
  const named = await engine.analyze(repository, TEXT);
  expect(named.origin.model.folder).toBe(snapshot);
  await engine.analyze(snapshot, TEXT);
  expect(openings()).toBe(1);
});

it('is opened again under a text that is being edited, a second later at the most', async () => {
  write(FIRST);
  await live(TEXT);
  write(NEXT);
  await vi.waitFor(
    async () => {
      expect((await live(`${TEXT} More.`)).origin.model.architecture).toBe('MixtralForCausalLM');
    },
    { timeout: 10_000, interval: 300 },
  );
  expect((await live(TEXT)).layers).toEqual((await engine.analyze(NEXT, TEXT)).layers);
});

it.each(['', 'model.onnx'])('is another where weights beside its ONNX file have changed: %s', async (name) => {
  cpSync(join(FIXTURES, 'onnx/torch-mixtral-fp32'), folder, { recursive: true });
  const weights = join(folder, 'weights of any name');
  writeFileSync(weights, 'then');
  const model = engine.model(join(folder, name));
  const then = await modelIdentity(model);
  expect(await modelIdentity(model)).toBe(then);
  writeFileSync(weights, 'since');
  expect(await modelIdentity(model)).not.toBe(then);
});

it('is another where the hub has a newer snapshot', async () => {
  const repository = join(folder, 'models--moe--tiny');
  mkdirSync(join(repository, 'refs'), { recursive: true });
  for (const [revision, model] of [
    ['a1', FIRST],
    ['b2', NEXT],
  ] as const) {
    cpSync(model, join(repository, 'snapshots', revision), { recursive: true });
  }
  writeFileSync(join(repository, 'refs/main'), 'a1');
  const then = await modelIdentity(engine.model(repository));
  writeFileSync(join(repository, 'refs/main'), 'b2');
  expect(await modelIdentity(engine.model(repository))).not.toBe(then);
});
