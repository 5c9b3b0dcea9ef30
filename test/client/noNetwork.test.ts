/** Nothing is asked for over a network unless a server is named. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { EngineClient } from '../../extension/client/engineClient.ts';
import { CACHE_LIMIT } from '../../extension/protocol/defaults.ts';
import type { LogLine } from '../../extension/protocol/engine.ts';
import { ROOT } from '../support/reference.ts';

const HOOK = join(ROOT, 'test/support/noSockets.cjs');
const scratch = mkdtempSync(join(tmpdir(), 'moescope-network-'));
afterAll(() => {
  rmSync(scratch, { recursive: true });
});

test('the engine imports, opens and runs a model without a socket', async () => {
  const log: LogLine[] = [];
  const client = new EngineClient({
    entry: join(ROOT, 'dist/engine.js'),
    log: (line) => log.push(line),
    execArgv: ['--require', HOOK],
  });
  const sink = { progress: () => undefined, began: () => undefined, routed: () => undefined };
  const place = { cache: join(scratch, 'cache'), cacheLimit: CACHE_LIMIT, threads: 0, context: 0 };
  const model = {
    folder: join(ROOT, 'media/demo-models/balanced'),
    ...place,
    precision: 'int8',
    provider: 'cpu',
  } as const;
  await client.analyze(model, 'The router sends each token on.', sink, new AbortController().signal, 3);
  client.dispose();
  expect(log.map(({ message }) => message).filter((message) => message.includes('SOCKET'))).toEqual([]);
});

test('the terminal routes, reports and inspects without a socket', async () => {
  const model = join(ROOT, 'media/demo-models/balanced');
  const text = join(ROOT, 'media/samples/poem.txt');
  for (const args of [
    ['analyze', text],
    ['inspect', model],
    ['report', text],
  ]) {
    const stderr = await new Promise<string>((resolve, reject) => {
      const env = { ...process.env, XDG_CACHE_HOME: scratch };
      execFile(process.execPath, ['--require', HOOK, join(ROOT, 'dist/cli.js'), ...args], { env }, (error, _, said) => {
        if (error) reject(new Error(said, { cause: error }));
        else resolve(said);
      });
    });
    expect(stderr).not.toContain('SOCKET');
  }
});

// The library is native: no hook in JavaScript sees its connections. It opens them some ten seconds after it has made a store of
// events and an identifier of the machine, so that is what a test looks for. In CI, it says, it never does.
test('ONNX Runtime’s telemetry is off: it leaves no identifier and no events', async () => {
  const home = mkdtempSync(join(scratch, 'home-'));
  const env = {
    ...process.env,
    CI: undefined,
    ORT_DISABLE_TELEMETRY: undefined,
    HOME: home,
    XDG_CACHE_HOME: join(home, 'cache'),
  };
  const args = [join(ROOT, 'dist/cli.js'), 'analyze', join(ROOT, 'media/samples/poem.txt')];
  await promisify(execFile)(process.execPath, args, { env });
  const left = readdirSync(home, { recursive: true, encoding: 'utf8' });
  expect(left.filter((path) => /microsoft|telemetry|deviceid/i.test(path))).toEqual([]);
});

test('a program is only asked over http where a server is named: by that folder, and the terminal’s proxy', () => {
  const sources = readdirSync(join(ROOT, 'extension'), { recursive: true, encoding: 'utf8' })
    .concat(
      readdirSync(join(ROOT, 'webview'), { recursive: true, encoding: 'utf8' }).map((path) => `../webview/${path}`),
    )
    .filter((path) => path.endsWith('.ts'))
    .filter((path) => {
      const source = readFileSync(join(ROOT, 'extension', path), 'utf8');
      return /from '(?:node:)?(?:https?|http2|net|tls|dgram|dns)(?:\/promises)?'|\bfetch\(|WebSocket|XMLHttpRequest|sendBeacon|EventSource/.test(
        source,
      );
    })
    .map((path) => path.replaceAll('\\', '/'));
  expect(sources.sort()).toEqual(['cli/certificates.ts', 'cli/proxy.ts', 'server/http.ts']);
});
