/**
 * What an MoE layer costs over tokens, experts and experts a token: it should grow with tokens and with the experts that they visit, and
 * not with those that there are. Each row changes one of the three; times are the best of some runs, taken by turns.
 *
 *     npm run bench -- cost [--figure FILE.png]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Tensor, type InferenceSession } from 'onnxruntime-node';
import { costFigure, type Growth } from './costFigure.ts';
import { HIDDEN, ours, random } from './moeLayer.ts';

const RUNS = 15;
const FIXED = { tokens: 512, experts: 32, k: 4 };
const SWEEPS = {
  tokens: [128, 256, 512, 1024, 2048],
  experts: [8, 16, 32, 64, 128, 256],
  k: [1, 2, 4, 8, 16],
} as const;
const TITLES = {
  tokens: `By tokens (${FIXED.experts} experts, top-${FIXED.k})`,
  experts: `By experts (${FIXED.tokens} tokens, top-${FIXED.k})`,
  k: `By experts a token (of ${FIXED.experts}, ${FIXED.tokens} tokens)`,
} as const;

interface Case {
  readonly tokens: number;
  readonly experts: number;
  readonly k: number;
}

const { values: options } = parseArgs({ options: { figure: { type: 'string' } } });
const growths: Growth[] = [];
const folder = mkdtempSync(join(tmpdir(), 'moescope-cost-'));
for (const [what, values] of Object.entries(SWEEPS)) {
  const cases: (Case & { readonly session: InferenceSession; readonly x: Tensor; wall: number; cpu: number })[] = [];
  for (const value of values) {
    const of = { ...FIXED, [what]: value };
    const x = new Tensor('float32', random(of.tokens * HIDDEN), [of.tokens, HIDDEN]);
    const weights = mkdtempSync(join(folder, 'weights-'));
    cases.push({ ...of, session: await ours(weights, of.experts, of.k, 'float32'), x, wall: Infinity, cpu: Infinity });
  }
  for (let run = 0; run < RUNS; run++) {
    for (const each of cases) {
      const [start, before] = [performance.now(), process.cpuUsage()];
      await each.session.run({ x: each.x }, [each.session.outputNames.at(-1)!]);
      each.wall = Math.min(each.wall, performance.now() - start);
      const { user, system } = process.cpuUsage(before);
      each.cpu = Math.min(each.cpu, (user + system) / 1e3);
    }
  }
  const name = what as keyof typeof SWEEPS;
  growths.push({
    title: TITLES[name],
    expected: name === 'experts' ? 'constant' : 'proportional',
    times: cases.map((each) => [each[name], each.wall]),
  });
  console.log(`tokens  experts  k   ms     of processors   µs a token and visited expert (by ${what})`);
  for (const { tokens, experts, k, wall, cpu, session } of cases) {
    const each = ((1e3 * wall) / tokens / k).toFixed(2);
    console.log(
      `${String(tokens).padStart(6)} ${String(experts).padStart(8)} ${String(k).padStart(2)} ${wall.toFixed(2).padStart(8)} ${cpu.toFixed(2).padStart(8)} ${each.padStart(16)}`,
    );
    await session.release();
  }
}
if (options.figure !== undefined) writeFileSync(options.figure, await costFigure(growths));
rmSync(folder, { recursive: true });
