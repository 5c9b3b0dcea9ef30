/** What stays in the model cache and what goes, with real engines on small checkpoints. */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createMessageConnection, IPCMessageReader, IPCMessageWriter } from 'vscode-jsonrpc/node';
import { EngineClient } from '../../extension/client/engineClient.ts';
import { clearCache, hold } from '../../extension/engine/modelCache.ts';
import { OWNER_NAME } from '../../extension/engine/owner.ts';
import { UnfinishedImport } from '../../extension/engine/unfinishedImport.ts';
import { toEngine } from '../../extension/protocol/engine.ts';
import { TestEngine } from '../support/analyze.ts';
import { FIXTURES, ROOT } from '../support/reference.ts';

/** Gigabytes that no model fits into. */
const NOTHING = 1e-9;
const never = new AbortController().signal;

let engine: TestEngine;
/** Another process on the same cache. */
let other: EngineClient;
beforeEach(() => {
  engine = new TestEngine();
  other = new EngineClient({ entry: join(ROOT, 'dist/engine.js'), log: () => undefined });
});
afterEach(() => {
  other.dispose();
  engine.dispose();
});

async function open(name: string, cacheLimit: number, client = engine.client): Promise<void> {
  const model = engine.model(join(FIXTURES, 'checkpoints', name), { cacheLimit, provider: 'cpu' });
  await client.open(model, () => undefined, never);
}

/** The id of the model that was opened last. */
async function newest(): Promise<string> {
  return (await engine.client.listCache(engine.cache))[0]!.id;
}

async function ids(): Promise<string[]> {
  return (await engine.client.listCache(engine.cache)).map(({ id }) => id);
}

/** Ends the other engine as a crash would; resolves when it is gone. */
async function endOther(): Promise<number> {
  const pid = other.pid!;
  other.dispose();
  await vi.waitFor(() => {
    expect(() => process.kill(pid, 0)).toThrow();
  });
  return pid;
}

describe('a limit', () => {
  it('removes the models that were used longest ago, until the rest fits', async () => {
    await open('mixtral', 0);
    const mixtral = await newest();
    await open('olmoe', 0);
    const olmoe = await newest();
    // Known from before: it is now the one that was used last.
    await open('mixtral', 0);
    expect(await ids()).toEqual([mixtral, olmoe]);
    const bytes = (await engine.client.listCache(engine.cache)).reduce((sum, model) => sum + model.bytes, 0);
    // One byte less than all three: the oldest is enough.
    await open('qwen3_moe', 0);
    const all = await engine.client.listCache(engine.cache);
    const qwen = all[0]!;
    await open('qwen3_moe', (bytes + qwen.bytes - 1) / 1e9);
    expect(await ids()).toEqual([qwen.id, mixtral]);
    expect(engine.log.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^The model cache was over its limit of [\d.]+ MB: [\d.]+ MB are free again\.$/),
    );
    // What was removed can be opened again.
    await open('olmoe', 0);
    expect(await newest()).toBe(olmoe);
  });

  it('keeps the model that is open, however small it is', async () => {
    await open('mixtral', NOTHING);
    await open('olmoe', NOTHING);
    const models = await engine.client.listCache(engine.cache);
    expect(models).toMatchObject([{ open: true }]);
    // A key for each set of files that has a model, and no other.
    expect(readdirSync(join(engine.cache, 'known'))).toHaveLength(1);
  });

  it('keeps what another engine has open for as long as that lives', async () => {
    await open('mixtral', 0, other);
    const mixtral = await newest();
    await open('olmoe', NOTHING);
    expect(await engine.client.listCache(engine.cache)).toMatchObject([{ open: true }, { id: mixtral, open: true }]);
    await endOther();
    await open('qwen3_moe', NOTHING);
    expect(await ids()).toEqual([await newest()]);
    expect(await ids()).not.toContain(mixtral);
  });

  it('counts a model no longer in use when its engine opens another', async () => {
    await open('mixtral', 0, other);
    const mixtral = await newest();
    await open('olmoe', 0, other);
    await open('qwen3_moe', NOTHING);
    expect(await ids()).toHaveLength(2);
    expect(await ids()).not.toContain(mixtral);
  });
});

