import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { filesOf } from '../../extension/analysis/folder/domains.ts';
import { folderAccount, folderSentences } from '../../extension/analysis/folder/sentences.ts';
import { FileJournal, type FolderJournal } from '../../extension/client/folderJournal.ts';
import {
  inTurn,
  Pause,
  runFolder,
  type FolderOutcome,
  type FolderProgress,
  type FolderRun,
} from '../../extension/client/folderRun.ts';
import { DiskTree, walk, type FolderTree } from '../../extension/client/folderTree.ts';
import type { TextRouter } from '../../extension/client/textRouter.ts';
import { cancelled, isUserError, UserError } from '../../extension/protocol/errors.ts';
import type { ModelInfo, RoutingTrace } from '../../extension/protocol/trace.ts';
import { folderTrace } from '../support/folderTrace.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'moescope-run-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Routes each character to the expert of its code, of 4, and keeps what it was given. */
class LetterRouter implements TextRouter {
  readonly texts: string[] = [];
  fail: (text: string) => Error | undefined = () => undefined;
  /** How it runs. */
  model: Partial<ModelInfo> = {};

  identity(): Promise<string> {
    return Promise.resolve('letters');
  }

  route(text: string): Promise<RoutingTrace> {
    this.texts.push(text);
    const error = this.fail(text);
    if (error) return Promise.reject(error);
    const chosen = Array.from(text).map((letter) => [letter.charCodeAt(0) % 4]);
    const { origin, ...trace } = folderTrace({ text, layers: [{ experts: 4, k: 1, chosen }] });
    return Promise.resolve({ ...trace, origin: { ...origin, model: { ...origin.model, ...this.model } } });
  }
}

/** A run that is paused once it has begun a text. */
function pausedAfter(first: string): { readonly pause: Pause; readonly router: LetterRouter } {
  const pause = new Pause();
  const router = new LetterRouter();
  router.fail = (text) => {
    if (text === first) pause.toggle();
    return undefined;
  };
  return { pause, router };
}

function write(files: Record<string, string | Uint8Array>): void {
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
}

const KEY = 'ab12';
const journalFolder = (): string => join(folder, '.journals');

function run(router: TextRouter, names: readonly string[], more: Partial<FolderRun> = {}): Promise<FolderOutcome> {
  return runFolder({
    files: names.map((path) => ({ path, domain: path.slice(path.indexOf('.') + 1) })),
    tree: new DiskTree(folder),
    router,
    identity: 'letters',
    limits: { files: 100, characters: 10 },
    journal: new FileJournal(journalFolder(), KEY),
    progress: () => undefined,
    signal: new AbortController().signal,
    ...more,
  });
}

/** What users are told of a run. */
function said(outcome: FolderOutcome): string {
  return folderSentences(folderAccount({ files: 100, characters: 10 }, { more: false, unreadable: 0 }, outcome)).join(
    ' ',
  );
}

