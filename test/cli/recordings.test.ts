/** `moescope --trace` on what others recorded. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FIXTURES, ROOT } from '../support/reference.ts';
import { moescope } from '../support/terminal.ts';

const recording = (name: string): string => join(FIXTURES, 'recordings', name);

describe('moescope analyze --trace', () => {
  it('shows an answer of vLLM, and says what it does not hold', async () => {
    const { code, stdout } = await moescope(['analyze', '--trace', recording('vllm-0.27.1.json')]);
    expect(code).toBe(0);
    expect(stdout).toContain('demo, 6 layers, 43 tokens');
    expect(stdout).toContain('Weights are not recorded.');
    // As transformers routes this text: 15 of layer 0's 86 slots go to E7.
    expect(stdout).toMatch(/L0 +E7 +17\.4 %/);
    expect(stdout).toContain('How sure the router was is not known');
    expect(stdout).not.toMatch(/NaN|undefined/);
  });

  it('writes it as a trace, in which what is unknown is null, and opens that', async () => {
    const { stdout } = await moescope(['analyze', '--trace', recording('ids.npz'), '--json', '-']);
    const trace = JSON.parse(stdout) as { tokens: object[]; layers: { weight: unknown; chosen: unknown }[] };
    expect(trace.tokens).toHaveLength(5);
    expect(trace.layers[0]).toMatchObject({
      chosen: [
        [0, 1],
        [1, 2],
        [2, 3],
        [3, 0],
        [0, 1],
      ],
      weight: Array.from({ length: 5 }, () => [null, null]),
    });
    const again = await moescope(['analyze', '--trace', '-'], { input: Buffer.from(stdout) });
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(/L0 +E0 +30\.0 %/);
  });

  it('shows an answer of SGLang, whose layers the config of its model tells', async () => {
    const answer = ['analyze', '--trace', recording('sglang-int32.json')];
    const { code, stdout } = await moescope([...answer, '--model', 'balanced']);
    expect(code).toBe(0);
    // The same text and model as the answer of vLLM above.
    expect(stdout).toMatch(/L0 +E7 +17\.4 %/);
    expect(stdout).not.toContain('is not known: at least');
    expect((await moescope(answer)).stderr).toContain("name the local folder of the model's config.json");
    const counts = await moescope(['analyze', '--trace', recording('counts.csv'), '--model', 'balanced']);
    expect([counts.code, counts.stderr]).toEqual([2, expect.stringContaining('--model goes with') as unknown]);
  });

  it('has no parts of what holds tokens', async () => {
    const { code, stderr } = await moescope(['analyze', '--trace', recording('ids.npz'), '--part', 'code']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--part') as unknown]);
  });

  it('shows counts, and says that what tokens did needs tokens', async () => {
    const { code, stdout } = await moescope(['analyze', '--trace', recording('sglang-stat.pt')]);
    expect(code).toBe(0);
    const layer = await moescope(['analyze', '--trace', recording('sglang-stat.pt'), '--layer', '1']);
    expect([layer.code, layer.stderr]).toEqual([2, expect.stringContaining('--layer is for') as unknown]);
    // Layer 1 took 4, 8, 1, 1 slots: 8 of 14, and 8 / 3.5 − 1.
    expect(stdout).toMatch(/L1 +E1 +57\.1 % +2\.29 +1\.29/);
    expect(stdout).toContain('holds no tokens');
  });

  it('refuses a pickle that would run something, as a fault of the input', async () => {
    const { code, stderr } = await moescope(['analyze', '--trace', recording('harm.pt')]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^moescope: .*nothing is run\.\n$/);
  });
});

describe('an importance matrix of llama.cpp', () => {
  it('counts what our own engine counts on the same text and windows', async () => {
    const text = ['essay.md', 'router.ts', 'capacity.py'].map((name) =>
      readFileSync(join(ROOT, 'media/samples', name), 'utf8'),
    );
    const ours = await moescope(['analyze', '-', '--context', '128', '--precision', 'float32', '--json', '-'], {
      input: Buffer.from(text.join('')),
    });
    const { layers } = JSON.parse(ours.stdout) as { layers: { chosen: number[][] }[] };
    // llama-imatrix takes whole chunks only: the first three of 128 tokens.
    const counted = layers.map(({ chosen }) => {
      const counts = new Array<number>(16).fill(0);
      for (const expert of chosen.slice(0, 3 * 128).flat()) counts[expert]! += 1;
      return counts;
    });
    const theirs = await moescope(['report', '--trace', recording('imatrix.gguf'), '--json', '-']);
    const report = JSON.parse(theirs.stdout) as { load: { layers: { k: number; counts: number[] }[] } };
    expect(report.load.layers.map(({ counts }) => counts)).toEqual(counted);
    expect(report.load.layers[0]!.k).toBe(2);
  });

  it('in the legacy format has no counts, which is said', async () => {
    const { code, stderr } = await moescope(['analyze', '--trace', recording('imatrix.dat')]);
    expect(code).toBe(2);
    expect(stderr).toContain('has no counts of experts');
  });
});

describe('moescope report --trace', () => {
  it('judges the load that a paper published', async () => {
    const counts = join(FIXTURES, 'paperCounts.json');
    const { stdout } = await moescope(['report', '--trace', counts, '--part', 'olmoe, github']);
    // From the published counts: share of the hottest, and MaxVio.
    for (const [layer, maxVio] of [
      ['L0', '4.01'],
      ['L7', '5.16'],
      ['L15', '3.51'],
    ]) {
      expect(stdout).toMatch(new RegExp(`^${layer!} +${maxVio!.replace('.', '\\.')} `, 'm'));
    }
    expect(stdout).toContain('with 9.6 % of the load');
  });

  it('writes counts in the form of a report, one a line where there are several', async () => {
    const counts = join(FIXTURES, 'paperCounts.json');
    const all = await moescope(['report', '--trace', counts, '--json', '-']);
    const names = all.stdout.trimEnd().split('\n');
    expect(names.map((line) => (JSON.parse(line) as { name: string }).name)).toContain('mixtral, c4');
    const one = await moescope(['report', '--trace', counts, '--part', 'mixtral, c4', '--json', '-']);
    const report = JSON.parse(one.stdout) as { format: string; load: { layers: { counts: number[] }[] } };
    const published = JSON.parse(readFileSync(counts, 'utf8')) as {
      mixtral: { counts: { c4: Record<string, number[]> } };
    };
    expect(report.format).toBe('moescope-report');
    expect(report.load.layers.map((layer) => layer.counts)).toEqual(Object.values(published.mixtral.counts.c4));
  });

  it('compares parts of two recordings that have the same name', async () => {
    const counts = join(ROOT, 'media/recordings/olmoe-paper-counts.json');
    const same = await moescope(['report', '--trace', counts, '--against', counts, '--section', 'compare']);
    // Each is what it is compared with.
    const verdicts = [
      ...same.stdout.matchAll(/takes (\d+\.\d+)× the even share with .*, (\d+\.\d+)× with .* \(mean of layers\)/gu),
    ];
    expect(verdicts.length).toBeGreaterThan(1);
    for (const [, one, other] of verdicts) expect(one).toBe(other);
    const single = ['report', '--trace', recording('counts.csv'), '--against', counts, '--section', 'compare'];
    const unsaid = await moescope(single);
    expect([unsaid.code, unsaid.stderr]).toEqual([2, expect.stringContaining('--part NAME says which') as unknown]);
    const said = await moescope([...single, '--part', 'OLMoE-1B-7B, github']);
    expect(said.stdout).toMatch(/the even share with .*github/u);
  });

  it('compares ids whose layers a config tells with what needs none', async () => {
    const ids = ['report', '--trace', recording('sglang-int32.json'), '--model', 'balanced', '--section', 'compare'];
    const compared = await moescope([...ids, '--against', recording('counts.csv')]);
    expect([compared.code, compared.stderr]).toEqual([0, '']);
    const neither = ['report', '--trace', recording('counts.csv'), '--model', 'balanced', '--against', '-'];
    const { code, stderr } = await moescope(neither, { input: readFileSync(recording('counts.csv')) });
    expect([code, stderr]).toEqual([2, expect.stringContaining('--model goes with') as unknown]);
  });

  it('names the parts that there are', async () => {
    const { code, stderr } = await moescope(['report', '--trace', recording('counts.csv'), '--part', 'none']);
    expect(code).toBe(2);
    expect(stderr).toContain('not "none"');
  });
});