it('lets go of a model whose cache is not there any more', async () => {
  const cache = join(engine.cache, 'lost');
  await engine.analyze(join(FIXTURES, 'checkpoints/mixtral'), 'one', { cache, provider: 'cpu' });
  // As what lies on a disk that is gone: to remove the mark fails, and not for want of it.
  renameSync(cache, `${cache}-elsewhere`);
  writeFileSync(cache, '');
  await open('olmoe', 0);
  await open('qwen3_moe', 0);
  expect(await ids()).toHaveLength(2);
});

it.skipIf(process.platform === 'win32')(
  'has an engine end whose weights are cut short, and says what that may come of',
  async () => {
    await open('mixtral', 0);
    truncateSync(join(engine.cache, await newest(), 'weights.bin'));
    const mixtral = join(FIXTURES, 'checkpoints/mixtral');
    await expect(engine.analyze(mixtral, 'one', { cacheLimit: 0, provider: 'cpu' })).rejects.toMatchObject({
      code: 'engine-gone',
      message: expect.stringContaining('A file of the model was cut short') as string,
    });
    expect((await engine.analyze(mixtral, 'one', { cacheLimit: 0, provider: 'cpu' })).routed).toBeGreaterThan(0);
  },
);

it('leaves what a living engine is writing alone, and removes what a dead one has left', async () => {
  await open('mixtral', 0, other);
  const living = join(engine.cache, `unfinished-${other.pid!}-a`);
  mkdirSync(living);
  await open('olmoe', NOTHING);
  expect(existsSync(living)).toBe(true);
  await endOther();
  await open('qwen3_moe', NOTHING);
  expect(existsSync(living)).toBe(false);
});

it('clears all but what another engine has open, and says so', async () => {
  await open('mixtral', 0, other);
  const mixtral = await newest();
  await open('olmoe', 0);
  const { bytes } = (await engine.client.listCache(engine.cache))[0]!;
  writeFileSync(join(engine.cache, 'notes.txt'), 'mine');
  expect(await engine.client.clearCache(engine.cache)).toEqual({ freed: bytes, kept: 1 });
  expect(await ids()).toEqual([mixtral]);
  // The other one still knows its model.
  expect(readdirSync(join(engine.cache, 'known'))).toHaveLength(1);
  await endOther();
  expect(await engine.client.clearCache(engine.cache)).toMatchObject({ kept: 0 });
  expect(readdirSync(engine.cache)).toEqual(['notes.txt']);
});

