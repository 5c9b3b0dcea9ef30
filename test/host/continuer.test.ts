import type {
  Position,
  TextDocument,
  TextDocumentChangeEvent,
  TextEditor,
  TextEditorSelectionChangeEvent,
} from 'vscode';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { EngineClient } from '../../extension/client/engineClient.ts';
import { Continuer } from '../../extension/host/continuer.ts';
import type { Models } from '../../extension/host/models.ts';
import type { Problems } from '../../extension/host/problems.ts';
import type { Settings } from '../../extension/host/settings.ts';
import { cancelled } from '../../extension/protocol/errors.ts';
import {
  activating,
  commands,
  editing,
  languages,
  notifications,
  selecting,
  statusMessages,
  window,
} from '../support/vscode.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

type Sink = Parameters<EngineClient['continue']>[2];

const uri = { scheme: 'file', path: '/texts/essay.md' };
const document: unknown = { version: 1, uri, getText: () => 'The router' };
const editor: unknown = {
  document,
  selection: { active: position(10) },
};

function position(character: number): Position {
  const at: unknown = { line: 0, character, isEqual: (other: Position) => other.character === character };
  return at as Position;
}

let continuer: Continuer;
let sink: Sink | undefined;
let end: () => void;
/** Tokens that the model says it has added. */
let added: number;
/** Messages of notices, and what their buttons do. */
let notices: { messages: string[]; open: boolean; cancel: () => void }[];
beforeEach(() => {
  vi.useFakeTimers();
  [notices, added] = [[], 1];
  statusMessages.length = 0;
  Object.assign(window, {
    withProgress: async (
      _: unknown,
      work: (progress: { report: (step: { message: string }) => void }, token: unknown) => Promise<unknown>,
    ) => {
      const notice = { messages: [] as string[], open: true, cancel: (): void => undefined };
      notices.push(notice);
      await work(
        { report: ({ message }) => notice.messages.push(message) },
        { onCancellationRequested: (cancel: () => void) => (notice.cancel = cancel) },
      );
      notice.open = false;
    },
  });
  const client: unknown = {
    continue: (_model: unknown, _what: unknown, told: Sink, signal: AbortSignal) =>
      new Promise<number>((resolve, reject) => {
        sink = told;
        end = () => {
          resolve(added);
        };
        signal.addEventListener('abort', () => {
          reject(cancelled());
        });
      }),
  };
  const models: unknown = { agree: () => Promise.resolve(true), request: () => ({}), name: 'demo' };
  const settings: unknown = { continueTokens: 4, continueTemperature: 0, continueSeed: 1, liveCache: 1 };
  const problems: unknown = { report: () => undefined };
  continuer = new Continuer(client as EngineClient, models as Models, problems as Problems, settings as Settings);
});
afterEach(() => {
  continuer.dispose();
  vi.useRealTimers();
});

/** Begins, and waits for as long as a user would before wondering. */
async function begin(): Promise<{ readonly written: Promise<void> }> {
  const written = continuer.write(editor as TextEditor);
  await vi.advanceTimersByTimeAsync(1000);
  expect(notices).toEqual([]);
  sink!.progress({ run: 1, stage: 'import', done: 3e6, total: 12e6 });
  await vi.advanceTimersByTimeAsync(1500);
  return { written };
}

/** Begins, and two tokens come, each of which is offered before the next. */
async function beginWithTwo(): Promise<{ readonly written: Promise<void> }> {
  const written = continuer.write(editor as TextEditor);
  await vi.advanceTimersByTimeAsync(0);
  for (let i = 0; i < 2; i++) {
    sink!.continued(token);
    await vi.advanceTimersByTimeAsync(1000);
  }
  return { written };
}

const token = { run: 1, id: 5, text: ' sends', milliseconds: 1, logProb: -1, layers: [] };

test('a model that takes its time is told of until the first token', async () => {
  const { written } = await begin();
  expect(notices[0]?.messages.at(-1)).toBe('Preparing demo for its first use: 3 of 12 MB');
  sink!.progress({ run: 1, stage: 'load', done: 0, total: 0 });
  expect(notices[0]?.messages.at(-1)).toBe('Loading demo');
  sink!.continued(token);
  await vi.advanceTimersByTimeAsync(0);
  expect(notices[0]?.open).toBe(false);
  end();
  await written;
  expect(continuer.written?.tokens).toHaveLength(1);
});

test('VS Code is asked for each growth of the text, though it has had an answer at that place', async () => {
  Object.assign(window, { activeTextEditor: editor });
  const events: string[] = [];
  const dispose = (): undefined => {
    events.push('taken back');
    return undefined;
  };
  const register = vi.spyOn(languages, 'registerInlineCompletionItemProvider').mockImplementation(() => {
    events.push('offered');
    return { dispose };
  });
  const run = vi.spyOn(commands, 'executeCommand').mockImplementation((...[command]: unknown[]) => {
    const suggest = /^editor\.action\.inlineSuggest\.(.*)/.exec(String(command));
    if (suggest) events.push(suggest[1]!);
    return Promise.resolve();
  });
  const { written } = await beginWithTwo();
  expect(events).toEqual(['hide', 'offered', 'trigger', 'hide', 'taken back', 'offered', 'trigger']);
  end();
  await written;
  for (const spy of [register, run]) spy.mockRestore();
  Object.assign(window, { activeTextEditor: undefined });
});

