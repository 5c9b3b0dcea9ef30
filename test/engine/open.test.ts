/** What a path stands for is the same to the engine as to the inspector. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TestEngine } from '../support/analyze.ts';
import { FIXTURES, Reference } from '../support/reference.ts';

describe('a repository of the hub’s cache', () => {
  let engine: TestEngine;
  let hub: string;
  let repository: string;
  let snapshot: string;
  beforeEach(() => {
    engine = new TestEngine();
    hub = mkdtempSync(join(tmpdir(), 'moescope-hub-'));
    repository = join(hub, 'models--org--model');
    snapshot = join(repository, 'snapshots', 'b'.repeat(40));
    mkdirSync(join(repository, 'refs'), { recursive: true });
    mkdirSync(join(repository, 'snapshots', 'a'.repeat(40)), { recursive: true });
    writeFileSync(join(repository, 'refs/main'), 'b'.repeat(40));
    cpSync(join(FIXTURES, 'checkpoints/mixtral'), snapshot, { recursive: true });
  });
  afterEach(() => {
    engine.dispose();
    rmSync(hub, { recursive: true });
  });

  it('is opened as its newest snapshot', async () => {
    const expected = await Reference.read(join(snapshot, 'reference'));
    const trace = await engine.analyze(repository, expected.inputs[0]!);
    expect([...trace.tokens.ids]).toEqual([...expected.get('input_ids.0').data]);
    expect(trace.origin.model).toMatchObject({ name: 'org/model', folder: snapshot });
  });

  it('has the tokenizer of its newest snapshot', async () => {
    const expected = await Reference.read(join(snapshot, 'reference'));
    const request = { folder: repository, vocabulary: Infinity, text: expected.inputs[0]! };
    const { ids } = await engine.client.tokenize(request, new AbortController().signal);
    expect([...ids]).toEqual([...expected.get('input_ids.0').data]);
  });
});
