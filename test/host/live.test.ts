/** Routing that follows edits, and what is looked at: which runs begin, which make way, and what ends it. */
import type { TextDocument, TextEditor } from 'vscode';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { EngineClient } from '../../extension/client/engineClient.ts';
import { Analyzer } from '../../extension/host/analyzer.ts';
import { EditWatch } from '../../extension/host/editWatch.ts';
import { Live } from '../../extension/host/live.ts';
import { LiveSwitch } from '../../extension/host/liveSwitch.ts';
import type { Log } from '../../extension/host/log.ts';
import type { Models } from '../../extension/host/models.ts';
import { Onlooker } from '../../extension/host/onlooker.ts';
import type { Problems } from '../../extension/host/problems.ts';
import type { Session } from '../../extension/host/session.ts';
import { Sessions } from '../../extension/host/sessions.ts';
import type { Settings } from '../../extension/host/settings.ts';
import type { LiveParams } from '../../extension/protocol/engine.ts';
import { cancelled, SUPERSEDED, UserError } from '../../extension/protocol/errors.ts';
import {
  activating,
  editing,
  EndOfLine,
  memento,
  Position,
  Range,
  visible,
  visibleNotebooks,
  window,
  workspace,
} from '../support/vscode.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

/** Until all that waits for no clock has happened, and a while after that in which nobody types. */
const [AT_ONCE, REST] = [10, 1000];

/** Of the addresses of a notebook's cells. */
const CELL = 'vscode-notebook-cell';

/** A text of one line. */
class Document {
  readonly uri: unknown;
  readonly eol = EndOfLine.LF;
  readonly lineCount = 1;

  constructor(
    readonly name: string,
    public text: string,
    scheme = 'file',
  ) {
    this.uri = { scheme, path: `/${name}`, toString: () => `file:///${name}` };
  }

  positionAt(offset: number): Position {
    return new Position(0, offset);
  }

  offsetAt({ character }: Position): number {
    return character;
  }

  lineAt(): unknown {
    return { text: this.text, range: new Range(new Position(0, 0), new Position(0, this.text.length)) };
  }

  getText(range?: Range): string {
    return this.text.slice(range?.start.character ?? 0, range?.end.character);
  }

  /** Somebody types before it. */
  async type(letter: string): Promise<void> {
    this.text = letter + this.text;
    const range = { start: new Position(0, 0), end: new Position(0, 0), isSingleLine: true };
    const event: unknown = {
      document: this,
      contentChanges: [{ rangeOffset: 0, rangeLength: 0, text: letter, range }],
    };
    editing.fire(event as Parameters<typeof editing.fire>[0]);
    await vi.advanceTimersByTimeAsync(AT_ONCE);
  }
}

type Sink = Parameters<EngineClient['analyze']>[2];

/** A text that the engine was given: a token a letter. */
class Call {
  readonly result: Promise<unknown>;
  #settle!: { readonly resolve: (result: unknown) => void; readonly reject: (error: unknown) => void };
  #shown = 0;

  constructor(
    readonly text: string,
    readonly live: LiveParams | undefined,
    readonly signal: AbortSignal,
    readonly sink: Sink,
    readonly run: number,
  ) {
    this.result = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    signal.addEventListener('abort', () => {
      this.#settle.reject(cancelled());
    });
  }

  async fail(error: Error): Promise<void> {
    this.#settle.reject(error);
    await vi.advanceTimersByTimeAsync(AT_ONCE);
  }

  async finish(): Promise<void> {
    this.show(this.text.length);
    this.#settle.resolve({ milliseconds: { open: 0, tokenize: 0, route: 0 } });
    await vi.advanceTimersByTimeAsync(AT_ONCE);
  }

