import type { Uri, WebviewPanel } from 'vscode';
import { Emitter } from 'vscode-jsonrpc';
import { beforeEach, expect, test, vi } from 'vitest';
import type { InspectorClient } from '../../extension/client/inspectorClient.ts';
import type { Log } from '../../extension/host/log.ts';
import { ModelPage } from '../../extension/host/modelPage.ts';
import type { Models } from '../../extension/host/models.ts';
import type { Sessions } from '../../extension/host/sessions.ts';
import type { ToModelPage } from '../../extension/protocol/webview.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

let posted: ToModelPage[];
/** What the inspector was asked and has not answered, by folder. It answers as well what is no longer wanted. */
let pending: Map<string, (answer: unknown) => void>;
let models: { folder: string };
let chosen: Emitter<void>;
let messages: Emitter<unknown>;

beforeEach(() => {
  posted = [];
  pending = new Map();
  chosen = new Emitter();
  messages = new Emitter();
  models = Object.assign({ folder: '/models/old' }, { onDidChange: chosen.event });
  const ask = (folder: string) => new Promise((answer) => pending.set(folder, answer));
  const inspector = { routers: ask, tensors: ({ folder }: { readonly folder: string }) => ask(`tensors of ${folder}`) };
  const sessions = { onDidChange: new Emitter().event };
  const parts: unknown[] = ['/extension', models, inspector, sessions, {}];
  const page = new ModelPage(...(parts as [Uri, Models, InspectorClient, Sessions, Log]));
  const webview = {
    onDidReceiveMessage: messages.event,
    postMessage: (message: ToModelPage) => posted.push(message),
    asWebviewUri: (uri: string) => uri,
    cspSource: '',
  };
  const [onDidDispose, onDidChangeViewState] = [new Emitter().event, new Emitter().event];
  const panel: unknown = { webview, onDidDispose, onDidChangeViewState };
  page.restore(panel as WebviewPanel);
  messages.fire({ type: 'ready' });
});

function choose(folder: string): void {
  models.folder = folder;
  chosen.fire();
}

test('a model that is read when another is chosen is not shown under the name of that one', async () => {
  const old = pending.get('/models/old')!;
  choose('/models/new');
  old({ routers: [] });
  await new Promise(setImmediate);
  expect(posted).toEqual([
    { type: 'reading', name: 'old' },
    { type: 'reading', name: 'new' },
  ]);
  pending.get('/models/new')!({ routers: [] });
  await vi.waitUntil(() => posted.length > 2);
  expect(posted[2]).toEqual({ type: 'foreign', name: 'new', finding: { routers: [] } });
});

test('nor are its tensors', async () => {
  messages.fire({ type: 'tensors', query: 1, search: '', from: 0, count: 10 });
  await vi.waitUntil(() => pending.has('tensors of /models/old'));
  choose('/models/new');
  pending.get('tensors of /models/old')!({ rows: [] });
  await new Promise(setImmediate);
  expect(posted.map(({ type }) => type)).toEqual(['reading', 'reading']);
});
