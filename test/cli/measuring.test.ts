/** `moescope whatif`, `balance` and `ablate` as their users run them, on models that the reference has answered for. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSafetensorsHeader } from '../../extension/formats/safetensors.ts';
import { FIXTURES, Reference, ROOT } from '../support/reference.ts';
import { moescope as run, type Ran } from '../support/terminal.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'moescope-measuring-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function moescope(...args: string[]): Promise<Ran> {
  return run(args, { cwd: folder, env: { XDG_CACHE_HOME: join(folder, 'cache') } });
}

/** The case's text in a file, and −Σ log p of it under each intervention, as the reference has it. */
async function reference(name: string): Promise<{ text: string; model: string; nats: (index: number) => number }> {
  const expected = await Reference.read(join(FIXTURES, 'interventions', name));
  const text = join(folder, `${name}.txt`);
  writeFileSync(text, expected.inputs[0]!);
  const nats = (index: number): number =>
    Array.from(expected.get(`logprob.${index}`).data).reduce((sum, p) => (Number.isNaN(p) ? sum : sum - p), 0);
  return { text, model: join(FIXTURES, 'checkpoints', name), nats };
}

interface Loss {
  readonly tokens: number;
  readonly nats: number;
  readonly perToken: number;
  readonly perplexity: number;
}