describe('a run over a folder', () => {
  it('routes text, and counts what is none', async () => {
    write({
      'a.ts': '\ufeffabcd',
      'b.md': 'x'.repeat(25),
      'empty.md': ' \n',
      'binary.md': Uint8Array.of(80, 0, 3),
      'latin1.md': Uint8Array.of(0x61, 0xe9, 0x62),
      // A character of three bytes at the place where reading ends, and a pair of surrogates at the limit.
      'pair.md': `123456789😀${'€'.repeat(9_000)}`,
    });
    const router = new LetterRouter();
    const { routing, tally, ended } = await run(router, [
      'a.ts',
      'b.md',
      'empty.md',
      'binary.md',
      'latin1.md',
      'pair.md',
      'gone.md',
    ]);
    expect(ended).toBeUndefined();
    expect(router.texts).toEqual(['abcd', 'xxxxxxxxxx', '123456789']);
    expect(tally).toEqual({
      routed: 3,
      cut: 2,
      skipped: { unreadable: 1, binary: 2, large: 0, empty: 1, failed: 0 },
      failures: [],
      left: 0,
      tokens: 23,
    });
    expect(routing!.files).toEqual(['a.ts', 'b.md', 'pair.md']);
    expect(routing!.domains.map((domain) => [domain.name, filesOf(domain)])).toEqual([
      ['ts', 1],
      ['md', 2],
    ]);
  });

  it('comes to the same with several texts at once, whichever is done first', async () => {
    const names = ['a.ts', 'b.md', 'none.md', 'c.ts', 'd.md', 'e.ts'];
    write({ 'a.ts': 'abcd', 'b.md': 'xyz', 'c.ts': 'ace', 'd.md': 'bdf', 'e.ts': 'zz', 'none.md': '' });
    const one = await run(new LetterRouter(), names);
    rmSync(journalFolder(), { recursive: true });
    let under = 0;
    let most = 0;
    const letters = new LetterRouter();
    const slow: TextRouter = {
      identity: () => letters.identity(),
      route: async (text) => {
        most = Math.max(most, ++under);
        // The earlier the text, the longer it takes.
        await new Promise((resolve) => setTimeout(resolve, 20 - 3 * letters.texts.length));
        under -= 1;
        return letters.route(text);
      },
    };
    const many = await run(slow, names, { ahead: 3 });
    expect(most).toBe(3);
    expect(many).toEqual(one);
  });

  it('leaves no text with the router when it ends early', async () => {
    write({ 'a.ts': 'a', 'b.ts': 'b', 'c.ts': 'c' });
    const signals: AbortSignal[] = [];
    const dying: TextRouter = {
      identity: () => Promise.resolve('dying'),
      route: async (text, signal) => {
        signals.push(signal);
        if (text !== 'a') return new Promise(() => undefined);
        await expect.poll(() => signals).toHaveLength(3);
        throw new UserError('server-unreachable', 'It is gone.');
      },
    };
    const { ended } = await run(dying, ['a.ts', 'b.ts', 'c.ts'], { ahead: 3 });
    expect(ended).toMatchObject({ code: 'server-unreachable' });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
  });

  it('stops at the limit of files, skipped ones not counted', async () => {
    write({ 'a.ts': 'a', 'b.ts': '', 'c.ts': 'c', 'd.ts': 'd' });
    const { tally } = await run(new LetterRouter(), ['a.ts', 'b.ts', 'c.ts', 'd.ts'], {
      limits: { files: 2, characters: 10 },
    });
    expect(tally).toMatchObject({ routed: 2, left: 1 });
  });

  it('keeps what is done when it is stopped, and goes on from there', async () => {
    write({ 'a.ts': 'a', 'b.ts': 'bb', 'c.ts': 'ccc' });
    const stop = new AbortController();
    const router = new LetterRouter();
    router.fail = (text) => {
      if (text !== 'bb') return undefined;
      stop.abort();
      return cancelled();
    };
    const names = ['a.ts', 'b.ts', 'c.ts'];
    const first = await run(router, names, { signal: stop.signal });
    expect(isUserError(first.ended) && first.ended.code).toBe('cancelled');
    expect(first.tally).toMatchObject({ routed: 1, left: 2, tokens: 1 });

    const again = new LetterRouter();
    const second = await run(again, names);
    expect(again.texts).toEqual(['bb', 'ccc']);
    expect(second).toMatchObject({ resumed: 1, tally: { routed: 3, left: 0, tokens: 6 } });
    expect([...second.routing!.domains[0]!.blocks[0]!.counts]).toEqual([0, 1, 0, 0]);

    const third = new LetterRouter();
    expect(await run(third, names)).toMatchObject({ resumed: 3, tally: { routed: 3 } });
    expect(third.texts).toEqual([]);
  });

  it('goes on when the limit is raised, and leaves that alone when it is lowered', async () => {
    write({ 'a.ts': 'a', 'b.ts': 'bb', 'c.ts': 'ccc' });
    const limited = (files: number): Promise<FolderOutcome> =>
      run(new LetterRouter(), ['a.ts', 'b.ts', 'c.ts'], { limits: { files, characters: 10 } });
    expect(await limited(1)).toMatchObject({ resumed: 0, tally: { routed: 1 } });
    expect(await limited(3)).toMatchObject({ resumed: 1, tally: { routed: 3 } });
    const lowered = await limited(2);
    expect(lowered).toMatchObject({ resumed: 0, tally: { routed: 2, left: 1 } });
    expect(said(lowered)).toContain(
      'The results of an earlier run with a higher limit are kept, so this run is not stored',
    );
    const stop = new AbortController();
    const router = new LetterRouter();
    router.fail = (text) => {
      if (text === 'a') stop.abort();
      return undefined;
    };
    const limits = { files: 2, characters: 10 };
    const stopped = await run(router, ['a.ts', 'b.ts', 'c.ts'], { limits, signal: stop.signal });
    expect(stopped).toMatchObject({ ended: { code: 'cancelled' }, tally: { routed: 1 } });
    expect(said(stopped)).not.toContain('goes on from here');
    expect(await limited(3)).toMatchObject({ resumed: 3 });
  });

  it('takes the place of an earlier one with a higher limit that cannot be gone on with any more', async () => {
    write({ 'a.ts': 'a', 'b.ts': 'bb', 'c.ts': 'ccc' });
    const names = ['a.ts', 'b.ts', 'c.ts'];
    await run(new LetterRouter(), names);
    utimesSync(join(folder, 'c.ts'), 1, 1);
    const limits = { files: 2, characters: 10 };
    const lowered = await run(new LetterRouter(), names, { limits });
    expect(lowered).toMatchObject({ resumed: 0, tally: { routed: 2, left: 1 } });
    expect(said(lowered)).toContain('An earlier run was not continued, because c.ts has changed since.');
    expect(said(lowered)).not.toContain('is not stored');
    expect(await run(new LetterRouter(), names, { limits })).toMatchObject({ resumed: 2 });
  });

  it('begins anew when a file that is done has changed, or is gone', async () => {
    write({ 'a.ts': 'a', 'b.ts': 'bb' });
    await run(new LetterRouter(), ['a.ts', 'b.ts']);
    utimesSync(join(folder, 'a.ts'), 1, 1);
    const changed = new LetterRouter();
    const outcome = await run(changed, ['a.ts', 'b.ts']);
    expect(outcome.resumed).toBe(0);
    expect(changed.texts).toEqual(['a', 'bb']);
    expect(said(outcome)).toContain('An earlier run was not continued, because a.ts has changed since.');
    const gone = await run(new LetterRouter(), ['b.ts']);
    expect(gone).toMatchObject({ resumed: 0, tally: { routed: 1 } });
    expect(said(gone)).toContain('An earlier run was not continued, because a.ts is no longer among the files.');
  });

  it('goes on where files that it skipped are others by now, or gone', async () => {
    write({ 'a.ts': 'a', 'b.ts': '', 'c.db': Uint8Array.of(0), 'd.ts': '', 'e.ts': 'e' });
    await run(new LetterRouter(), ['a.ts', 'b.ts', 'c.db', 'd.ts', 'e.ts']);
    write({ 'b.ts': 'bb', 'c.db': Uint8Array.of(0, 0) });
    const router = new LetterRouter();
    const outcome = await run(router, ['a.ts', 'b.ts', 'c.db', 'e.ts']);
    expect(router.texts).toEqual(['bb']);
    expect(outcome).toMatchObject({ resumed: 2, tally: { routed: 3, left: 0, tokens: 4 } });
    expect(outcome.tally.skipped).toMatchObject({ binary: 1, empty: 0 });
    expect(said(outcome)).not.toContain('An earlier run was not continued');
  });

  it('leaves alone what an earlier run came to when it is stopped before it has routed anything', async () => {
    write({ 'a.ts': 'a', 'b.ts': 'bb', 'c.ts': 'ccc' });
    const names = ['a.ts', 'b.ts', 'c.ts'];
    await run(new LetterRouter(), names);
    // Only a part of the files had been found by then.
    expect(await run(new LetterRouter(), ['a.ts'], { signal: AbortSignal.abort() })).toMatchObject({
      ended: { code: 'cancelled' },
      tally: { routed: 0 },
    });
    const pause = new Pause();
    pause.toggle();
    const stop = new AbortController();
    const waiting = (): void => {
      stop.abort();
    };
    await run(new LetterRouter(), ['a.ts'], { pause, waiting, signal: stop.signal });
    expect(await run(new LetterRouter(), names)).toMatchObject({ resumed: 3 });
  });

  it('begins anew when a file that is done belongs to another domain by now', async () => {
    write({ 'a.ts': 'a', 'b.ts': 'bb', 'c.ts': 'c' });
    const files = (names: string[], domain: string): Partial<FolderRun> => ({
      files: names.map((path) => ({ path, domain })),
    });
    await run(new LetterRouter(), [], files(['a.ts', 'b.ts'], 'client'));
    // A file further out came: all of them are told apart by another folder.
    const outcome = await run(new LetterRouter(), [], files(['a.ts', 'b.ts', 'c.ts'], 'src'));
    expect(outcome.resumed).toBe(0);
    expect(said(outcome)).toContain(
      'An earlier run was not continued, because a.ts now counts as another kind of text.',
    );
    expect(outcome.routing!.domains.map((domain) => [domain.name, filesOf(domain)])).toEqual([['src', 3]]);
  });

  it('does not believe a journal that is damaged, or of another key', async () => {
    write({ 'a.ts': 'a' });
    await run(new LetterRouter(), ['a.ts']);
    const path = join(journalFolder(), readdirSync(journalFolder())[0]!);
    const bytes = readFileSync(path);
    const other = new FileJournal(journalFolder(), 'cd34');
    writeFileSync(join(journalFolder(), 'cd34.folder'), bytes);
    expect(await other.read()).toBeUndefined();
    for (const at of [0, 40, bytes.length - 1]) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 1;
      writeFileSync(path, damaged);
      expect(await run(new LetterRouter(), ['a.ts'])).toMatchObject({ resumed: 0, tally: { routed: 1 } });
    }
    writeFileSync(path, bytes.subarray(0, 20));
    expect(await run(new LetterRouter(), ['a.ts'])).toMatchObject({ resumed: 0 });
  });

  it('goes past a file on which the model fails, but not past three on end', async () => {
    const names = Array.from({ length: 9 }, (_, i) => `${i}.ts`);
    write(Object.fromEntries(names.map((name, i) => [name, String(i)])));
    const router = new LetterRouter();
    router.fail = (text) =>
      ['1', '3', '4', '6', '7', '8'].includes(text) ? new UserError('engine-gone', 'It ended.') : undefined;
    const { tally, ended, routing } = await run(router, names);
    expect(ended).toMatchObject({ code: 'engine-gone' });
    expect(routing!.files).toEqual(['0.ts', '2.ts', '5.ts']);
    // The last three were not at fault.
    expect(tally.skipped.failed).toBe(3);
    router.fail = () => undefined;
    const all = [0, 2, 5, 6, 7, 8, 1, 3, 4].map((n) => `${n}.ts`);
    expect((await run(router, names)).routing!.files).toEqual(all);
  });

  it('tries again what failed or could not be read in an earlier run, after all else', async () => {
    const names = Array.from({ length: 9 }, (_, i) => `${i}.ts`);
    write(Object.fromEntries(names.slice(0, 7).map((name, i) => [name, String(i)])));
    const disk = new DiskTree(folder);
    const locked: FolderTree = {
      list: (path) => disk.list(path),
      stat: (path) => disk.stat(path),
      read: (path, most) => (path === '6.ts' ? Promise.reject(new Error('EACCES')) : disk.read(path, most)),
    };
    const router = new LetterRouter();
    router.fail = (text) => (['1', '3', '5'].includes(text) ? new UserError('out-of-memory', 'No memory.') : undefined);
    const first = await run(router, names.slice(0, 7), { tree: locked });
    expect(first.tally).toMatchObject({ routed: 3, skipped: { failed: 3, unreadable: 1 }, left: 0 });

    // They fail once more: that says nothing of the model, which others do not fail on.
    write({ '7.ts': '7', '8.ts': '8' });
    router.texts.length = 0;
    const second = await run(router, names);
    expect(router.texts).toEqual(['7', '8', '1', '3', '5', '6']);
    expect(second.ended).toBeUndefined();
    expect(second.tally).toMatchObject({ routed: 6, skipped: { failed: 3, unreadable: 0 }, left: 0 });

    router.fail = () => undefined;
    const third = await run(router, names);
    expect(third).toMatchObject({ resumed: 6, tally: { routed: 9, skipped: { failed: 0 }, failures: [] } });
  });

  it('keeps what failed among what failed where the limit or a stop leaves it untried', async () => {
    const names = Array.from({ length: 8 }, (_, i) => `${i}.ts`);
    write(Object.fromEntries(names.map((name, i) => [name, String(i)])));
    const router = new LetterRouter();
    router.fail = (text) => (text === '1' || text === '3' ? new UserError('out-of-memory', 'No memory.') : undefined);
    const limited = (files: number, more: Partial<FolderRun> = {}): Promise<FolderOutcome> =>
      run(router, names, { limits: { files, characters: 10 }, ...more });
    const failed = { skipped: { failed: 2 }, failures: [{ path: '1.ts' }, { path: '3.ts' }] };
    expect((await limited(5)).tally).toMatchObject({ routed: 5, ...failed, left: 1 });
    expect((await limited(5)).tally).toMatchObject({ routed: 5, ...failed, left: 1 });

    const stop = new AbortController();
    const stopping: TextRouter = {
      identity: () => router.identity(),
      route: (text) => {
        if (text === '1') stop.abort();
        return router.route(text);
      },
    };
    const stopped = await limited(8, { router: stopping, signal: stop.signal });
    expect(stopped).toMatchObject({ ended: { code: 'cancelled' }, tally: { routed: 6, ...failed, left: 0 } });
    expect((await limited(6)).tally).toMatchObject({ routed: 6, ...failed, left: 0 });

    router.fail = () => undefined;
    expect((await limited(7)).tally).toMatchObject({ routed: 7, failures: [{ path: '3.ts' }], left: 0 });
    expect((await limited(7)).tally).toMatchObject({ routed: 7, failures: [{ path: '3.ts' }], left: 0 });
    expect(await limited(8)).toMatchObject({ resumed: 7, tally: { routed: 8, failures: [], left: 0 } });
  });

  it('goes past a file that a server refuses, but not on with one that has refused the first', async () => {
    write({ 'a.ts': 'a', 'b.ts': 'b', 'c.ts': 'c' });
    const router = new LetterRouter();
    router.fail = (text) => (text === 'b' ? new UserError('server-unfit', 'It refuses the text.') : undefined);
    const { tally, routing } = await run(router, ['a.ts', 'b.ts', 'c.ts']);
    expect([routing!.files, tally.skipped.failed]).toEqual([['a.ts', 'c.ts'], 1]);
    const other = await run(router, ['b.ts', 'c.ts']);
    expect(other).toMatchObject({ ended: { code: 'server-unfit' }, tally: { routed: 0, skipped: { failed: 0 } } });
  });

  it('leaves out a file whose experts are physical ids, the first one too, and says which and why', async () => {
    write({ 'a.ts': 'a', 'b.ts': 'b', 'c.ts': 'c' });
    const letters = new LetterRouter();
    const balanced: TextRouter = {
      identity: () => letters.identity(),
      route: async (text) => {
        if (text === 'b') return letters.route(text);
        const trace = folderTrace({ text, layers: [{ experts: 6, k: 1, chosen: [[5]] }] });
        return { ...trace, origin: { ...trace.origin, model: { ...trace.origin.model, physicalIds: true } } };
      },
    };
    const { routing, tally, ended } = await run(balanced, ['a.ts', 'b.ts', 'c.ts']);
    expect([ended, routing!.files, tally.skipped.failed]).toEqual([undefined, ['b.ts'], 2]);
    const why = expect.stringMatching(/^Its experts are physical ids .*EPLB.*\.$/) as string;
    expect(tally.failures).toEqual([
      { path: 'a.ts', why },
      { path: 'c.ts', why },
    ]);
  });

  it('ends when the model is another one by then: its routing is not added to that of the first, nor stored', async () => {
    write({ 'a.ts': 'a', 'b.ts': 'bb', 'c.ts': 'ccc' });
    const names = ['a.ts', 'b.ts', 'c.ts'];
    const letters = new LetterRouter();
    let version = 'letters';
    letters.fail = (text) => {
      if (text === 'bb') version = 'the next checkpoint';
      return undefined;
    };
    const trained: TextRouter = {
      identity: () => Promise.resolve(version),
      route: (text) => letters.route(text),
    };
    const outcome = await run(trained, names);
    expect(outcome).toMatchObject({ ended: { code: 'model-changed' }, tally: { routed: 1, left: 2, tokens: 1 } });
    expect(outcome.routing!.files).toEqual(['a.ts']);
    expect(said(outcome)).toContain('Stopped early: 2 files more; the figures are of those that were routed.');
    expect(said(outcome)).not.toContain('goes on from here');
    // Where the first one is back, a run goes on with it.
    expect(await run(new LetterRouter(), names)).toMatchObject({ resumed: 1, tally: { routed: 3 } });
  });

  it('ends when a server routes with a model of another name by then', async () => {
    write({ 'a.ts': 'a', 'b.ts': 'bb', 'c.ts': 'ccc' });
    const letters = new LetterRouter();
    const served: TextRouter = {
      identity: () => letters.identity(),
      route: async (text) => {
        const trace = await letters.route(text);
        const { model } = trace.origin;
        return text === 'bb' ? { ...trace, origin: { ...trace.origin, model: { ...model, name: 'other' } } } : trace;
      },
    };
    const names = ['a.ts', 'b.ts', 'c.ts'];
    const outcome = await run(served, names);
    expect(outcome).toMatchObject({ ended: { code: 'model-changed' }, tally: { routed: 1, left: 2, tokens: 1 } });
    expect(outcome.ended!.message).toMatch(/"other" .*"m"/);
    expect(outcome.routing!.files).toEqual(['a.ts']);
  });

  it.each([
    ['precision', { precision: 'int8' }, 'now runs in int8 on cpu instead of float32 on cpu'],
    ['provider', { provider: 'webgpu' }, 'now runs in float32 on webgpu instead of float32 on cpu'],
  ])(
    'ends when the model runs in another %s by then, and goes on when the first is back',
    async (_, model, sentence) => {
      write({ 'a.ts': 'a', 'b.ts': 'bb', 'c.ts': 'ccc' });
      const names = ['a.ts', 'b.ts', 'c.ts'];
      const router = new LetterRouter();
      router.fail = (text) => {
        if (text === 'bb') router.model = model;
        return undefined;
      };
      const ended = { code: 'model-changed', message: expect.stringContaining(sentence) as string };
      const first = await run(router, names);
      expect(first).toMatchObject({ ended, resumed: 0, tally: { routed: 1, left: 2 } });
      // What another run would go on from is of the first, too.
      expect(await run(router, names)).toMatchObject({ ended, resumed: 1, tally: { routed: 1, left: 2 } });
      const { routing } = await run(new LetterRouter(), names);
      expect(routing).toMatchObject({ files: names, model: { name: 'm', precision: 'float32', provider: 'cpu' } });
    },
  );

  it('takes several servers of a model for one, wherever they are', async () => {
    write({ 'a.ts': 'a', 'b.ts': 'bb' });
    const router = new LetterRouter();
    router.fail = (text) => {
      router.model = { weightless: true, precision: `SGLang 0.${text.length}`, provider: `host:${text.length}` };
      return undefined;
    };
    const { ended, routing } = await run(router, ['a.ts', 'b.ts']);
    expect([ended, routing!.files]).toEqual([undefined, ['a.ts', 'b.ts']]);
  });

  it('ends at once where the model itself is at fault', async () => {
    write({ 'a.ts': 'a', 'b.ts': 'b' });
    const router = new LetterRouter();
    router.fail = () => new UserError('weights-missing', 'No weights.');
    const { ended, routing } = await run(router, ['a.ts', 'b.ts']);
    expect(ended).toMatchObject({ code: 'weights-missing' });
    expect(routing).toBeUndefined();
    expect(router.texts).toEqual(['a']);
  });

  it('waits when it is paused, and says how far it is', async () => {
    write({ 'a.ts': 'a', 'b.ts': 'b' });
    const pause = new Pause();
    pause.toggle();
    const seen: FolderProgress[] = [];
    const router = new LetterRouter();
    const waited: FolderOutcome[] = [];
    const work = run(router, ['a.ts', 'b.ts'], {
      pause,
      progress: (p) => seen.push(p),
      waiting: (outcome) => waited.push(outcome),
    });
    await expect.poll(() => waited).toHaveLength(1);
    expect(router.texts).toEqual([]);
    expect(waited).toMatchObject([{ tally: { routed: 0, left: 2 } }]);
    pause.toggle();
    expect((await work).tally.routed).toBe(2);
    expect(seen.map(({ path, files, tally }) => [path, files, tally.routed])).toEqual([
      ['a.ts', 2, 0],
      ['b.ts', 2, 1],
    ]);
  });

  it('has told at a pause what does not change as it goes on', async () => {
    write({ 'a.ts': 'a', 'b.ts': 'b' });
    const { pause, router } = pausedAfter('a');
    const waited: FolderOutcome[] = [];
    const { routing } = await run(router, ['a.ts', 'b.ts'], {
      pause,
      waiting: (outcome) => {
        waited.push(outcome);
        // The run waits from the next turn on.
        setImmediate(() => {
          pause.toggle();
        });
      },
    });
    expect(routing!.files).toEqual(['a.ts', 'b.ts']);
    expect(waited.map((outcome) => [outcome.tally.routed, outcome.routing!.files])).toEqual([[1, ['a.ts']]]);
    // Of four experts 'a' (97) goes to the one numbered 1.
    expect([...waited[0]!.routing!.domains[0]!.blocks[0]!.counts]).toEqual([0, 1, 0, 0]);
  });

  it('can be stopped while it is paused', async () => {
    write({ 'a.ts': 'a' });
    const pause = new Pause();
    pause.toggle();
    const stop = new AbortController();
    const waiting = (): void => {
      setImmediate(() => {
        stop.abort();
      });
    };
    const { ended } = await run(new LetterRouter(), ['a.ts'], { pause, waiting, signal: stop.signal });
    expect(ended).toMatchObject({ code: 'cancelled' });
  });

  it('has its result where it cannot be stored', async () => {
    write({ 'a.ts': 'a', blocked: '' });
    const journal = new FileJournal(join(folder, 'blocked'), KEY);
    const { tally, ended, unsaved } = await run(new LetterRouter(), ['a.ts'], { journal });
    expect(tally.routed).toBe(1);
    expect(ended).toBeUndefined();
    expect(unsaved).toMatchObject({ code: 'EEXIST' });
  });
});

