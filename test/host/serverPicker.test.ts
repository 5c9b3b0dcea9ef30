import { join } from 'node:path';
import type { QuickPickItem } from 'vscode';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Emitter } from 'vscode-jsonrpc';
import { FirstUse } from '../../extension/host/firstUse.ts';
import type { Problems } from '../../extension/host/problems.ts';
import { ServerConnections } from '../../extension/host/serverConnections.ts';
import { ServerPicker } from '../../extension/host/serverPicker.ts';
import { Servers } from '../../extension/host/servers.ts';
import { messageOf } from '../../extension/protocol/errors.ts';
import { EngineServer, vllmIdentity, vllmReply, type Answer, type Asked } from '../support/engineServer.ts';
import { ROOT } from '../support/reference.ts';
import { memento, window } from '../support/vscode.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

interface Item extends QuickPickItem {
  readonly choice?: unknown;
}

/** A list that is open, and what is done with it. */
class List {
  items: readonly Item[] = [];
  selectedItems: readonly Item[] = [];
  readonly #accepted = new Emitter<void>();
  readonly #hidden = new Emitter<void>();
  readonly #pressed = new Emitter<{ item: Item; button: unknown }>();
  readonly onDidAccept = this.#accepted.event;
  readonly onDidHide = this.#hidden.event;
  readonly onDidTriggerItemButton = this.#pressed.event;

  show(): void {
    lists.push(this);
  }

  hide(): void {
    this.#hidden.fire();
  }

  dispose(): void {
    this.#accepted.dispose();
  }

  labels(): string[] {
    return this.items.map(({ label }) => label);
  }

  choose(label: string): void {
    this.selectedItems = this.items.filter((item) => item.label.endsWith(label));
    this.#accepted.fire();
  }

  /** Presses the button of an item. */
  forget(label: string): void {
    const item = this.items.find((one) => one.label.endsWith(label))!;
    this.#pressed.fire({ item, button: item.buttons![0] });
  }
}

/** Takes one key at a time. */
let accepted: string;
let server: EngineServer;
let connections: ServerConnections;
let servers: Servers;
let picker: ServerPicker;
let stored: Map<string, string>;
let problems: string[];
let lists: List[];
/** What is typed, in order, and whether the question for a folder is answered. */
let typed: string[];
let answersFolder: boolean;

beforeEach(async () => {
  [accepted, answersFolder] = ['first', true];
  [problems, lists, typed] = [[], [], []];
  stored = new Map();
  server = await EngineServer.start(locked);
  servers = new Servers(memento(), memento());
  connections = new ServerConnections({
    servers,
    secrets: {
      get: (name) => Promise.resolve(stored.get(name)),
      store: (name, value) => Promise.resolve(void stored.set(name, value)),
      delete: (name) => Promise.resolve(void stored.delete(name)),
    },
    decoder: join(ROOT, 'dist/decoder.js'),
    local: {
      shape: () => Promise.reject(new Error('there is no folder')),
      tokenize: () => Promise.reject(new Error('there is no tokenizer')),
    },
  });
  const told: unknown = { report: (_: string, error: unknown) => problems.push(messageOf(error)) };
  picker = new ServerPicker(servers, new FirstUse(() => Promise.resolve(connections)), told as Problems);
  Object.assign(window, {
    showInputBox: () => Promise.resolve(typed.shift()),
    // Without a local folder.
    showQuickPick: (items: readonly Item[]) => Promise.resolve(answersFolder ? items[1] : undefined),
    createQuickPick: () => new List(),
  });
});
afterEach(async () => {
  connections.dispose();
  servers.dispose();
  await server.stop();
});

function locked({ path, headers }: Asked): Answer | undefined {
  if (headers.authorization !== `Bearer ${accepted}`) return { status: 401, json: { error: 'Unauthorized' } };
  if (path === '/tokenize') return { json: { tokens: [5, 6], token_strs: ['a', 'b'] } };
  if (path === '/v1/completions') return { json: vllmReply([5, 6], { layers: 1, experts: 4, k: 1 }) };
  return vllmIdentity(path);
}

