/** `moescope report` as its users run it, on what the bundled models do with a text. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FIXTURES, Reference, ROOT } from '../support/reference.ts';
import { moescope as run } from '../support/terminal.ts';

const SAMPLE = join(ROOT, 'media/samples/router.ts');
/** Of the sample among the reference's inputs. */
const INPUT = 4;
const [EXPERTS, K] = [16, 2];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'moescope-report-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** What it prints; fails unless it is content. */
async function moescope(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(args, { cwd: folder, env: { XDG_CACHE_HOME: join(folder, 'cache') } });
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

interface Capacity {
  slots: number;
  room: number;
  dropped: number;
  padding: number;
  weight: number;
  lostWeight: { position: number; weight: number };
  rerouted: { moved: number; dropped: number; padding: number } | null;
}

interface Spread {
  mean: number;
  p5: number;
  p50: number;
}

interface ReportFile {
  format: string;
  version: number;
  source: string;
  routed: number;
  load: {
    layers: {
      entropy: Spread;
      margin: Spread;
      counts: number[];
      maxVio: number;
      cv: number;
      gini: number;
      jain: number;
      dead: number[];
    }[];
    mean: { maxVio: number; dead: number };
  };
  losses: {
    layers: Record<'switch' | 'megatron' | 'gshard' | 'zLoss', number | null>[];
    huggingFace: number | null;
  };
  capacity: {
    basis: string;
    points: { factor: number; common: boolean; layers: (Capacity & { capacity: number })[]; total: Capacity }[];
  };
}

describe.each([
  // load_balancing_loss_func of transformers on the reference's router logits in float64.
  ['balanced', 2.211857795715332],
  ['collapsed', 3.058406114578247],
])('moescope report on %s', (model, huggingFace) => {
  let reference: Reference;
  let report: ReportFile;
  beforeAll(async () => {
    reference = await Reference.read(join(FIXTURES, 'demo', model));
    const args = ['report', SAMPLE, '--model', join(ROOT, 'media/demo-models', model), '--json', '-'];
    report = JSON.parse(await moescope(args)) as ReportFile;
  });

  /** The reference's choices at a layer, a row of k a token. */
  const rows = (name: string, layer: number): number[][] => {
    const { shape, data } = reference.get(`${name}.${INPUT}.${layer}`);
    return Array.from({ length: shape[0]! }, (_, t) => [...data.subarray(t * shape[1]!, (t + 1) * shape[1]!)]);
  };
  const countsOf = (layer: number): number[] => {
    const counts = new Array<number>(EXPERTS).fill(0);
    for (const e of rows('topk_index', layer).flat()) counts[e]! += 1;
    return counts;
  };

  it('measures the balance of what the reference chose', () => {
    expect(report).toMatchObject({
      format: 'moescope-report',
      version: 2,
      name: 'router.ts',
      source: 'measured',
      routed: 194,
    });
    for (const [layer, figures] of report.load.layers.entries()) {
      const counts = countsOf(layer);
      const mean = (194 * K) / EXPERTS;
      expect(figures.counts).toEqual(counts);
      expect(figures.maxVio).toBeCloseTo(Math.max(...counts) / mean - 1, 9);
      const variance = counts.reduce((sum, c) => sum + (c - mean) ** 2, 0) / EXPERTS;
      expect(figures.cv).toBeCloseTo(Math.sqrt(variance) / mean, 9);
      const differences = counts.flatMap((a) => counts.map((b) => Math.abs(a - b))).reduce((a, b) => a + b);
      expect(figures.gini).toBeCloseTo(differences / (2 * EXPERTS ** 2 * mean), 9);
      expect(figures.jain).toBeCloseTo(1 / (1 + variance / mean ** 2), 9);
      expect(figures.dead).toEqual([...counts.keys()].filter((e) => counts[e] === 0));
    }
    expect(report.load.mean.dead).toBe(report.load.layers.reduce((sum, { dead }) => sum + dead.length, 0));
  });

  it('tells how sure the router of the reference was', () => {
    for (const [layer, { entropy, margin }] of report.load.layers.entries()) {
      const p = rows('router', layer).map((x) => {
        const sum = x.reduce((all, v) => all + Math.exp(v), 0);
        return x.map((v) => Math.exp(v) / sum).sort((a, b) => b - a);
      });
      const entropies = p.map((row) => -row.reduce((sum, v) => sum + v * Math.log(v), 0)).sort((a, b) => a - b);
      const margins = p.map((row) => row[K - 1]! - row[K]!).sort((a, b) => a - b);
      for (const [spread, values] of [
        [entropy, entropies],
        [margin, margins],
      ] as const) {
        expect(spread.mean).toBeCloseTo(values.reduce((a, b) => a + b) / 194, 4);
        // Of 194 values: places 9.65 and 96.5.
        expect(spread.p5).toBeCloseTo(0.35 * values[9]! + 0.65 * values[10]!, 4);
        expect(spread.p50).toBeCloseTo((values[96]! + values[97]!) / 2, 4);
      }
    }
  });

  it("has the losses of the reference's router logits", () => {
    for (const [layer, losses] of report.losses.layers.entries()) {
      const logits = rows('router', layer);
      const tokens = logits.length;
      const p = new Array<number>(EXPERTS).fill(0);
      const first = new Array<number>(EXPERTS).fill(0);
      let z = 0;
      for (const x of logits) {
        const logSumExp = Math.log(x.reduce((sum, v) => sum + Math.exp(v), 0));
        z += logSumExp ** 2 / tokens;
        x.forEach((v, e) => (p[e]! += Math.exp(v - logSumExp) / tokens));
        first[x.indexOf(Math.max(...x))]! += 1 / tokens;
      }
      const counts = countsOf(layer);
      const sum = (f: number[]): number => f.reduce((all, v, e) => all + v * p[e]!, 0);
      expect(losses.switch).toBeCloseTo(EXPERTS * sum(first), 5);
      expect(losses.megatron).toBeCloseTo((EXPERTS * sum(counts)) / (tokens * K), 5);
      expect(losses.gshard).toBeCloseTo(sum(first) / EXPERTS, 6);
      expect(losses.zLoss).toBeCloseTo(z, 3);
    }
    expect(report.losses.huggingFace).toBeCloseTo(huggingFace, 5);
  });

  it('counts what a capacity drops of what the reference chose', () => {
    const { basis, points } = report.capacity;
    expect(basis).toBe('counted');
    expect(points.map((p) => p.factor)).toEqual([0.5, 1, 1.1, 1.2, 1.25, 1.3, 1.5, 2, 3, 4]);
    expect(points.filter((p) => p.common).map((p) => p.factor)).toEqual([1.1, 1.2, 1.25, 1.3]);
    for (const { factor, layers, total } of points) {
      let dropped = 0;
      for (const [layer, figures] of layers.entries()) {
        const weights = rows('topk_weight', layer);
        const slots = rows('topk_index', layer).flatMap((row, t) => row.map((e, j) => ({ e, w: weights[t]![j]! })));
        const capacity = Math.ceil(factor * 24.25); // 194·2/16
        expect(figures.capacity).toBe(capacity);
        const lost = { position: 0, weight: 0, slots: 0 };
        for (let e = 0; e < EXPERTS; e++) {
          const queue = slots.filter((slot) => slot.e === e);
          const late = queue.slice(capacity);
          const light = queue.toSorted((a, b) => b.w - a.w).slice(capacity);
          lost.slots += late.length;
          lost.position += late.reduce((sum, { w }) => sum + w, 0);
          lost.weight += light.reduce((sum, { w }) => sum + w, 0);
        }
        expect(figures).toMatchObject({ slots: 388, room: 16 * capacity, dropped: lost.slots });
        expect(figures.padding).toBe(16 * capacity - (388 - lost.slots));
        // Weights are renormalised: they sum to 1 a token.
        expect(figures.weight).toBeCloseTo(194, 3);
        expect(figures.lostWeight.position).toBeCloseTo(lost.position, 3);
        expect(figures.lostWeight.weight).toBeCloseTo(lost.weight, 3);
        expect(figures.rerouted!.dropped).toBe(droppedAfterRerouting(rows('router', layer), capacity));
        dropped += lost.slots;
      }
      expect(total).toMatchObject({ slots: 6 * 388, dropped });
    }
  });
});

/** Slots that neither find room with a token's best two experts nor, after all of those, with its next two. */
function droppedAfterRerouting(logits: readonly (readonly number[])[], capacity: number): number {
  const taken = new Array<number>(EXPERTS).fill(0);
  const take = (e: number): boolean => taken[e]! < capacity && (taken[e]! += 1) > 0;
  const orders = logits.map((x) => [...x.keys()].sort((a, b) => x[b]! - x[a]!));
  const left = orders.map((order) => order.slice(0, K).filter((e) => !take(e)).length);
  return left.reduce((sum, n, t) => {
    const moved = orders[t]!.slice(K, 2 * K).reduce((m, e) => (m < n && take(e) ? m + 1 : m), 0);
    return sum + n - moved;
  }, 0);
}

describe('moescope report', () => {
  it('prints the load, the losses and the capacity curve, named as counted', async () => {
    const stdout = await moescope(['report', SAMPLE, '--set', 'balance.layer=L3']);
    // Layer 3: E10 takes 69 of 388 slots, 2.85 times the even share; 9 of 16 experts stay under 5 %, two are dead.
    expect(stdout).toMatch(/^E10 +69 +17\.8 % +2\.8× +█{30}$/m);
    expect(stdout).toMatch(/^L3 +E10 +2\.8× /m);
    expect(stdout).toMatch(/^L3 +1\.85 .* 10\.9 .* 56\.3 % +2$/m);
    // By all layers in one pool, as transformers computes it.
    expect(stdout).toMatch(/^mean .* 2\.21$/m);
    expect(stdout).toMatch(/^even .* 2\.00$/m);
    // 482 of 2328 slots, by both policies.
    expect(stdout).toMatch(/^Dropped slots and padding, all layers \(counted\); common practice: 1\.1 to 1\.3$/m);
    expect(stdout).toMatch(/^ +1\.25 +20\.7 % /m);
    expect(stdout).toMatch(/^ +1\.25 +22\.6 % +13\.1 %$/m);
    // What a button measures elsewhere.
    const absent = stdout.split('NOT IN THIS REPORT\n')[1]!;
    for (const command of ['whatif', 'balance', 'ablate', 'profile']) {
      expect(absent).toMatch(new RegExp(`^[A-Z].*: moescope ${command} FILE `, 'm'));
    }
    expect(absent).not.toMatch(/“Measure”|Choose a change|Take Each Away|Balance It /);
  });

  it('shows the expert that is asked for, by its number or its label', async () => {
    for (const named of ['10', 'E10']) {
      const set = ['--set', 'expert.layer=3', '--set', `expert.expert=${named}`];
      const stdout = await moescope(['report', SAMPLE, '--section', 'expert', ...set]);
      expect(stdout).toContain('E10 of L3 takes 17.8 % of the load, 2.8× the even share: place 1 of 16.');
    }
  });

  it('writes several texts as one HTML file, tables and charts of each, and a line of JSON each', async () => {
    const [html, csv, svg, json] = ['r.html', 'csv', 'svg', 'r.json'].map((name) => join(folder, name));
    const essay = join(ROOT, 'media/samples/essay.md');
    const files = ['--html', html!, '--csv', csv!, '--svg', svg!, '--json', json!];
    const stdout = await moescope(['report', SAMPLE, essay, '--section', 'balance', '--section', 'losses', ...files]);
    expect(stdout.match(/^(router\.ts|essay\.md)$/gm)).toEqual(['router.ts', 'essay.md']);
    expect(stdout.match(/^LOAD$/gm)).toHaveLength(2);
    expect(stdout).not.toMatch(/^CAPACITY$/m);
    expect(readFileSync(html!, 'utf8').match(/<h1>[^<]+/g)).toEqual(['<h1>router.ts', '<h1>essay.md']);
    const lines = readFileSync(json!, 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { name: string }).name)).toEqual(['router.ts', 'essay.md']);
    // Of layer 0's 388 slots E0 took 26.
    expect(readFileSync(join(csv!, 'router.ts/load-by-expert.csv'), 'utf8')).toContain(`\nE0,26,${26 / 388},`);
    expect(readFileSync(join(svg!, 'essay.md/load-by-expert.svg'), 'utf8')).toMatch(/^<svg /);
  });

  it('compares with another model, another text and another recording', async () => {
    const collapsed = join(ROOT, 'media/demo-models/collapsed');
    const essay = join(ROOT, 'media/samples/essay.md');
    const only = ['--section', 'compare'];
    const models = await moescope(['report', SAMPLE, essay, '--against', collapsed, ...only]);
    expect(models.match(/× the even share with balanced, \d|× with balanced \(mean/gu)).toHaveLength(2);
    expect(models).toContain('How alike the models divide the tokens');
    expect(await moescope(['report', SAMPLE, '--against', 'collapsed', ...only])).toContain(
      '× the even share with balanced, ',
    );
    const texts = await moescope(['report', SAMPLE, '--against', essay, ...only]);
    expect(texts).toContain('× the even share with router.ts, ');
    expect(texts).toContain('The texts are two');
    const counts = join(ROOT, 'media/recordings/olmoe-paper-counts.json');
    const recorded = await moescope([
      ...['report', '--trace', counts, '--part', 'OLMoE-1B-7B, github', '--against', counts],
      ...only,
    ]);
    expect(recorded).toContain('Balance by layer, side by side');
    await expect(moescope(['report', SAMPLE, '--against', 'nowhere', ...only])).rejects.toThrow(
      'There is no file nowhere.',
    );
  });

  it('tells texts that are called alike apart by their folders', async () => {
    for (const [name, text] of [
      ['a', 'Experts and routers.'],
      ['b', 'Waves and sand.'],
    ] as const) {
      mkdirSync(join(folder, name), { recursive: true });
      writeFileSync(join(folder, name, 'x.md'), text);
    }
    const json = join(folder, 'alike.json');
    const both = await moescope(['report', 'a/x.md', 'b/x.md', SAMPLE, '--json', json, '--section', 'balance']);
    expect(both.split('\n').filter((line) => /^(\w\/)?(x\.md|router\.ts)$/u.test(line))).toEqual([
      'a/x.md',
      'b/x.md',
      'router.ts',
    ]);
    const part = ['report', '--trace', json, '--part', 'b/x.md', '--section', 'balance'];
    expect((await moescope(part)).match(/^LOAD$/gmu)).toHaveLength(1);
    const compared = await moescope(['report', 'a/x.md', '--against', 'b/x.md', '--section', 'compare']);
    expect(compared).toMatch(/the even share with a\/x\.md, .* with b\/x\.md \(mean of layers\)/u);
    const recorded = ['report', '--trace', 'a/t.json', '--against', 'b/t.json', '--section', 'compare'];
    await moescope(['report', 'a/x.md', '--json', 'a/t.json']);
    await moescope(['report', 'b/x.md', '--json', 'b/t.json']);
    expect(await moescope(recorded)).toMatch(/the even share with a\/t\.json, .* with b\/t\.json \(mean/u);
  });

  it('says in each file what wrote it and when', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    const [html, json, trace] = ['by.html', 'by.json', 'by-trace.json'].map((name) => join(folder, name));
    const before = new Date().toISOString();
    await moescope(['report', SAMPLE, '--html', html!, '--json', json!]);
    await moescope(['analyze', SAMPLE, '--json', trace!]);
    const after = new Date().toISOString();
    for (const file of [json!, trace!]) {
      const { name, writer, written } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
      expect({ name, writer }).toEqual({ name: 'router.ts', writer: `MoEScope ${version}` });
      expect(written! >= before && written! <= after).toBe(true);
    }
    const about = /<p class="dim">balanced [^<]*<\/p>/u.exec(readFileSync(html!, 'utf8'))![0];
    const minute = /MoEScope (\S+) · (\d{4}-\d\d-\d\d) (\d\d:\d\d) UTC<\/p>$/u.exec(about)!;
    expect(minute[1]).toBe(version);
    const [from, to] = [before, after].map((at) => at.slice(0, 16));
    expect([from, to]).toContain(`${minute[2]!}T${minute[3]!}`);
  });

  it('writes a report that opens again as recorded counts', async () => {
    const out = join(folder, 'again.json');
    await moescope(['report', SAMPLE, '--json', out]);
    const again = await moescope(['report', '--trace', out, '--section', 'balance']);
    expect(again).toMatch(/^L3 +1\.85 .* 10\.9 .* 56\.3 % +2$/m);
  });

  it('says what a recorded trace cannot tell, and has the rest of it', async () => {
    const trace = join(folder, 'trace.json');
    await moescope(['analyze', SAMPLE, '--json', trace]);
    const [stdout, json] = await Promise.all([
      moescope(['report', '--trace', trace]),
      moescope(['report', '--trace', trace, '--json', '-']),
    ]);
    expect(stdout).toContain('Re-routing takes the runners-up, which are not known here');
    expect(stdout).toMatch(/^ +1\.25 +20\.7 % +– +– /m);
    expect(stdout).not.toContain('NaN');
    const { source, losses, capacity } = JSON.parse(json) as ReportFile;
    expect(source).toBe('recorded');
    expect(losses.layers[0]!.switch).toBeNull();
    expect(capacity.points[0]!.total.rerouted).toBeNull();
  });

  it('takes a trace in which nothing is routed', async () => {
    const trace = join(folder, 'empty.json');
    const layers = [{ layer: 0, experts: 4, k: 1, chosen: [], weight: [], entropy: [], margin: [] }];
    writeFileSync(trace, JSON.stringify({ ...HEAD, tokens: [], layers }));
    expect(await moescope(['report', '--trace', trace])).not.toContain('NaN');
  });

  it('takes for cold, in layers of many experts, what has well under the even share', async () => {
    // 64 experts with one token each: an even load, though each has less than 5 %.
    const trace = join(folder, 'even.json');
    const each = [...Array(64).keys()];
    const tokens = each.map((id) => ({ id, start: id, end: id + 1, logProb: null }));
    const zeros = each.map(() => 0);
    const chosen = each.map((e) => [e]);
    const weight = each.map(() => [1]);
    const layers = [{ layer: 0, experts: 64, k: 1, chosen, weight, entropy: zeros, margin: zeros }];
    writeFileSync(trace, JSON.stringify({ ...HEAD, text: 'x'.repeat(64), tokens, layers }));
    const out = join(folder, 'even-report.json');
    await moescope(['report', '--trace', trace, '--json', out]);
    expect(JSON.parse(readFileSync(out, 'utf8'))).toMatchObject({
      load: { mean: { coldFraction: 0, gini: 0, jain: 1 } },
    });
    expect(await moescope(['analyze', '--trace', trace])).toMatch(
      /under 1\.25 % .*\n +L0 +E0 +1\.6 % +E0 +1\.6 % +0\.0 % /,
    );
  });
});

const HEAD = { format: 'moescope-trace', version: 1, model: { name: 'm' }, precision: 'float32', provider: 'cpu' };
