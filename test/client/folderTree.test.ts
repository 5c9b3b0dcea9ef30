import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskTree, outerRules, walk, type FolderTree, type WalkOptions } from '../../extension/client/folderTree.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'moescope-tree-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function write(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

async function paths(options: Partial<WalkOptions> = {}, at = folder): Promise<readonly string[]> {
  const all = { include: [], exclude: [], outer: [], ...options };
  return (await walk(new DiskTree(at), all, new AbortController().signal)).paths;
}

describe('the walk of a folder', () => {
  it('leaves out what .gitignore names, as git does', async () => {
    write({
      '.gitignore': '*.log\n/build/\n!keep.log\nnested/*.tmp\n',
      'a.ts': '',
      'a.log': '',
      'keep.log': '',
      'build/out.js': '',
      'sub/build/in.ts': '',
      'sub/b.log': '',
      // Rules further in go before those further out.
      'sub/.gitignore': '!b.log\nsecret.ts\n',
      'sub/secret.ts': '',
      'secret.ts': '',
      'nested/x.tmp': '',
      '.git/config': '',
    });
    // What `git ls-files --others --exclude-standard` lists.
    expect(await paths()).toEqual([
      '.gitignore',
      'a.ts',
      'keep.log',
      'secret.ts',
      'sub/.gitignore',
      'sub/b.log',
      'sub/build/in.ts',
    ]);
  });

  it('tells small letters from capital ones where git does', async () => {
    write({ '.gitignore': 'TAGS\n/Build/\n', 'in/.gitignore': '*.LOG\n', 'build/a.ts': '', 'in/a.log': '', tags: '' });
    write({ '.git/info/exclude': '*.TS\n', 'in/a.ts': '' });
    // `git ls-files --others --exclude-standard`; git on other systems takes them for the same.
    const told = process.platform === 'linux';
    expect(await paths()).toEqual([
      '.gitignore',
      ...(told ? ['build/a.ts'] : []),
      'in/.gitignore',
      ...(told ? ['in/a.log', 'in/a.ts', 'tags'] : ['in/a.ts']),
    ]);
    expect(await paths({ outer: await outerRules(join(folder, 'in')) }, join(folder, 'in'))).toEqual(
      told ? ['.gitignore', 'a.log', 'a.ts'] : ['.gitignore'],
    );
  });

  it('knows the rules of the repository that the folder lies in', async () => {
    write({
      '.git/info/exclude': 'private.ts\n',
      '.gitignore': 'pkg/out/\n*.gen.ts\n',
      'pkg/.gitignore': '!ok.gen.ts\n',
      'pkg/src/a.ts': '',
      'pkg/src/a.gen.ts': '',
      'pkg/src/ok.gen.ts': '',
      'pkg/src/private.ts': '',
    });
    const inner = join(folder, 'pkg/src');
    expect(await paths({ outer: await outerRules(inner) }, inner)).toEqual(['a.ts', 'ok.gen.ts']);
    const root = await outerRules(folder);
    expect(await paths({ outer: root })).not.toContain('pkg/src/private.ts');
  });

  it('has no rules from above where there is no repository', async () => {
    write({ '.gitignore': '*', 'in/a.ts': '' });
    expect(await outerRules(join(folder, 'in'))).toEqual([]);
  });

  it('takes globs to include and to exclude, with siblings as VS Code has them', async () => {
    write({ 'a.ts': '', 'a.js': '', 'b.js': '', 'x/c.ts': '', 'node_modules/d.ts': '' });
    const exclude = [{ glob: '**/*.js', when: '$(basename).ts' }, { glob: '**/node_modules' }];
    expect(await paths({ exclude })).toEqual(['a.ts', 'b.js', 'x/c.ts']);
    expect(await paths({ exclude, include: ['*.ts'] })).toEqual(['a.ts', 'x/c.ts']);
  });

  it('takes only what was chosen, and globs from where they are meant', async () => {
    write({ 'a/x.ts': '', 'a/b/y.ts': '', 'a/c.ts': '', 'ab/z.ts': '', 'd.ts': '' });
    expect(await paths({ within: ['a/b', 'd.ts'] })).toEqual(['a/b/y.ts', 'd.ts']);
    expect(await paths({ within: ['a'] })).toEqual(['a/b/y.ts', 'a/c.ts', 'a/x.ts']);
    // The folder is `lib/a` of what the glob is relative to.
    const exclude = [{ glob: 'lib/a/b' }];
    expect(await paths({ exclude, prefix: 'lib/a' }, join(folder, 'a'))).toEqual(['c.ts', 'x.ts']);
    expect(await paths({ exclude }, join(folder, 'a'))).toContain('b/y.ts');
  });

  it('has no list when it is stopped: a part would pass for all', async () => {
    write({ 'a.ts': '', 'b/c.ts': '' });
    const disk = new DiskTree(folder);
    const stop = new AbortController();
    const tree: FolderTree = {
      list: (path) => {
        if (path === 'b') stop.abort();
        return disk.list(path);
      },
      stat: (path) => disk.stat(path),
      read: (path, most) => disk.read(path, most),
    };
    const found = walk(tree, { include: [], exclude: [], outer: [] }, stop.signal);
    await expect(found).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('does not follow links, which may lead round in circles', async () => {
    write({ 'a/b.ts': '' });
    symlinkSync(folder, join(folder, 'a/loop'), 'junction');
    expect(await paths()).toEqual(['a/b.ts']);
  });
});

describe('a file on disk', () => {
  it('is read as far as is wanted', async () => {
    write({ 'a.txt': 'abcdef' });
    const tree = new DiskTree(folder);
    expect(Buffer.from(await tree.read('a.txt', 4)).toString()).toBe('abcd');
    expect(Buffer.from(await tree.read('a.txt', 99)).toString()).toBe('abcdef');
    await expect(tree.read('none.txt', 4)).rejects.toThrow();
  });
});