test.each([true, false])(
  'where VS Code asks for nothing that is offered, it is said where it stands: asks %j',
  async (asks) => {
    Object.assign(window, { activeTextEditor: editor });
    notifications.length = 0;
    const run = vi.spyOn(commands, 'executeCommand').mockImplementation((...[command]: unknown[]) => {
      if (asks && command === 'editor.action.inlineSuggest.trigger') {
        continuer.provideInlineCompletionItems(document as TextDocument, position(10));
      }
      return Promise.resolve();
    });
    const { written } = await beginWithTwo();
    end();
    await written;
    await vi.advanceTimersByTimeAsync(1000);
    const sentence =
      'This editor shows no suggestions, as where a text is read-only: what the model writes is listed in Routing Load.';
    expect(notifications.map(({ message }) => message)).toEqual(asks ? [] : [sentence]);
    notifications[0]?.answer('Show Routing Load');
    await vi.advanceTimersByTimeAsync(0);
    expect((run.mock.calls as unknown[][]).some(([command]) => command === 'moescope.load.focus')).toBe(!asks);
    run.mockRestore();
    Object.assign(window, { activeTextEditor: undefined });
  },
);

test('nothing is told of where the first token is quick', async () => {
  const written = continuer.write(editor as TextEditor);
  await vi.advanceTimersByTimeAsync(1000);
  sink!.continued(token);
  await vi.advanceTimersByTimeAsync(5000);
  end();
  await written;
  expect(notices).toEqual([]);
});

test('what has come stays in the view when no more comes', async () => {
  const told: number[] = [];
  continuer.onDidChange(({ tokens }) => told.push(tokens.length));
  const written = continuer.write(editor as TextEditor);
  await vi.advanceTimersByTimeAsync(0);
  for (let i = 0; i < 3; i++) sink!.continued(token);
  await continuer.drop();
  await written;
  await vi.advanceTimersByTimeAsync(5000);
  expect(told.at(-1)).toBe(3);
});

test('what was written names its text and its model, also when another one has been chosen since', async () => {
  const written = continuer.write(editor as TextEditor);
  await vi.advanceTimersByTimeAsync(0);
  const model: unknown = { name: 'tiny', moeLayers: [], context: 64 };
  sink!.began({ run: 1, model } as Parameters<Sink['began']>[0]);
  sink!.continued(token);
  end();
  await written;
  expect(continuer.written).toMatchObject({ document: 'essay.md', model: 'tiny' });
});

test('Cancel of the notice ends it', async () => {
  const { written } = await begin();
  notices[0]!.cancel();
  await written;
  await vi.advanceTimersByTimeAsync(0);
  expect([continuer.writing, notices[0]!.open, statusMessages]).toEqual([false, false, []]);
});

test('a click elsewhere ends it, and says so', async () => {
  const { written } = await begin();
  const elsewhere: unknown = { textEditor: { document }, selections: [{ active: { isEqual: () => false } }] };
  selecting.fire(elsewhere as TextEditorSelectionChangeEvent);
  await written;
  await vi.advanceTimersByTimeAsync(0);
  expect([continuer.writing, notices[0]!.open]).toEqual([false, false]);
  expect(statusMessages).toEqual([expect.stringContaining('before the model was ready')]);
});

test('what was taken with Tab stays listed, also in a view that comes up later', async () => {
  const written = continuer.write(editor as TextEditor);
  await vi.advanceTimersByTimeAsync(0);
  sink!.continued(token);
  end();
  await written;
  const taken: unknown = { document, contentChanges: [{}] };
  editing.fire(taken as TextDocumentChangeEvent);
  expect([continuer.writing, continuer.written?.tokens.length]).toEqual([false, 1]);
});

test('what was written while a page had the focus is offered when its editor has it again', async () => {
  const run = vi.spyOn(commands, 'executeCommand');
  const offered = (): boolean =>
    (run.mock.calls as unknown[][]).some(([command]) => command === 'editor.action.inlineSuggest.trigger');
  try {
    window.activeTextEditor = undefined;
    const written = continuer.write(editor as TextEditor);
    await vi.advanceTimersByTimeAsync(0);
    sink!.continued(token);
    end();
    await written;
    await vi.advanceTimersByTimeAsync(2000);
    expect(offered()).toBe(false);
    // Another split of the document is at another place of it.
    const split: unknown = { document, selection: { active: position(3) } };
    window.activeTextEditor = split;
    activating.fire(split as TextEditor);
    await vi.advanceTimersByTimeAsync(2000);
    expect(offered()).toBe(false);
    window.activeTextEditor = editor;
    activating.fire(editor as TextEditor);
    await vi.advanceTimersByTimeAsync(2000);
    expect(offered()).toBe(true);
  } finally {
    window.activeTextEditor = undefined;
    run.mockRestore();
  }
});

test.each([
  [
    1,
    'The model adds nothing here: its context of 1 token has no room for another. moescope.context says how long it may be.',
  ],
  [1024, 'The model adds nothing here: it considers the text finished.'],
])('where nothing is added in a context of %i it is said why', async (context, why) => {
  notifications.length = 0;
  added = 0;
  const written = continuer.write(editor as TextEditor);
  await vi.advanceTimersByTimeAsync(0);
  const began: unknown = { model: { context, moeLayers: [] } };
  sink!.began(began as Parameters<Sink['began']>[0]);
  end();
  await written;
  expect(notifications.map(({ message }) => message)).toEqual([why]);
});

test.each(['', '\n\n  '])('before a text there is nothing to continue: %j', async (text) => {
  sink = undefined;
  notifications.length = 0;
  const empty: unknown = { document: { version: 1, getText: () => text }, selection: { active: {} } };
  void continuer.write(empty as TextEditor);
  await vi.advanceTimersByTimeAsync(0);
  expect([sink, continuer.writing]).toEqual([undefined, false]);
  expect(notifications.map(({ message }) => message)).toEqual([
    'There is no text before the cursor: place it after some text.',
  ]);
});
