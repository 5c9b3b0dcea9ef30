/** Nothing is asked for over a network unless a server is named. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { EngineClient } from '../../extension/client/engineClient.ts';
import { CACHE_LIMIT } from '../../extension/protocol/defaults.ts';
import type { LogLine } from '../../extension/protocol/engine.ts';
import { ROOT } from '../support/reference.ts';

const HOOK = join(ROOT, 'test/support/noSockets.cjs');
/** Source that could ask for something over a network, however it loads what it takes for that. */
const ASKING =
  /(?:from|import|\b(?:import|require)\() ?'(?:node:)?(?:https?|http2|net|tls|dgram|dns)(?:\/promises)?'|\bfetch\(|WebSocket|XMLHttpRequest|sendBeacon|EventSource/;
const scratch = mkdtempSync(join(tmpdir(), 'moescope-network-'));
afterAll(() => {
  rmSync(scratch, { recursive: true });
});

test('what asks for a socket is found out', async () => {
  const run = promisify(execFile);
  for (const [code, what] of [
    ["require('node:net').connect(9, '127.0.0.1')", 'connect'],
    ["require('node:http').get('http://127.0.0.1:9/')", 'connect'],
    ["require('node:net').createServer().listen(0)", 'listen'],
    ["fetch('http://127.0.0.1:9/')", 'fetch'],
  ] as const) {
    const refused = run(process.execPath, ['--require', HOOK, '--eval', code]);
    await expect(refused, code).rejects.toMatchObject({ stderr: expect.stringContaining(`SOCKET ${what}`) as string });
  }
  // The same in a process that the client starts, where it is read from the log.
  const log: LogLine[] = [];
  const entry = join(scratch, 'asking.js');
  writeFileSync(entry, "require('node:net').connect(9, '127.0.0.1');");
  const client = new EngineClient({ entry, log: (line) => log.push(line), execArgv: ['--require', HOOK] });
  await expect(client.providers(new AbortController().signal)).rejects.toMatchObject({ code: 'engine-failed' });
  expect(log.map(({ message }) => message).join('\n')).toContain('SOCKET connect');
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

test.each([
  ["import * as http from 'node:http';", true],
  ["import { connect } from 'net';", true],
  ["import 'node:dgram';", true],
  ["const http = await import('node:http');", true],
  ["const { resolve } = require('dns/promises');", true],
  ["await fetch('https://example.com/');", true],
  ["import { isThisMachine } from '../server/address.ts';", false],
  ["const { read } = await import('./net.ts');", false],
])('%s is looked for: %s', (source, found) => {
  expect(ASKING.test(source)).toBe(found);
});

test('a program is only asked over http where a server is named: by that folder, and the terminal’s proxy', () => {
  const sources = readdirSync(join(ROOT, 'extension'), { recursive: true, encoding: 'utf8' })
    .concat(
      readdirSync(join(ROOT, 'webview'), { recursive: true, encoding: 'utf8' }).map((path) => `../webview/${path}`),
    )
    .filter((path) => path.endsWith('.ts'))
    .filter((path) => {
      const source = readFileSync(join(ROOT, 'extension', path), 'utf8');
      return ASKING.test(source);
    })
    .map((path) => path.replaceAll('\\', '/'));
  expect(sources.sort()).toEqual(['cli/certificates.ts', 'cli/proxy.ts', 'server/http.ts']);
});