describe('what is told of a folder', () => {
  /** Of folders with so many files each; others cannot be read. */
  const treeOf = (folders: Record<string, number | undefined>): FolderTree => ({
    list: (path) => {
      if (path === '') return Promise.resolve(Object.keys(folders).map((name) => ({ name, kind: 'folder' })));
      const many = folders[path];
      if (many === undefined) return Promise.reject(new Error('EACCES'));
      return Promise.resolve(Array.from({ length: many }, (_, i) => ({ name: `${i}.ts`, kind: 'file' })));
    },
    stat: () => Promise.resolve({ bytes: 1, modified: 1 }),
    read: () => Promise.resolve(Uint8Array.of(97)),
  });
  const toldOf = async (tree: FolderTree): Promise<string> => {
    const none = new AbortController().signal;
    const { paths, ...unseen } = await walk(tree, { include: [], exclude: [], outer: [] }, none);
    const limits = { files: 2, characters: 10 };
    const files = paths.map((path) => ({ path, domain: path.slice(0, path.indexOf('/')) }));
    const journal = { read: () => Promise.resolve(undefined), write: () => Promise.resolve() };
    const outcome = await run(new LetterRouter(), [], { tree, files, limits, journal });
    return folderSentences(folderAccount(limits, unseen, outcome)).join(' ');
  };

  it('has the folders that could not be read', async () => {
    expect(await toldOf(treeOf({ a: 2, b: undefined }))).toBe(
      '2 files routed, 2 tokens. 1 folder could not be read; its contents are left out.',
    );
    expect(await toldOf(treeOf({ a: 3, b: undefined, c: undefined }))).toBe(
      '2 files routed, 2 tokens. 1 file more than the limit of 2: what was routed is a sample of each kind of text. ' +
        '2 folders could not be read; their contents are left out.',
    );
  });

  it('has the files that are too many to be looked at, of which what was routed is no sample', async () => {
    expect(await toldOf(treeOf({ a: 100_000, z: 1 }))).toBe(
      '2 files routed, 2 tokens. 99,998 files more than the limit of 2. There are more than 100,000 files. Only the first ' +
        '100,000 by name were looked at; the others may be of other kinds of text.',
    );
    expect(await toldOf(treeOf({ a: 99_999, z: 1 }))).toBe(
      '2 files routed, 2 tokens. 99,998 files more than the limit of 2: what was routed is a sample of each kind of text.',
    );
  });
});

