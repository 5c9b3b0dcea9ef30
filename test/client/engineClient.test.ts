/** The engine process may fail in any way: each call settles with a reason, and the next one works. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { EngineClient } from '../../extension/client/engineClient.ts';
import { TestEngine } from '../support/analyze.ts';
import { ROOT } from '../support/reference.ts';

const MODEL = join(ROOT, 'media/demo-models/balanced');
const ENGINE = join(ROOT, 'dist/engine.js');
/** What an engine does that is up and never answers. */
const DEAF = `
  process.on('message', () => require('node:fs').writeFileSync(__filename + '.asked', ''));
  process.send({ jsonrpc: '2.0', method: 'ready', params: { onnxruntime: '' } });
`;
/** Some 10,000 tokens: a second or more of work. */
const LONG_TEXT = 'The router sends each token to a few experts.\n'.repeat(1000);

const engines: TestEngine[] = [];
const folders: string[] = [];
afterEach(() => {
  while (engines.length > 0) engines.pop()!.dispose();
  while (folders.length > 0) rmSync(folders.pop()!, { recursive: true, force: true });
});

function start(entry?: string): TestEngine {
  const engine = new TestEngine(entry);
  engines.push(engine);
  return engine;
}

/** An engine bundle that does what the given code does. */
function script(code: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'moescope-entry-'));
  folders.push(folder);
  const entry = join(folder, 'engine.js');
  writeFileSync(entry, code);
  return entry;
}

/** An engine bundle that never answers until it was asked something and ended. */
function deafAtFirst(): string {
  return script(`
    if (require('node:fs').existsSync(__filename + '.asked')) require(${JSON.stringify(ENGINE)});
    else {
      ${DEAF}
    }
  `);
}

/** Waits until a deaf engine has been asked something. */
async function asked(entry: string): Promise<void> {
  await expect.poll(() => existsSync(`${entry}.asked`), { timeout: 20_000 }).toBe(true);
}

/** Runs the long text and calls `act` once some of it is routed; returns the error's code and how much arrived. */
async function interrupt(
  engine: TestEngine,
  act: (abort: AbortController) => void,
): Promise<{ code: string; routed: number; tokens: number }> {
  const abort = new AbortController();
  let routed = 0;
  let tokens = 0;
  const run = engine.client.analyze(
    engine.model(MODEL),
    LONG_TEXT,
    {
      progress: () => undefined,
      began: (began) => {
        tokens = began.ids.length;
      },
      routed: (part) => {
        if (routed === 0) act(abort);
        routed = part.to;
      },
    },
    abort.signal,
  );
  const error = await run.then(
    () => ({ code: 'finished' }),
    (e: unknown) => e as { code: string },
  );
  return { code: error.code, routed, tokens };
}

describe('a running engine', () => {
  it('starts on first use and serves several requests with one process', async () => {
    const engine = start();
    expect(engine.client.pid).toBeUndefined();
    await engine.analyze(MODEL, 'one');
    const { pid } = engine.client;
    await engine.analyze(MODEL, 'two');
    expect(engine.client.pid).toBe(pid);
  });

  it('stops between chunks when cancelled, and lives on', async () => {
    const engine = start();
    const result = await interrupt(engine, (abort) => {
      abort.abort();
    });
    expect(result.code).toBe('cancelled');
    expect(result.routed).toBeGreaterThan(0);
    expect(result.routed).toBeLessThan(result.tokens);
    const { pid } = engine.client;
    expect((await engine.analyze(MODEL, 'again')).routed).toBeGreaterThan(0);
    expect(engine.client.pid).toBe(pid);
  });

  it.skipIf(process.platform === 'win32')('goes on at Ctrl+C, which is for whoever started it', async () => {
    const engine = start();
    await engine.analyze(MODEL, 'one');
    const { pid } = engine.client;
    await interrupt(engine, (abort) => {
      // A terminal sends it to every process of a command.
      process.kill(pid!, 'SIGINT');
      abort.abort();
    });
    await engine.analyze(MODEL, 'two');
    expect(engine.client.pid).toBe(pid);
  });

  it('does not start for a request that is already cancelled', async () => {
    const engine = start();
    const none = { progress: () => undefined, began: () => undefined, routed: () => undefined };
    const run = engine.client.analyze(engine.model(MODEL), 'text', none, AbortSignal.abort());
    await expect(run).rejects.toMatchObject({ code: 'cancelled' });
    expect(engine.client.pid).toBeUndefined();
  });
});

