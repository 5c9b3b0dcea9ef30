/** The profiler on the real engine: what is told of times, not how long they are. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ModelRequest } from '../../extension/protocol/engine.ts';
import { PROFILE_PARTS, type ModelProfile, type ProfilePart } from '../../extension/protocol/profile.ts';
import { TestEngine } from '../support/analyze.ts';
import { FIXTURES } from '../support/reference.ts';

let engine: TestEngine;
let temporary: string;
beforeAll(() => {
  // The engine's own, so that nobody else's files are seen in it.
  temporary = mkdtempSync(join(tmpdir(), 'moescope-test-'));
  for (const name of ['TMPDIR', 'TEMP', 'TMP']) vi.stubEnv(name, temporary);
  engine = new TestEngine();
});
afterAll(() => {
  engine.dispose();
  vi.unstubAllEnvs();
  rmSync(temporary, { recursive: true, force: true });
});

function profilesLeft(): string[] {
  return readdirSync(temporary).filter((name) => name.startsWith('moescope-profile-'));
}

const TEXT = 'The router sends every token to the experts that suit it best, and the others rest.';

function profile(
  folder: string,
  batches: readonly number[],
  generate = 0,
  options: Partial<ModelRequest> = {},
): Promise<ModelProfile> {
  const { signal } = new AbortController();
  return engine.client.profile(
    engine.model(folder, options),
    { text: TEXT, batches, generate },
    { progress: () => undefined },
    signal,
  );
}

/** Parts that took any time. */
function partsOf({ batches }: ModelProfile): ProfilePart[] {
  return PROFILE_PARTS.filter((part) => batches.every(({ parts }) => parts[part] > 0));
}

describe('a checkpoint', () => {
  it('is told apart into its parts at every size of batch, and leaves no files', async () => {
    const { batches, steps, notes, model } = await profile(join(FIXTURES, 'checkpoints/mixtral'), [64, 1, 4], 5);
    expect(batches.map(({ tokens }) => tokens)).toEqual([1, 4, 64]);
    const [one] = batches;
    // 4 layers of which a token visits 2 experts each.
    expect(one!.experts).toBe(8);
    for (const { milliseconds, parts, passes } of batches) {
      expect(milliseconds.length).toBeGreaterThanOrEqual(3);
      expect(passes).toBeGreaterThanOrEqual(1);
      for (const part of ['router', 'experts', 'mixers', 'norms', 'embeddings', 'head'] as const) {
        expect(parts[part], part).toBeGreaterThan(0);
      }
      // All but the residual sums is known by its name; none has a shared expert or a dense layer.
      expect([parts.sharedExperts, parts.dense]).toEqual([0, 0]);
    }
    expect(steps!.milliseconds).toHaveLength(5);
    expect([...steps!.experts]).toEqual([8, 8, 8, 8, 8]);
    for (const fresh of steps!.fresh) expect(fresh).toBeLessThanOrEqual(8);
    expect(notes).toEqual([expect.stringContaining('repeated for the larger batches')]);
    expect(model.architecture).toBe('MixtralForCausalLM');
    expect(profilesLeft()).toEqual([]);
  });

  it('has shared experts and dense layers told apart', async () => {
    const parts = partsOf(await profile(join(FIXTURES, 'checkpoints/deepseek_v3'), [8]));
    expect(parts).toEqual(expect.arrayContaining(['router', 'experts', 'sharedExperts', 'dense', 'mixers', 'head']));
  });

  it('says that a batch is no larger than a context window where one was to be', async () => {
    const folder = join(FIXTURES, 'checkpoints/mixtral');
    const notesOf = async (batches: readonly number[]): Promise<readonly string[]> =>
      (await profile(folder, batches, 0, { context: 4 })).notes;
    expect(await notesOf([2, 8])).toEqual(['A context window has 4 tokens: no batch is larger.']);
    expect(await notesOf([2, 2, 4])).toEqual([]);
  });

  it('routes as ever afterwards', async () => {
    const folder = join(FIXTURES, 'checkpoints/mixtral');
    const before = await engine.analyze(folder, TEXT);
    await profile(folder, [2]);
    const after = await engine.analyze(folder, TEXT);
    expect(after.layers[0]!.chosen).toEqual(before.layers[0]!.chosen);
  });

  it('with an encoder runs through both stacks, and generates nothing', async () => {
    const measured = await profile(join(FIXTURES, 'checkpoints/switch_transformers'), [8], 4);
    expect(partsOf(measured)).toEqual(expect.arrayContaining(['router', 'experts', 'mixers', 'norms', 'head']));
    expect(measured.steps).toBeUndefined();
    expect(measured.notes.join(' ')).toContain('encoder');
  });
});

describe('an export of others', () => {
  it.each(['optimum-qwen3_moe-fp32', 'onnxruntime-genai-gpt_oss-fp32', 'torch-mixtral-fp32'])(
    '%s is told apart by the names of its nodes, or says that it cannot be',
    async (name) => {
      const measured = await profile(join(FIXTURES, 'onnx', name), [4]);
      const [{ parts }] = measured.batches as [ModelProfile['batches'][number]];
      const all = PROFILE_PARTS.reduce((sum, part) => sum + parts[part], 0);
      const understood = (all - parts.rest) / all;
      const told = ['experts', 'mixers'].every((part) => parts[part as ProfilePart] > 0);
      expect(told || measured.notes.join(' ').includes('do not tell')).toBe(true);
      expect(understood > 0.5 || measured.notes.join(' ').includes('do not tell')).toBe(true);
    },
  );
});

it('stops when it is cancelled, and what it wrote goes', async () => {
  const stop = new AbortController();
  const folder = join(FIXTURES, 'checkpoints/mixtral');
  const what = { text: TEXT, batches: [1, 2, 3, 4], generate: 0 };
  const progress = ({ stage, done }: { stage: string; done: number }): void => {
    if (stage === 'profile' && done > 3) stop.abort();
  };
  await expect(engine.client.profile(engine.model(folder), what, { progress }, stop.signal)).rejects.toMatchObject({
    code: 'cancelled',
  });
  // The engine answers the next request once it has cleared up.
  await engine.analyze(folder, TEXT);
  expect(profilesLeft()).toEqual([]);
});

it('removes what an engine has left that was ended meanwhile', async () => {
  const folder = join(FIXTURES, 'checkpoints/mixtral');
  const what = { text: TEXT, batches: [1, 2, 3, 4], generate: 0 };
  const progress = (): void => {
    if (profilesLeft().length > 0) process.kill(engine.client.pid!, 'SIGKILL');
  };
  const killed = engine.client.profile(engine.model(folder), what, { progress }, new AbortController().signal);
  await expect(killed).rejects.toMatchObject({ code: 'engine-gone' });
  expect(profilesLeft()).toHaveLength(1);
  await profile(folder, [2]);
  expect(profilesLeft()).toEqual([]);
});
