/** Where routing goes when the text that it is of goes on in another document. */
import type { TextDocument } from 'vscode';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { EngineClient } from '../../extension/client/engineClient.ts';
import { Analyzer } from '../../extension/host/analyzer.ts';
import { Handover } from '../../extension/host/handover.ts';
import type { LiveSwitch } from '../../extension/host/liveSwitch.ts';
import type { Log } from '../../extension/host/log.ts';
import type { Models } from '../../extension/host/models.ts';
import type { Problems } from '../../extension/host/problems.ts';
import type { RoutedText } from '../../extension/host/routedText.ts';
import { Sessions } from '../../extension/host/sessions.ts';
import { closing, EndOfLine, opening, saving } from '../support/vscode.ts';
import { routedTextOf } from './routedTextOf.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

/** Offsets stand for positions. */
class Document {
  readonly uri: unknown;
  readonly eol = EndOfLine.LF;
  readonly lineCount = 1;
  isClosed = false;

  constructor(
    name: string,
    public text: string,
  ) {
    this.uri = `file:///${name}`;
  }

  get self(): TextDocument {
    return this as unknown as TextDocument;
  }

  lineAt(): unknown {
    return { range: { end: this.text.length } };
  }

  offsetAt(position: number): number {
    return position;
  }

  getText(): string {
    return this.text;
  }

  open(): this {
    opening.fire(this.self);
    return this;
  }

  close(): void {
    this.isClosed = true;
    closing.fire(this.self);
  }
}

let sessions: Sessions;
let handover: Handover;

beforeEach(() => {
  vi.useFakeTimers();
  sessions = new Sessions();
  const unused: unknown = {};
  const analyzer = new Analyzer(
    ...([unused as EngineClient, sessions, unused as Models] as const),
    ...([unused as LiveSwitch, unused as Problems, unused as Log] as const),
  );
  handover = new Handover(analyzer, sessions);
});
afterEach(() => {
  handover.dispose();
  sessions.dispose();
  vi.useRealTimers();
});

/** A document whose text, or a part of it from an offset on, was routed: a token a letter. */
function routedDocument(name: string, text: string, base?: number): Document {
  const document = new Document(name, text);
  const part = text.slice(base ?? 0);
  const tokens = Array.from(part, (_, i) => [i, i + 1] as const);
  const where = base === undefined ? {} : { base, whole: false };
  sessions.open(document.self).routed = routedTextOf({ text: part, tokens, layers: [], ...where });
  return document;
}

function routedOf({ self }: Document): RoutedText | undefined {
  return sessions.get(self.uri)?.routed;
}

/** Puts letters into a document. */
function insert(document: Document, offset: number, letters: string): void {
  const { text } = document;
  document.text = text.slice(0, offset) + letters + text.slice(offset);
  const change = { offset, removed: 0, inserted: letters.length };
  routedOf(document)!.edits.apply([change], (from, to) => document.text.slice(from, to));
}

test('all files of a folder that is renamed keep theirs, and the views stay with their text', () => {
  const before = ['a', 'b', 'c'].map((name) => routedDocument(`old/${name}`, `text of ${name}`));
  sessions.open(before[1]!.self);
  for (const document of before) document.close();
  const after = ['a', 'b', 'c'].map((name) => new Document(`new/${name}`, `text of ${name}`).open());
  expect(after.map((document) => routedOf(document)?.text)).toEqual(['text of a', 'text of b', 'text of c']);
  expect(after.map((document) => routedOf(document)?.edits.edited)).toEqual([false, false, false]);
  expect(sessions.current?.document).toBe(after[1]);
});

test('what was edited since stays stale', () => {
  const before = routedDocument('before', '0123456789');
  insert(before, 4, 'xy');
  before.close();
  const after = new Document('after', '0123xy456789').open();
  expect(routedOf(after)?.edits.edited).toBe(true);
  expect(routedOf(after)?.staleFrom).toBe(4);
  expect(routedOf(after)?.placeOf(9)).toEqual({ start: 11, end: 12 });
});

test('a part stays where it is in the text', () => {
  const before = routedDocument('before', 'abc0123', 3);
  insert(before, 0, '--');
  before.close();
  const after = new Document('after', '--abc0123').open();
  expect(routedOf(after)!.edits.region).toEqual({ start: 5, end: 9, whole: false });
  expect(routedOf(after)!.edits.edited).toBe(false);
});

test('a text that is saved as another takes it along, also where its end is made a line end', () => {
  // It is not the only one that reads so.
  routedDocument('copy', '01x23');
  const before = routedDocument('before', '0123');
  insert(before, 2, 'x');
  const after = new Document('after', '01x23\n').open();
  saving.fire(after.self);
  // VS Code takes back what was not saved.
  before.text = '0123';
  before.close();
  expect(sessions.current?.document).toBe(after);
  expect(routedOf(after)?.staleFrom).toBe(2);
  expect(routedOf(after)?.placeOf(1)).toEqual({ start: 1, end: 2 });
});

test('of a text that is thrown away, an empty one that is opened next has nothing', () => {
  const before = routedDocument('before', '0123');
  // VS Code empties it first.
  before.text = '';
  routedOf(before)!.edits.apply([{ offset: 0, removed: 4, inserted: 0 }], () => '');
  before.close();
  expect(routedOf(new Document('after', '').open())).toBeUndefined();
});

test('a text that takes long to be saved as another takes it along, too', () => {
  const before = routedDocument('before', '0123');
  const after = new Document('after', '0123').open();
  // It is formatted, say.
  vi.advanceTimersByTime(5_000);
  saving.fire(after.self);
  before.close();
  expect(routedOf(after)?.text).toBe('0123');
});

test('documents that open all the while keep nothing for longer', () => {
  routedDocument('before', '0123').close();
  for (let i = 0; i < 5; i++) {
    vi.advanceTimersByTime(1_000);
    new Document(`other ${i}`, 'other').open();
  }
  expect(routedOf(new Document('after', '0123').open())).toBeUndefined();
});

test('a document with other words, one that was there before, or comes later, has none of it', () => {
  const early = new Document('early', '0123').open();
  saving.fire(early.self);
  const before = routedDocument('before', '0123');
  saving.fire(early.self);
  before.close();
  const other = new Document('other', '01234').open();
  vi.advanceTimersByTime(5_000);
  const late = new Document('late', '0123').open();
  expect([early, other, late].map(routedOf)).toEqual([undefined, undefined, undefined]);
});
