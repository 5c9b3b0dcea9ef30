/**
 * What an MoE layer costs over tokens, experts and experts a token: it should grow with tokens and with the experts that they visit, and
 * not with those that there are. Each row changes one of the three; times are the best of some runs, taken by turns.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tensor, type InferenceSession } from 'onnxruntime-node';
import { HIDDEN, ours, random } from './moeLayer.ts';

const RUNS = 15;
const FIXED = { tokens: 512, experts: 32, k: 4 };
const SWEEPS = {
  tokens: [128, 256, 512, 1024, 2048],
  experts: [8, 16, 32, 64, 128, 256],
  k: [1, 2, 4, 8, 16],
} as const;

interface Case {
  readonly tokens: number;
  readonly experts: number;
  readonly k: number;
}

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
  console.log(`tokens  experts  k   ms     of processors   µs a token and visited expert (by ${what})`);
  for (const { tokens, experts, k, wall, cpu, session } of cases) {
    const each = ((1e3 * wall) / tokens / k).toFixed(2);
    console.log(
      `${String(tokens).padStart(6)} ${String(experts).padStart(8)} ${String(k).padStart(2)} ${wall.toFixed(2).padStart(8)} ${cpu.toFixed(2).padStart(8)} ${each.padStart(16)}`,
    );
    await session.release();
  }
}
rmSync(folder, { recursive: true });