describe('a request that is cancelled', () => {
  const none = { progress: () => undefined, began: () => undefined };
  const options = { tokens: 5, sampling: { temperature: 0, seed: 0 }, memory: 0 };
  const codeOf = (run: Promise<unknown>): Promise<string> =>
    run.then(
      () => 'finished',
      (error: unknown) => (error as { code: string }).code,
    );

  it('behind another settles at once, and the other one goes on', async () => {
    const engine = start();
    await engine.analyze(MODEL, 'one');
    const { pid } = engine.client;
    const abort = new AbortController();
    let second: Promise<string> | undefined;
    let parts = 0;
    let settledAt = Infinity;
    const continued = { ...none, continued: () => undefined };
    await engine.client.analyze(
      engine.model(MODEL),
      LONG_TEXT.repeat(2),
      {
        ...none,
        routed: () => {
          parts += 1;
          second ??= codeOf(
            engine.client.continue(engine.model(MODEL), { text: 'text', ...options }, continued, abort.signal),
          ).finally(() => (settledAt = parts));
          if (parts === 3) abort.abort();
        },
      },
      new AbortController().signal,
    );
    expect(await second).toBe('cancelled');
    expect(settledAt).toBeLessThan(parts);
    expect(engine.client.pid).toBe(pid);
  });

  it('settles though the process cannot be ended, and so does the next one', async () => {
    // Its end is not seen while another holds its output; where a disk hangs, not even SIGKILL ends it.
    const entry = script(`
      const options = { stdio: 'inherit', detached: true };
      const holder = require('node:child_process').spawn(process.execPath, ['-e', 'setTimeout(() => {}, 600_000)'], options);
      require('node:fs').writeFileSync(__filename + '.holder', String(holder.pid));
      ${DEAF}
    `);
    const engine = start(entry);
    const cancelling = async (ready: () => Promise<void>): Promise<string> => {
      const abort = new AbortController();
      const code = codeOf(engine.client.open(engine.model(MODEL), () => undefined, abort.signal));
      await ready();
      abort.abort();
      return code;
    };
    try {
      expect(await cancelling(() => asked(entry))).toBe('cancelled');
      expect(await cancelling(() => sleep(50))).toBe('cancelled');
    } finally {
      process.kill(Number(readFileSync(`${entry}.holder`, 'utf8')));
    }
  });

  it('and does not stop ends the process, and what waits behind it is answered by a new one', async () => {
    const entry = deafAtFirst();
    const engine = start(entry);
    const abort = new AbortController();
    const first = codeOf(engine.client.open(engine.model(MODEL), () => undefined, abort.signal));
    const second = engine.analyze(MODEL, 'text behind it');
    await asked(entry);
    abort.abort();
    expect(await first).toBe('cancelled');
    expect((await second).routed).toBeGreaterThan(0);
  });
});

describe('a killed engine', () => {
  it('settles what was under way and answers the next request with a new process', async () => {
    const engine = start();
    const result = await interrupt(engine, () => process.kill(engine.client.pid!, 'SIGKILL'));
    expect(result.code).toBe('engine-gone');
    expect((await engine.analyze(MODEL, 'again')).routed).toBeGreaterThan(0);
  });

  it('leaves no half-written cache behind', async () => {
    const engine = start();
    const abort = new AbortController();
    const opening = engine.client.open(
      engine.model(MODEL),
      ({ stage }) => {
        if (stage === 'import') process.kill(engine.client.pid!, 'SIGKILL');
      },
      abort.signal,
    );
    await expect(opening).rejects.toMatchObject({ code: 'engine-gone' });
    await engine.analyze(MODEL, 'again');
    expect(readdirSync(engine.cache).filter((name) => name.startsWith('unfinished'))).toEqual([]);
  });

  it('is restarted three times, and then only when asked to', async () => {
    const engine = start();
    for (let crash = 0; crash < 4; crash++) {
      const result = await interrupt(engine, () => process.kill(engine.client.pid!, 'SIGKILL'));
      expect(result.code).toBe('engine-gone');
    }
    await expect(engine.analyze(MODEL, 'again')).rejects.toMatchObject({ code: 'engine-failed' });
    engine.client.resetCrashes();
    expect((await engine.analyze(MODEL, 'again')).routed).toBeGreaterThan(0);
  });
});

it('an engine that hangs is another one after a restart, which answers', async () => {
  const entry = deafAtFirst();
  const engine = start(entry);
  const run = engine.analyze(MODEL, 'text');
  await asked(entry);
  const { pid } = engine.client;
  engine.client.restart();
  expect((await run).routed).toBeGreaterThan(0);
  expect(engine.client.pid).not.toBe(pid);
});

describe('an engine that cannot start', () => {
  it('says what it wrote to stderr', async () => {
    const engine = start(script('console.error("libexample.so.1: cannot open"); process.exit(3)'));
    await expect(engine.analyze(MODEL, 'text')).rejects.toMatchObject({
      code: 'engine-failed',
      message: expect.stringContaining('exit code 3): libexample.so.1: cannot open') as string,
    });
  });

  it('hands on what it wrote to whoever takes it, and logs it otherwise', async () => {
    const entry = script('console.error("a driver is missing"); process.exit(3)');
    for (const taken of [true, false]) {
      const written: string[] = [];
      const logged: string[] = [];
      const client = new EngineClient({
        entry,
        log: ({ message }) => logged.push(message),
        ...(taken ? { written: (text) => written.push(text) } : {}),
      });
      await expect(client.listCache('/nowhere')).rejects.toMatchObject({ code: 'engine-failed' });
      client.dispose();
      expect(written.join('').includes('a driver is missing')).toBe(taken);
      expect(logged.join('').includes('a driver is missing')).toBe(!taken);
    }
  });

  it('is reported when its file is missing', async () => {
    const engine = start(join(tmpdir(), 'no-such-engine.js'));
    await expect(engine.analyze(MODEL, 'text')).rejects.toMatchObject({ code: 'engine-failed' });
  });
});

describe('disposing', () => {
  it('ends the process and settles its calls', async () => {
    const engine = start();
    const result = await interrupt(engine, () => {
      engine.client.dispose();
    });
    expect(result.code).toBe('engine-gone');
    await expect(engine.analyze(MODEL, 'text')).rejects.toMatchObject({ code: 'engine-gone' });
  });

  it('ends an engine that does not answer a cancel', async () => {
    const entry = script(DEAF);
    const engine = start(entry);
    const abort = new AbortController();
    const opening = engine.client.open(engine.model(MODEL), () => undefined, abort.signal);
    await asked(entry);
    abort.abort();
    await expect(opening).rejects.toMatchObject({ code: 'cancelled' });
    await expect.poll(() => engine.client.pid).toBeUndefined();
  });
});