/** Names an address, the server's unless told, and a key. */
async function name(key: string, url = server.url): Promise<boolean> {
  typed = [url, key];
  const before = lists.length;
  const picked = picker.pick();
  if (servers.recent.length > 0) {
    await vi.waitUntil(() => lists.length > before, { timeout: 2000 });
    lists.at(-1)!.choose('Another Server…');
  }
  return picked;
}

async function listed(): Promise<{ readonly list: List; readonly picked: Promise<boolean> }> {
  const picked = picker.pick();
  await vi.waitUntil(() => lists.length > 0, { timeout: 2000 });
  return { list: lists.at(-1)!, picked };
}

const keys = (): string[] => [...stored.values()];

test('a key is kept once the server has taken it', async () => {
  expect(await name('wrong')).toBe(false);
  expect(problems).toEqual([expect.stringContaining('does not accept this one')]);
  expect(keys()).toEqual([]);
  expect(await name('first')).toBe(true);
  expect(keys()).toEqual(['first']);
});

test('the key of the server in use outlives a choice that was not made', async () => {
  await name('first');
  answersFolder = false;
  expect(await name('second')).toBe(false);
  answersFolder = true;
  expect(await name('wrong')).toBe(false);
  expect(keys()).toEqual(['first']);
});

test('no key for a known address means the one that is kept', async () => {
  await name('first');
  expect(await name('')).toBe(true);
  expect(keys()).toEqual(['first']);
  accepted = 'second';
  expect(await name(' second ')).toBe(true);
  expect(keys()).toEqual(['second']);
});

test('a server that is forgotten goes with its key, and what it routed is this machine’s', async () => {
  await name('first');
  const { list, picked } = await listed();
  list.forget('demo');
  await vi.waitUntil(() => list.items.length === 1, { timeout: 2000 });
  list.hide();
  expect(await picked).toBe(true);
  expect([servers.chosen, servers.recent, keys()]).toEqual([undefined, [], []]);
});

test('the key of an address stays as long as another model there is known', async () => {
  await name('first');
  await servers.choose({ url: server.url, model: 'other' });
  const { list, picked } = await listed();
  list.forget('demo');
  await vi.waitUntil(() => !list.labels().some((label) => label.endsWith('demo')), { timeout: 2000 });
  list.hide();
  expect(await picked).toBe(false);
  expect(servers.recent.map(({ model }) => model)).toEqual(['other']);
  expect([servers.chosen?.model, keys()]).toEqual(['other', ['first']]);
});

test('a server that eight newer ones push off the list goes with its key, but not where one of these has its address', async () => {
  await connections.keep('http://shared:1', 'shared');
  await connections.keep('http://old:1', 'old');
  await servers.choose({ url: 'http://shared:1', model: 'oldest' });
  await servers.choose({ url: 'http://old:1', model: '' });
  for (let n = 0; n < 5; n++) await servers.choose({ url: `http://newer-${n}:1`, model: '' });
  await servers.choose({ url: 'http://shared:1', model: 'newer' });
  await name('first');
  expect(servers.recent.map(({ url }) => url)).toContain('http://old:1');
  expect(keys()).toEqual(['shared', 'old', 'first']);
  // One more, with its key beside that of the same machine under another name.
  expect(await name('first', server.url.replace('127.0.0.1', 'localhost'))).toBe(true);
  expect(keys()).toEqual(['shared', 'first', 'first']);
});

test('what was agreed to for a server that is pushed off the list is asked again', async () => {
  let asked = 0;
  Object.assign(window, {
    showWarningMessage: (...answers: readonly unknown[]) => {
      asked += 1;
      return Promise.resolve(answers.at(-1));
    },
  });
  const old = { url: 'http://old:1', model: '' };
  await servers.agreeToPlainHttp(old);
  await servers.choose(old);
  for (let n = 0; n < 7; n++) await servers.choose({ url: `http://newer-${n}:1`, model: '' });
  expect(await servers.agreeToPlainHttp(old)).toBe(true);
  expect(asked).toBe(1);
  await servers.choose({ url: 'http://newest:1', model: '' });
  expect(await servers.agreeToPlainHttp(old)).toBe(true);
  expect(asked).toBe(2);
});
