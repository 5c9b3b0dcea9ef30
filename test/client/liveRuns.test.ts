/** Live as VS Code asks the engine for it: a run gives way to the next between its chunks, and that goes on from what it came to. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TraceBuilder } from '../../extension/client/traceBuilder.ts';
import type { Began } from '../../extension/protocol/engine.ts';
import { SUPERSEDED } from '../../extension/protocol/errors.ts';
import { TestEngine } from '../support/analyze.ts';
import { ROOT } from '../support/reference.ts';

const MODEL = join(ROOT, 'media/demo-models/balanced');
/** Several passes. */
const TEXT = 'The router sends each token to a few experts.\n'.repeat(100);
const MEMORY = 256e6;

let engine: TestEngine;
beforeAll(() => {
  engine = new TestEngine();
});
afterAll(() => {
  engine.dispose();
});

interface Run {
  readonly began: Began;
  readonly builder: TraceBuilder;
  /** How the call settled. */
  readonly ended: string;
}

/** @param parts the next text takes the place of this one after so many of them */
async function live(text: string, base?: Run, parts = Infinity): Promise<Run> {
  const abort = new AbortController();
  let began: Began | undefined;
  let builder: TraceBuilder | undefined;
  let count = 0;
  const sink = {
    progress: () => undefined,
    began: (message: Began) => {
      began = message;
      builder = new TraceBuilder(message, base?.builder);
    },
    routed: (part: Parameters<TraceBuilder['add']>[0]) => {
      builder!.add(part);
      count += 1;
      if (count === parts) abort.abort(SUPERSEDED);
    },
  };
  const going = { memory: MEMORY, ...(base ? { base: { run: base.began.run, routed: base.builder.routed } } : {}) };
  const request = engine.model(MODEL, { precision: 'float32', provider: 'cpu' });
  const run = engine.client.analyze(request, text, sink, abort.signal, 0, going);
  const ended = await run.then(
    () => 'done',
    (error: unknown) => (error as { code: string }).code,
  );
  return { began: began!, builder: builder!, ended };
}

test('each of many edits takes the place of the run before, and the last has its whole routing', async () => {
  let run = await live(TEXT, undefined, 1);
  expect(run.ended).toBe('cancelled');
  expect(run.builder.routed).toBeLessThan(run.began.ids.length);
  let text = TEXT;
  for (let edit = 0; edit < 8; edit++) {
    text = `${text} ${edit}`;
    const known = run.builder.routed;
    run = await live(text, run, 1);
    // What came before stands; the edit, at the end, has not taken it.
    expect(run.began.kept!.tokens).toBe(known);
    expect(run.builder.routed).toBeGreaterThan(known);
  }
  const last = await live(text, run);
  expect(last.ended).toBe('done');
  const fresh = await engine.analyze(MODEL, text, { precision: 'float32', provider: 'cpu' });
  expect(last.builder.trace.tokens.ids).toEqual(fresh.tokens.ids);
  expect(last.builder.trace.routed).toBe(fresh.routed);
  last.builder.trace.layers.forEach(({ chosen }, layer) => {
    expect(chosen).toEqual(fresh.layers[layer]!.chosen);
  });
});
