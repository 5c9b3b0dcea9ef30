/** However the operating system ends the engine: the caller is told in a sentence, and the next text is routed as ever. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomNumbers } from '../../extension/analysis/random.ts';
import type { RoutingTrace } from '../../extension/protocol/trace.ts';
import { TestEngine } from '../support/analyze.ts';
import { filesIn, isAlive, killAt, routeAfter, WORKS } from '../support/kills.ts';
import { ROOT } from '../support/reference.ts';

const MODEL = join(ROOT, 'media/demo-models/balanced');
const TEXT = 'for (const token of tokens) route(token);\n';
const KILLS = 20;

let engine: TestEngine;
let wanted: RoutingTrace;
let files: number;
beforeAll(async () => {
  engine = new TestEngine();
  wanted = await engine.analyze(MODEL, TEXT);
  files = filesIn(engine.cache).length;
});
afterAll(() => {
  engine.dispose();
});

test('killed at any moment, it is missed by nobody', async () => {
  const next = randomNumbers(5);
  let interrupted = 0;
  for (let i = 0; i < KILLS; i++) {
    const work = WORKS[i % WORKS.length]!;
    const after = Math.floor(next() * 300);
    const { told, pid } = await killAt(engine, MODEL, work, after);
    const when = `killed ${after} ms into ${work}`;
    expect(['engine-gone', 'engine-failed', 'finished'], when).toContain(told);
    if (told !== 'finished') interrupted += 1;
    if (pid !== undefined) await expect.poll(() => isAlive(pid), { message: when }).toBe(false);
    const { layers, tokens, routed } = await routeAfter(engine, MODEL, TEXT);
    expect(routed, when).toBe(wanted.routed);
    expect(tokens.ids, when).toEqual(wanted.tokens.ids);
    expect(
      layers.map(({ chosen }) => chosen),
      when,
    ).toEqual(wanted.layers.map(({ chosen }) => chosen));
    expect(filesIn(engine.cache), when).toHaveLength(files);
  }
  // Most kills met some work: otherwise this tests nothing.
  expect(interrupted).toBeGreaterThan(KILLS / 4);
});