describe('moescope whatif', () => {
  it('measures what a change costs, as the reference does', async () => {
    const { text, model, nats } = await reference('mixtral');
    // The fourth and the seventh intervention of the case.
    const warm = JSON.parse(
      (await moescope('whatif', text, '--model', model, '--temperature', '2.5', '--json', '-')).stdout,
    ) as {
      format: string;
      before: Loss;
      outcomes: { after: Loss; loss: (number | null)[] }[];
    };
    expect(warm.format).toBe('moescope-whatif');
    expect(warm.before.nats).toBeCloseTo(nats(0), 2);
    expect(warm.before.tokens).toBe(198);
    expect(warm.before.perplexity).toBeCloseTo(Math.exp(nats(0) / 198), 2);
    expect(warm.outcomes).toHaveLength(1);
    expect(warm.outcomes[0]!.after.nats).toBeCloseTo(nats(4), 2);
    expect(warm.outcomes[0]!.loss[0]).toBeNull();
    expect(warm.outcomes[0]!.loss.reduce<number>((sum, loss) => sum + (loss ?? 0), 0)).toBeCloseTo(
      nats(4) - nats(0),
      2,
    );

    const limited = await moescope('whatif', text, '--model', model, '--capacity', '1,4', '--policy', 'position');
    expect(limited.stderr).toBe('');
    const rows = limited.stdout.split('\n').filter((line) => line.startsWith('capacity '));
    expect(rows).toHaveLength(2);
    expect(rows[0]).toContain(((nats(7) - nats(0)) / 198).toFixed(4));
    // A factor of 4 drops nothing: eight experts, two a token.
    expect(rows[1]).toMatch(/ 0\.0000 .* 0\.00 +0 +0 +0 +0$/);
    expect(limited.stdout).toContain('Counted: on the routing of the text as it is.');

    // Two slots a token are counted on the text as it is, where one is measured.
    const both = await moescope('whatif', text, '--model', model, '--capacity', '1', '--k', '1');
    expect(both.stderr).toBe('');
    expect(both.stdout).toMatch(/ dropped, measured +moved, measured$/m);
    expect(both.stdout).not.toMatch(/counted/i);
  });

  it('says that a limit replaces the model’s own', async () => {
    const { text, model } = await reference('switch_transformers');
    const { stdout, stderr } = await moescope('whatif', text, '--model', model, '--capacity', '1');
    expect(stderr).toBe('');
    expect(stdout).toMatch(/replaces the model’s own, which drops \d+ slots?;/);
  });

  it.each([
    [['--drop-expert', '9:1'], /has no MoE layer 9; it has L0, L1, L2, L3\./],
    [['--drop-expert', '1'], /--drop-expert takes LAYER:EXPERT, as 3:7, not "1"\./],
    [['--drop-expert', 'L1:8'], /no expert 8 in layer 1/],
    [['--capacity', 'x'], /--capacity takes a number from 0 on, not "x"\./],
    [['--capacity', '0'], /capacity factor is 0; it has to be more than 0/],
    [['--policy', 'weight'], /--policy is for --capacity\./],
    [['--no-shared'], /no shared expert/],
    [['--k', '0'], /--k takes a whole number from 1 on/],
    [[], /What if what\?/],
    [['--provider', 'webgpu'], /Unknown option '--provider'/],
  ])('refuses %j', async (change, sentence) => {
    const { text, model } = await reference('mixtral');
    const { code, stdout, stderr } = await moescope('whatif', text, '--model', model, ...change);
    expect(stderr).toMatch(sentence);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});

describe('moescope ablate', () => {
  it('ranks experts by what the text loses without them', async () => {
    const { text, model, nats } = await reference('olmoe');
    const { stdout, stderr } = await moescope('ablate', text, '--model', model, '--layer', '0', '--json', '-');
    expect(stderr).toBe('');
    const { wanted, experts } = JSON.parse(stdout) as {
      wanted: number;
      experts: { layer: number; expert: number; cost: number; share: number; worst: { loss: number } }[];
    };
    expect(wanted).toBe(16);
    expect(experts.map(({ expert }) => expert).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 16 }, (_, e) => e),
    );
    // The reference was asked about expert 7, which the text is foreseen better without.
    const seventh = experts.find(({ expert }) => expert === 7)!;
    expect(seventh.cost).toBeCloseTo(nats(1) - nats(0), 2);
    for (let i = 1; i < experts.length; i++) expect(experts[i]!.cost).toBeLessThanOrEqual(experts[i - 1]!.cost);
    expect(experts.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
    const table = (await moescope('ablate', text, '--model', model, '--layer', '0', '--top', '3')).stdout;
    expect(table.match(/^ *L0 E\d+ /gm)).toHaveLength(3);
    expect(table).toContain('multiplies every other weight by 1/(1 − p)');
    expect(table).toMatch(/ token that loses most +change of log p, nats$/m);
  });
});

describe('moescope balance', () => {
  it('evens out the load, says what that costs, and writes the biases', async () => {
    const text = join(ROOT, 'media/samples/router.ts');
    const model = join(ROOT, 'media/demo-models/collapsed');
    const args = ['--model', model, '--target', '0.5', '--out', 'biases.safetensors', '--json', 'balance.json'];
    const { code, stdout, stderr } = await moescope('balance', text, ...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { layers, loss, fittedTokens } = JSON.parse(readFileSync(join(folder, 'balance.json'), 'utf8')) as {
      fittedTokens: number;
      loss: { before: Loss; after: Loss };
      layers: {
        layer: number;
        bias: number[];
        fitted: Evenness;
        held: Record<'before' | 'after', { maxVio: number }>;
      }[];
    };
    // A model that was trained without balancing: few experts have nearly all of the load.
    for (const { fitted, held } of layers) {
      expect(fitted.before).toBeGreaterThan(2);
      expect(fitted.after).toBeLessThanOrEqual(0.5);
      expect(held.after.maxVio).toBeLessThan(held.before.maxVio);
    }
    expect(loss.before.tokens + fittedTokens).toBe(194);
    expect(stdout).toContain(`${loss.before.perToken.toFixed(4)} nats a token`);
    const header = await readSafetensorsHeader(join(folder, 'biases.safetensors'));
    expect(header.map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual(
      layers.map(({ layer }) => [`layers.${layer}.selection_bias`, 'F32', [16]]),
    );
    const bytes = readFileSync(join(folder, 'biases.safetensors'));
    header.forEach(({ offset }, i) => {
      expect(layers[i]!.bias.map((_, e) => bytes.readFloatLE(offset + 4 * e))).toEqual(layers[i]!.bias);
    });
  });

  it.each(['whatif', 'ablate'])('refuses a text of which no token has a probability: %s', async (command) => {
    const text = join(folder, 'one.txt');
    writeFileSync(text, 'a');
    const { code, stdout, stderr } = await moescope(command, text, ...(command === 'whatif' ? ['--k', '1'] : []));
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('too short');
  });

  it('tries each expert of a layer that is named twice once', async () => {
    const text = join(folder, 'twice.txt');
    writeFileSync(text, 'Each expert has its turn.');
    const { stdout } = await moescope('ablate', text, '--layer', '3,L3', '--json', '-');
    expect((JSON.parse(stdout) as { experts: object[] }).experts).toHaveLength(16);
  });

  it('refuses a text that cannot be cut', async () => {
    writeFileSync(join(folder, 'short.txt'), 'a');
    const { code, stderr } = await moescope('balance', 'short.txt');
    expect(code).toBe(2);
    expect(stderr).toContain('The text is too short to be cut in two.');
  });
});

interface Evenness {
  readonly before: number;
  readonly after: number;
}