  /** The first tokens have their routing. */
  show(to: number): void {
    const { run, text, sink } = this;
    const count = to - this.#shown;
    if (this.#shown === 0) {
      const model: unknown = {
        name: 'tiny',
        moeLayers: [{ layer: 0, experts: 2, k: 1, candidates: 2 }],
        context: 4096,
      };
      const [ids, windows] = [new Int32Array(text.length), Uint32Array.of(0)];
      const start = Uint32Array.from(text, (_, i) => i);
      const began = { run, model, ids, windows, start, end: start.map((i) => i + 1), generate: 0 };
      sink.began(began as Parameters<Sink['began']>[0]);
    }
    const column = new Float32Array(count);
    const sums = { probSum: new Float64Array(2), logSumExpSq: 0 };
    const layer = { chosen: new Uint16Array(2 * count), weight: new Float32Array(2 * count), entropy: column };
    sink.routed({ run, from: this.#shown, to, logProb: column, layers: [{ ...layer, margin: column, ...sums }] });
    this.#shown = to;
  }
}

let calls: Call[];
let folder: string;
let agree: () => Promise<boolean>;
let told: unknown[];
let sessions: Sessions;
let live: LiveSwitch;
let analyzer: Analyzer;
let parts: { dispose(): void }[];
beforeEach(() => {
  vi.useFakeTimers();
  [calls, told, folder] = [[], [], 'tiny'];
  agree = () => Promise.resolve(true);
  const client: unknown = {
    analyze: (_: unknown, text: string, sink: Sink, signal: AbortSignal, _generate: number, live?: LiveParams) => {
      calls.push(new Call(text, live, signal, sink, calls.length + 1));
      return calls.at(-1)!.result;
    },
  };
  const settings: unknown = { live: true, liveCache: 64, onDidChange: () => ({ dispose: () => undefined }) };
  const models: unknown = { name: 'tiny', request: () => ({ folder }), agree: () => agree() };
  const problems: unknown = { report: (_: string, error: unknown) => told.push(error) };
  const log: unknown = { write: () => undefined };
  sessions = new Sessions();
  live = new LiveSwitch(settings as Settings, memento());
  analyzer = new Analyzer(client as EngineClient, sessions, models as Models, live, problems as Problems, log as Log);
  parts = [sessions, live, new EditWatch(sessions)];
});
afterEach(() => {
  for (const part of parts) part.dispose();
  Object.assign(window, { visibleTextEditors: [], activeTextEditor: undefined });
  vi.useRealTimers();
});

/** Begins to follow edits, and to look on where that is wanted. */
async function start({ looksOn = false } = {}): Promise<void> {
  parts.push(new Live(analyzer, live, sessions));
  if (looksOn) parts.push(new Onlooker(analyzer, live, sessions));
  await vi.advanceTimersByTimeAsync(AT_ONCE);
}

/** The window shows these texts, the first of which is the active one. */
async function show(...documents: readonly Document[]): Promise<void> {
  const editors: unknown[] = documents.map((document) => ({ document }));
  Object.assign(window, { visibleTextEditors: editors, activeTextEditor: editors[0] });
  activating.fire(editors[0] as TextEditor);
  visible.fire(editors as TextEditor[]);
  await vi.advanceTimersByTimeAsync(AT_ONCE);
}

/** Somebody asks for the routing of a text, and gets it. */
async function analyze(document: Document): Promise<void> {
  const part: unknown = { document, text: document.text, base: 0, whole: true };
  void analyzer.analyze(part as Parameters<Analyzer['analyze']>[0]);
  await vi.advanceTimersByTimeAsync(AT_ONCE);
  await calls.at(-1)!.finish();
}

/** Two texts that Live has routed, one after the other: the second is seen. */
async function twoRouted(): Promise<[Document, Document]> {
  const [a, b] = [new Document('a', 'hello world'), new Document('b', 'other text')];
  await show(a);
  await start({ looksOn: true });
  await calls[0]!.finish();
  await show(b);
  await calls[1]!.finish();
  return [a, b];
}

const sessionOf = ({ name }: Document): Session | undefined => sessions.get(`file:///${name}`);

test('an edit that is no longer seen makes way for one that is, and is routed when it is seen again', async () => {
  const [a, b] = await twoRouted();
  await show(a);
  await a.type('x');
  const hidden = calls[2]!;
  // What is next to the edit is shown; the rest is on its way.
  hidden.show(2);
  await show(b);
  // Nobody else wants the model.
  expect(hidden.signal.aborted).toBe(false);
  await b.type('y');
  expect(hidden.signal.reason).toBe(SUPERSEDED);
  expect(calls.slice(3).map(({ text }) => text)).toEqual(['yother text']);
  await calls[3]!.finish();
  await show(a);
  expect(calls.slice(4).map(({ text }) => text)).toEqual(['xhello world']);
  await calls[4]!.finish();
  expect([sessionOf(a)?.routed?.complete, sessionOf(a)?.partial]).toEqual([true, undefined]);
});

test('cells of a notebook behind another tab wait until it is seen', async () => {
  const [text, cell] = [new Document('text', 'hello world'), new Document('cell', 'other text', CELL)];
  const notebook = { getCells: () => [{ document: cell, notebook, index: 0 }] };
  workspace.notebookDocuments = [notebook];
  await start({ looksOn: true });
  // VS Code counts it among what is visible.
  await show(text, cell);
  await calls[0]!.finish();
  await vi.advanceTimersByTimeAsync(REST);
  expect(calls).toHaveLength(1);
  window.visibleNotebookEditors = [{ notebook }];
  await show(text, cell);
  await vi.advanceTimersByTimeAsync(REST);
  expect(calls.slice(1).map((call) => call.text)).toEqual(['other text']);
  await calls[1]!.finish();

  // As by what is replaced in all files.
  window.visibleNotebookEditors = [];
  await cell.type('x');
  expect(calls.slice(2)).toEqual([]);
  window.visibleNotebookEditors = [{ notebook }];
  visibleNotebooks.fire([]);
  await vi.advanceTimersByTimeAsync(AT_ONCE);
  expect(calls.slice(2).map((call) => call.text)).toEqual(['xother text']);
  await calls[2]!.finish();

  // What is typed into is seen, as on a side of a comparison of notebooks.
  window.visibleNotebookEditors = [];
  await show(cell);
  await cell.type('y');
  expect(calls.slice(3).map((call) => call.text)).toEqual(['yxother text']);
  workspace.notebookDocuments = [];
});

test('a recording that was opened on a text whose run made way stays', async () => {
  const [a, b] = [new Document('a', 'hello world'), new Document('b', 'other text')];
  await show(a, b);
  await start();
  await analyze(a);
  await analyze(b);
  await a.type('x');
  await show(b);
  await b.type('y');
  expect(calls[2]!.signal.reason).toBe(SUPERSEDED);
  await calls[3]!.finish();
  await live.set(false);
  analyzer.show(a as unknown as TextDocument, a.text, sessionOf(b)!.routed!.trace);
  await show(a);
  await live.set(true);
  await vi.advanceTimersByTimeAsync(REST);
  expect(calls.slice(4).map(({ text }) => text)).toEqual([]);
});

test('a text is routed by the model that was chosen meanwhile as soon as somebody looks at it', async () => {
  const [a, b] = await twoRouted();
  folder = 'another';
  await show(a);
  expect(calls.slice(2).map(({ text }) => text)).toEqual(['hello world']);
  await calls[2]!.finish();
  await show(b);
  expect(calls.slice(3).map(({ text }) => text)).toEqual(['other text']);
  await calls[3]!.finish();
  // Both are current now.
  await show(a);
  await show(b);
  expect(calls.length).toBe(4);
});

test('a recording that stands in the place of a text’s routing is not routed anew by another model', async () => {
  const [a, b] = [new Document('a', 'hello world'), new Document('b', 'other text')];
  await show(a);
  await start({ looksOn: true });
  await calls[0]!.finish();
  analyzer.show(a as unknown as TextDocument, a.text, sessionOf(a)!.routed!.trace);
  folder = 'another';
  await show(b);
  await calls[1]!.finish();
  await show(a);
  expect(calls.slice(2).map(({ text }) => text)).toEqual([]);
});

test('what is analysed unseen because somebody asked for it goes on', async () => {
  const [a, b] = [new Document('a', 'hello world'), new Document('b', 'other text')];
  await show(a, b);
  await start();
  await analyze(b);
  const part: unknown = { document: a, text: a.text, base: 0, whole: true };
  void analyzer.analyze(part as Parameters<Analyzer['analyze']>[0]);
  await show(b);
  await b.type('y');
  expect(calls.slice(1).map(({ text, signal }) => [text, signal.aborted])).toEqual([
    ['hello world', false],
    ['yother text', false],
  ]);
});

test('Cancel ends a run for good, also where there was an edit meanwhile', async () => {
  const a = new Document('a', 'hello world');
  await show(a);
  await start();
  await analyze(a);
  await a.type('x');
  await a.type('y');
  analyzer.cancel(sessionOf(a)!);
  await vi.advanceTimersByTimeAsync(REST);
  expect(calls.map(({ text }) => text)).toEqual(['hello world', 'xhello world']);
  await a.type('z');
  expect(calls.at(-1)?.text).toBe('zyxhello world');
});

test('a text beside that does not fit into memory does not switch it off for the one that is typed into', async () => {
  const [a, b] = [new Document('a', 'hello world'), new Document('b', 'other text')];
  await show(a, b);
  await start({ looksOn: true });
  await calls[0]!.finish();
  await vi.advanceTimersByTimeAsync(REST);
  expect(calls[1]?.text).toBe('other text');
  await calls[1]!.fail(new UserError('out-of-memory', 'The KV cache needs 4.9 GB.'));
  await vi.advanceTimersByTimeAsync(REST);
  await a.type('x');
  expect([live.on, calls.slice(2).map(({ text }) => text), told.length]).toEqual([true, ['xhello world'], 1]);
});

test('a model that fails switches it off', async () => {
  await show(new Document('a', 'hello world'));
  await start({ looksOn: true });
  await calls[0]!.fail(new UserError('weights-invalid', 'The weights are damaged.'));
  expect(live.on).toBe(false);
});

const away = (): UserError => new UserError('server-unreachable', 'The server at localhost:8000 is not there.');
/** After which a server that was away is asked again. */
const AWAY = 15_000;

test('a server that is away is told of once, and what was typed meanwhile is routed when it is back', async () => {
  const a = new Document('a', 'hello world');
  await show(a);
  await start();
  await analyze(a);
  for (const letter of 'xy') {
    await a.type(letter);
    await calls.at(-1)!.fail(away());
  }
  expect([live.on, told.length]).toEqual([true, 1]);
  await vi.advanceTimersByTimeAsync(AWAY);
  expect(calls).toHaveLength(4);
  await calls[3]!.finish();
  expect([calls[3]!.text, sessionOf(a)?.routed?.text]).toEqual(['yxhello world', 'yxhello world']);
  await vi.advanceTimersByTimeAsync(AWAY);
  expect(calls).toHaveLength(4);
  // Another time, it is told of again.
  await a.type('z');
  await calls[4]!.fail(away());
  expect(told).toHaveLength(2);
  await live.set(false);
  await vi.advanceTimersByTimeAsync(AWAY);
  expect(calls).toHaveLength(5);
});

test('texts that are looked at while the server is away are routed when it is back', async () => {
  const [a, b] = [new Document('a', 'hello world'), new Document('b', 'other text')];
  await show(a);
  await start({ looksOn: true });
  await calls[0]!.fail(away());
  await show(b);
  await calls[1]!.fail(away());
  expect([live.on, told.length, calls.length]).toEqual([true, 1, 2]);
  await vi.advanceTimersByTimeAsync(AWAY);
  expect(calls).toHaveLength(3);
  await calls[2]!.finish();
  expect(sessionOf(b)?.routed?.text).toBe('other text');
  // Who asks for a text hears of it.
  const part: unknown = { document: a, text: a.text, base: 0, whole: true };
  for (const expected of [2, 3]) {
    void analyzer.analyze(part as Parameters<Analyzer['analyze']>[0]);
    await vi.advanceTimersByTimeAsync(AT_ONCE);
    await calls.at(-1)!.fail(away());
    expect(told).toHaveLength(expected);
  }
});

test('who does not agree to what a model is taken for is asked once', async () => {
  let asked = 0;
  const a = new Document('a', 'hello world');
  await show(a);
  await start({ looksOn: true });
  await calls[0]!.finish();
  folder = 'exported';
  agree = () => {
    asked += 1;
    return Promise.resolve(false);
  };
  for (const letter of 'xyz') await a.type(letter);
  await show(new Document('b', 'other text'));
  expect([asked, live.on, calls.length, told]).toEqual([1, false, 1, [expect.objectContaining({ code: 'cancelled' })]]);
});

test('a model’s files are looked at again while somebody types, and not at each letter', async () => {
  let looked = 0;
  agree = () => {
    looked += 1;
    return Promise.resolve(true);
  };
  const a = new Document('a', 'hello world');
  await show(a);
  await start();
  await analyze(a);
  for (const letter of 'xyz') {
    await a.type(letter);
    await calls.at(-1)!.finish();
  }
  expect([calls.length, looked]).toEqual([4, 1]);
  await vi.advanceTimersByTimeAsync(REST);
  await a.type('!');
  expect(looked).toBe(2);
  // It is the model that the last run ran, and this one goes on from that.
  expect(calls.at(-1)?.live?.base).toEqual({ run: 4, routed: 14 });
});
