/** `moescope profile` as its users run it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FIXTURES, ROOT } from '../support/reference.ts';
import { moescope as run, type Ran } from '../support/terminal.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'moescope-profile-cli-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function moescope(args: readonly string[]): Promise<Ran> {
  return run(args, { cwd: folder, env: { XDG_CACHE_HOME: join(folder, 'cache') } });
}

const SAMPLE = join(ROOT, 'media/samples/poem.txt');
const MODEL = ['--model', join(FIXTURES, 'checkpoints/olmoe')];

it('writes what it measured as JSON', async () => {
  const { code, stdout } = await moescope([
    'profile',
    SAMPLE,
    ...MODEL,
    '--batch',
    '2,1',
    '--generate',
    '3',
    '--json',
    '-',
  ]);
  expect(code).toBe(0);
  const made = JSON.parse(stdout) as Record<string, unknown>;
  expect(made).toMatchObject({
    format: 'moescope-profile',
    version: 1,
    model: { architecture: 'OlmoeForCausalLM' },
    batches: [{ tokens: 1 }, { tokens: 2 }],
  });
  expect(made['steps']).toMatchObject({ milliseconds: [expect.any(Number), expect.any(Number), expect.any(Number)] });
});

it('prints the share of each part, the router’s beside the reported one', async () => {
  const { code, stdout } = await moescope(['profile', SAMPLE, ...MODEL, '--batch', '4', '--generate', '0']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^router +\d+\.\d/m);
  expect(stdout).toContain('router, as reported');
  expect(stdout).not.toContain('Latency of generated tokens');
});

it('says what of the command line is at fault', async () => {
  expect(await moescope(['profile', SAMPLE, '--batch', '0'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--batch takes a whole number from 1 on, not "0"') as string,
  });
  expect((await moescope(['profile', SAMPLE, '--batch', '1,2,3,4,5,6,7,8,9'])).stderr).toContain('eight sizes at most');
  expect((await moescope(['profile'])).stderr).toContain('Which FILE?');
});