describe('a cache that several machines share', () => {
  const key = 'b'.repeat(64);
  const HOUR = 60 * 60;

  /** A model that is open and an import under way, both of an engine with that name, so many hours old. */
  function leave(owner: string, hours = 0): { readonly model: string; readonly unfinished: string } {
    const model = join(engine.cache, 'a'.repeat(64));
    const unfinished = join(engine.cache, `unfinished-${owner}-5bd7c3a0-0000-4000-8000-000000000000-${key}`);
    for (const folder of [model, unfinished]) mkdirSync(folder);
    const mark = join(model, `in-use-${owner}`);
    writeFileSync(join(model, 'weights.bin'), 'weights');
    writeFileSync(mark, '');
    const then = Date.now() / 1000 - hours * HOUR;
    for (const path of [mark, unfinished]) utimesSync(path, then, then);
    return { model, unfinished };
  }

  // No process here has such an id.
  const elsewhere = `${2 ** 30}@0a0b0c0d.01020304`;

  it('keeps what is in use on another, whose processes it does not see', async () => {
    const { model, unfinished } = leave(elsewhere, 2);
    expect(await clearCache(engine.cache)).toEqual({ freed: 0, kept: 1 });
    expect(readdirSync(engine.cache).map((name) => join(engine.cache, name))).toEqual([model, unfinished]);
  });

  it('gives up after some hours what another has left', async () => {
    leave(elsewhere, 4);
    expect(await clearCache(engine.cache)).toEqual({ freed: 7, kept: 0 });
    expect(readdirSync(engine.cache)).toEqual([]);
  });

  it('is told every hour what is still in use', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const { model } = leave(OWNER_NAME, 4);
      const held = (await hold(engine.cache, 'a'.repeat(64), 7))!;
      const mark = join(model, `in-use-${OWNER_NAME}`);
      const old = Date.now() / 1000 - 2 * HOUR;
      utimesSync(mark, old, old);
      vi.advanceTimersByTime(1000 * HOUR);
      await vi.waitFor(() => {
        expect(statSync(mark).mtimeMs / 1000).toBeGreaterThan(old + HOUR);
      });
      await held.release();
      vi.advanceTimersByTime(1000 * HOUR);
      expect(existsSync(mark)).toBe(false);
    } finally {
      vi.useRealTimers();
    }
  });

  it('keeps an import that went on a little while ago with what was left long before', async () => {
    const { unfinished } = leave(elsewhere, 4);
    const left = join(engine.cache, `interrupted-${key}`);
    renameSync(unfinished, left);
    writeFileSync(join(left, 'weights.bin'), '');
    writeFileSync(join(left, 'journal'), '[]\n');
    utimesSync(left, 1, 1);
    const gone = await UnfinishedImport.begin(engine.cache, key, new Map(), 0);
    expect(Date.now() - statSync(gone.folder).mtimeMs).toBeLessThan(1000 * HOUR);
    await gone.discard();
  });

  it('has no mark any more of an engine whose host is gone', async () => {
    const child = fork(join(ROOT, 'dist/engine.js'));
    const connection = createMessageConnection(new IPCMessageReader(child), new IPCMessageWriter(child));
    connection.listen();
    const model = engine.model(join(FIXTURES, 'checkpoints/mixtral'));
    await connection.sendRequest(toEngine.open, { run: 1, model });
    const [id] = readdirSync(engine.cache).filter((name) => name !== 'known');
    const marks = (): string[] => readdirSync(join(engine.cache, id!)).filter((name) => name.startsWith('in-use-'));
    expect(marks()).toHaveLength(1);
    connection.dispose();
    const exited = once(child, 'exit');
    child.disconnect();
    await exited;
    expect(marks()).toEqual([]);
  });

  it.skipIf(process.platform !== 'linux')('takes no process for a living one that has ended unseen', async () => {
    // In a container nobody may see to what its parent has left. A shell would, so it has to be none by then.
    const parent = spawn('sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 600']);
    try {
      const [said] = (await once(parent.stdout, 'data')) as [Buffer];
      const ended = Number(String(said));
      await expect.poll(() => readFileSync(`/proc/${ended}/stat`, 'utf8'), { timeout: 20_000 }).toContain(') Z ');
      expect(() => process.kill(ended, 0)).not.toThrow();
      leave(OWNER_NAME.replace(/^\d+/, `${ended}`));
      expect(await clearCache(engine.cache)).toEqual({ freed: 7, kept: 0 });
      expect(readdirSync(engine.cache)).toEqual([]);
    } finally {
      parent.kill();
    }
  });

  it('takes no process for one that had its id before the machine was started anew', async () => {
    leave(OWNER_NAME.replace(/\.\w+$/, '.01020304'));
    expect(await clearCache(engine.cache)).toEqual({ freed: 7, kept: 0 });
    expect(readdirSync(engine.cache)).toEqual([]);
  });

  it.each([OWNER_NAME, `${process.pid}`])('keeps what is in use here: %s', async (owner) => {
    const { unfinished } = leave(owner);
    expect(await clearCache(engine.cache)).toEqual({ freed: 0, kept: 1 });
    expect(existsSync(unfinished)).toBe(true);
  });
});
