/** `moescope folder` as its users run it: the bundled model over a folder of small texts. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../support/reference.ts';
import { moescope as run, type Ran } from '../support/terminal.ts';

let folder: string;
let texts: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'moescope-folder-'));
  texts = join(folder, 'texts');
  mkdirSync(join(texts, 'skip'), { recursive: true });
  const code = readFileSync(join(ROOT, 'media/samples/capacity.py'), 'utf8').repeat(2);
  const prose = readFileSync(join(ROOT, 'media/samples/essay.md'), 'utf8').repeat(2);
  for (let i = 0; i < 6; i++) {
    writeFileSync(join(texts, `${i}.py`), code.slice(100 * i, 100 * i + 1_200));
    writeFileSync(join(texts, `${i}.md`), prose.slice(100 * i, 100 * i + 1_200));
  }
  writeFileSync(join(texts, '.gitignore'), 'skip/\n');
  writeFileSync(join(texts, 'skip/a.py'), 'x = 1');
  writeFileSync(join(texts, 'picture.md'), Uint8Array.of(1, 0, 2));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function moescope(args: readonly string[]): Promise<Ran> {
  return run(['folder', ...args], { cwd: folder, env: { XDG_CACHE_HOME: join(folder, 'cache') } });
}

interface FolderFile {
  readonly format: string;
  readonly complete: boolean;
  readonly tally: { readonly routed: number; readonly tokens: number; readonly skipped: Record<string, number> };
  readonly unseen: { readonly more: boolean; readonly unreadable: number };
  readonly layers: readonly { readonly experts: number; readonly k: number }[];
  readonly domains: readonly {
    readonly name: string;
    readonly files: number;
    readonly tokens: number;
    readonly layers: readonly { readonly tokens: number; readonly counts: readonly number[] }[];
  }[];
  readonly files: readonly string[];
  readonly sections: readonly { readonly id: string; readonly verdict?: string; readonly lacking?: string }[];
}

describe('moescope folder', () => {
  it('counts slots by language, and tells code from prose', async () => {
    const out = join(folder, 'out.json');
    const { code, stdout, stderr } = await moescope([texts, '--json', out, '--exclude', '.gitignore']);
    expect([code, stderr]).toEqual([0, '']);
    const made = JSON.parse(readFileSync(out, 'utf8')) as FolderFile;
    expect(made).toMatchObject({ format: 'moescope-folder', version: 1, complete: true, tally: { routed: 12 } });
    expect(made.tally.skipped).toMatchObject({ binary: 1 });
    expect(made.unseen).toEqual({ more: false, unreadable: 0 });
    expect(made.domains.map(({ name, files }) => [name, files]).sort()).toEqual([
      ['markdown', 6],
      ['python', 6],
    ]);
    for (const { tokens, layers } of made.domains) {
      for (const [i, layer] of layers.entries()) {
        expect(layer.tokens).toBe(tokens);
        expect(layer.counts.reduce((a, b) => a + b)).toBe(tokens * made.layers[i]!.k);
      }
    }
    expect(made.tally.tokens).toBe(made.domains.reduce((sum, { tokens }) => sum + tokens, 0));
    expect(stdout).toContain('Skipped: 1 not UTF-8 text.');
    expect(stdout).toMatch(/E\d+ of L\d is chosen for .* of the tokens of (markdown|python)/);
    expect(stdout).not.toContain('NaN');

    // The same once more is there already.
    const again = '12 of them in an earlier run.';
    expect((await moescope([texts, '--exclude', '.gitignore'])).stdout).toContain(again);
    // A run over a part of it leaves that alone.
    expect((await moescope([texts, '--include', '*.py'])).stdout).toContain('6 files routed');
    expect((await moescope([texts, '--exclude', '*.py'])).stdout).toContain('7 files routed');
    expect((await moescope([texts, '--exclude', '.gitignore'])).stdout).toContain(again);
  });

  it('leaves out folders of a name wherever they stand', async () => {
    const nested = join(folder, 'nested');
    for (const path of ['build', 'src/build']) {
      mkdirSync(join(nested, path), { recursive: true });
      writeFileSync(join(nested, path, 'made.md'), 'Made by a machine.');
    }
    writeFileSync(join(nested, 'src/a.md'), 'Written by hand.');
    const { stdout } = await moescope([nested, '--exclude', 'build/', '--json', '-']);
    expect((JSON.parse(stdout) as FolderFile).files).toEqual(['src/a.md']);
  });

  it('says nothing where files are few', async () => {
    const { stdout } = await moescope([texts, '--max-files', '2', '--include', '*.{py,md}', '--json', '-']);
    const { sections, tally } = JSON.parse(stdout) as FolderFile;
    expect(tally.routed).toBe(2);
    const { verdict, lacking } = sections.find(({ id }) => id === 'specialisation')!;
    expect(verdict).toMatch(/too little/);
    expect(lacking).toMatch(/markdown/);
    expect(lacking).toMatch(/5 files and 1,000 tokens/);
  });

  it('says that it writes no page where no file is routed', async () => {
    const [empty, page] = [join(folder, 'empty'), join(folder, 'empty.html')];
    mkdirSync(empty);
    writeFileSync(join(empty, 'a.md'), ' ');
    const { stdout, stderr } = await moescope([empty, '--html', page]);
    expect(stdout).toContain('0 files routed');
    expect(stderr).toContain(`${page} is not written`);
  });

  it.each([
    [['nowhere'], 'There is no folder nowhere.'],
    [[], 'Which DIR?'],
    [['texts', 'more'], 'One DIR at a time.'],
    [['texts/0.py'], 'texts/0.py is not a folder'],
    [['texts', '--group', 'size'], '--group takes language, folder or GLOB=NAME'],
    [['texts', '--include', '*.cobol'], 'is left to route: what is ignored is left out'],
    [['texts', '--group', 'texts/**=all'], 'matches a GLOB of --group'],
    [['texts', '--max-files', '0'], '--max-files takes a whole number from 1 on'],
  ])('%j: %s', async (args, message) => {
    const { code, stderr } = await moescope(args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});