describe('journals', () => {
  it('are told of as they were written last', async () => {
    write({ 'a.ts': 'a', 'b.ts': 'b' });
    const file = new FileJournal(journalFolder(), KEY);
    let writes = 0;
    const full: FolderJournal = {
      read: () => file.read(),
      write: (state) => (writes++ === 0 ? Promise.reject(new Error('ENOSPC')) : file.write(state)),
    };
    const { pause, router } = pausedAfter('a');
    const waited: FolderOutcome[] = [];
    const waiting = (outcome: FolderOutcome): void => {
      waited.push(outcome);
      setImmediate(() => {
        pause.toggle();
      });
    };
    const outcome = await run(router, ['a.ts', 'b.ts'], { journal: full, pause, waiting });
    expect(said(waited[0]!)).toContain('could not be stored');
    expect(said(outcome)).not.toContain('could not be stored');
    expect(await run(router, ['a.ts', 'b.ts'])).toMatchObject({ resumed: 2 });
  });

  it('leave nothing where they cannot be written', async () => {
    write({ 'a.ts': 'a' });
    const taken = `${KEY}.folder`;
    mkdirSync(join(journalFolder(), taken), { recursive: true });
    const { unsaved } = await run(new LetterRouter(), ['a.ts'], { journal: new FileJournal(journalFolder(), KEY) });
    expect(unsaved).toBeDefined();
    expect(readdirSync(journalFolder())).toEqual([taken]);
  });

  it('are kept eight at most', async () => {
    write({ 'a.ts': 'a' });
    for (let i = 0; i < 10; i++) {
      await run(new LetterRouter(), ['a.ts'], { journal: new FileJournal(journalFolder(), `${i}`.repeat(4)) });
    }
    expect(readdirSync(journalFolder())).toHaveLength(8);
  });
});

describe('the order of files', () => {
  it('takes the kinds in turn, and in each the same order each time', () => {
    const files = ['a.ts', 'b.ts', 'c.ts', 'd.md'].map((path) => ({ path, domain: path.slice(2) }));
    const chance = (path: string): string => ({ 'a.ts': '3', 'b.ts': '1', 'c.ts': '2', 'd.md': '9' })[path]!;
    expect(inTurn(files, chance).map(({ path }) => path)).toEqual(['b.ts', 'd.md', 'c.ts', 'a.ts']);
  });
});
