import { beforeEach, expect, test, vi } from 'vitest';
import type { FirstUse } from '../../extension/host/firstUse.ts';
import { LoadRecorder } from '../../extension/host/loadRecorder.ts';
import type { Problems } from '../../extension/host/problems.ts';
import type { Recordings } from '../../extension/host/recordings.ts';
import type { ServerConnections } from '../../extension/host/serverConnections.ts';
import type { Servers } from '../../extension/host/servers.ts';
import type { ServerSpec } from '../../extension/protocol/server.ts';
import { commands, notifications } from '../support/vscode.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

const ONE: ServerSpec = { url: 'https://one.test', model: 'm' };
const OTHER: ServerSpec = { url: 'https://other.test', model: 'm' };

let chosen: ServerSpec | undefined;
let asked: string[];
let recorder: LoadRecorder;
beforeEach(() => {
  chosen = ONE;
  asked = [];
  notifications.length = 0;
  const ask = (what: string, value: unknown) => (server: ServerSpec) => {
    asked.push(`${what} ${server.url}`);
    return Promise.resolve({ answers: [{ place: server.url, value }], failures: [] });
  };
  const connections = { startRecording: ask('start', undefined), stopRecording: ask('stop', ['/counts.pt']) };
  const servers = {
    get chosen() {
      // As it is read: a new object each time.
      return chosen && { ...chosen };
    },
    agreeToPlainHttp: () => Promise.resolve(true),
  };
  const parts: unknown[] = [servers, { get: () => Promise.resolve(connections) }, { openFiles: () => true }, {}];
  recorder = new LoadRecorder(...(parts as [Servers, FirstUse<ServerConnections>, Recordings, Problems]));
});

/** Starts the chosen server, and leaves the notification open. */
async function start(): Promise<{ readonly started: Promise<void> }> {
  const before = notifications.length;
  const started = recorder.start();
  await vi.waitUntil(() => notifications.length > before);
  return { started };
}

test('the notification stops the server that it tells of, whichever is chosen by then', async () => {
  const { started } = await start();
  chosen = OTHER;
  notifications[0]!.answer('Stop and Open');
  await started;
  expect(asked).toEqual(['start https://one.test', 'stop https://one.test']);
});

test('stopping stops what was started last, and then the chosen server', async () => {
  await start();
  chosen = OTHER;
  await recorder.stop();
  await recorder.stop();
  expect(asked).toEqual(['start https://one.test', 'stop https://one.test', 'stop https://other.test']);
});

test('of several that record, each is stopped once', async () => {
  const { started } = await start();
  chosen = OTHER;
  await start();
  notifications[0]!.answer('Stop and Open');
  await started;
  chosen = ONE;
  await recorder.stop();
  expect(asked.slice(2)).toEqual(['stop https://one.test', 'stop https://other.test']);
});

test('where no server is chosen, choosing one is offered', async () => {
  chosen = undefined;
  const executed = vi.spyOn(commands, 'executeCommand');
  const ended = recorder.stop();
  await vi.waitUntil(() => notifications.length > 0);
  notifications[0]!.answer('Use a Server…');
  await ended;
  expect(executed.mock.calls).toEqual([['moescope.useServer']]);
  expect(asked).toEqual([]);
  executed.mockRestore();
});
