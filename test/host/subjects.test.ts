import type { TextDocument } from 'vscode';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { subjectOf } from '../../extension/analysis/sections/subject.ts';
import type { Session } from '../../extension/host/session.ts';
import { Sessions } from '../../extension/host/sessions.ts';
import { Subjects } from '../../extension/host/subjects.ts';
import { closing, workspace } from '../support/vscode.ts';
import { routedTextOf } from './routedTextOf.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

const TEXT = 'one two';
const ID = 'text:file:///a.txt';

let sessions: Sessions;
let subjects: Subjects;
let removed: string[];
beforeEach(() => {
  sessions = new Sessions();
  subjects = new Subjects(sessions);
  removed = [];
  subjects.onDidRemove((id) => removed.push(id));
});
afterEach(() => {
  subjects.dispose();
  sessions.dispose();
});

function documentAt(path: string): TextDocument {
  const document: unknown = { uri: { path, toString: () => `file://${path}` } };
  return document as TextDocument;
}

/** A text with routing. */
function routed(folder = '/models/tiny') {
  const layer = { layer: 0, experts: 2, k: 1, slots: [[[0, 1]], [[1, 1]]], entropy: [0, 0], margin: [1, 1] } as const;
  const text = routedTextOf({
    text: TEXT,
    tokens: [
      [0, 3],
      [3, 7],
    ],
    layers: [layer],
  });
  const { origin, ...trace } = text.trace;
  text.grow({ ...trace, origin: { ...origin, model: { ...origin.model, folder } } });
  return text;
}

function route(document: TextDocument): Session {
  const session = sessions.open(document);
  session.show(routed(), false);
  sessions.publish(session, 'routing');
  return session;
}

/** Adds the routing of a text under a change in the model. */
function addChanged(): void {
  const { trace } = routed();
  subjects.add(
    {
      id: `changed:${ID}`,
      from: ID,
      name: 'a',
      detail: '',
      model: trace.origin.model,
      make: () => subjectOf('a', trace, TEXT),
    },
    false,
  );
}

test('what was found for a text goes with its routing', () => {
  const document = documentAt('/a.txt');
  const session = route(document);
  const [ablated, profile] = [{} as never, {} as never];
  subjects.addEvidence(ID, { ablated, profile });
  expect(subjects.evidence(ID)).toEqual({ ablated, profile });
  route(document);
  // What the model costs stays, as it is the same one.
  expect(subjects.evidence(ID)).toEqual({ profile });
  session.show(routed('/models/other'), false);
  sessions.publish(session, 'routing');
  expect(subjects.evidence(ID)).toEqual({});
  expect(sessions.get(document.uri)).toBe(session);
  expect(removed).toEqual([]);
});

test('what comes from a text goes with it; what was kept of it stays', () => {
  const document = documentAt('/a.txt');
  route(document);
  route(documentAt('/b.txt'));
  addChanged();
  const { trace } = routed();
  subjects.add(
    { id: 'kept:1', name: 'a', detail: '', model: trace.origin.model, make: () => subjectOf('a', trace, TEXT) },
    false,
  );
  closing.fire(document);
  expect(subjects.entries.map(({ id }) => id)).toEqual(['text:file:///b.txt', 'kept:1']);
  expect(removed.sort()).toEqual([`changed:${ID}`, ID]);
});

test('texts of one name are told apart, and so are the cells of a notebook', () => {
  const documentOf = (uri: string, at = 0): TextDocument => {
    const [scheme, path] = uri.split(':');
    const document: unknown = { uri: { scheme, path, toString: () => `${uri}#${at}` } };
    return document as TextDocument;
  };
  const texts = ['file:/workspace/a/one.ts', 'git:/workspace/a/one.ts', 'file:/workspace/two.ts'].map((uri) =>
    documentOf(uri),
  );
  const cells = [1, 2].map((at) => documentOf('vscode-notebook-cell:/workspace/n.ipynb', at));
  const notebook = {
    uri: { scheme: 'file', path: '/workspace/n.ipynb' },
    getCells: () => cells.map((document, i) => ({ notebook, document, index: 2 * i })),
  };
  workspace.notebookDocuments = [notebook];
  for (const document of [...texts, ...cells]) route(document);
  const names = subjects.entries.map(({ name }) => name);
  workspace.notebookDocuments = [];
  expect(names).toEqual(['a/one.ts', 'git: a/one.ts', 'two.ts', 'n.ipynb, cell 1', 'n.ipynb, cell 3']);
});

test('routing anew leaves the routing under a change to be compared with', () => {
  const document = documentAt('/a.txt');
  route(document);
  addChanged();
  route(document);
  expect(subjects.entries.map(({ id }) => id)).toEqual([ID, `changed:${ID}`]);
});

test('a text that is opened again has nothing of what was found when it was closed', () => {
  const document = documentAt('/a.txt');
  route(document);
  closing.fire(document);
  subjects.addEvidence(ID, { profile: {} as never });
  expect(subjects.evidence(ID)).toEqual({});
});

test('a version of a text is never that of another routing, though it was closed meanwhile', () => {
  const document = documentAt('/a.txt');
  const first = subjects.ofSession(route(document))!.version;
  closing.fire(document);
  expect(subjects.ofSession(route(document))!.version).toBeGreaterThan(first);
});

test('whoever goes to a place of a folder comes back to its report', async () => {
  const [a, b] = [documentAt('/a.txt'), documentAt('/b.txt')];
  route(a);
  route(b);
  const { trace } = routed();
  const goTo = async () => {
    await Promise.resolve();
    sessions.open(a);
  };
  subjects.add({
    id: 'folder',
    name: 'a',
    detail: '',
    model: trace.origin.model,
    make: () => subjectOf('a', trace),
    goTo,
  });
  await subjects.goTo('folder', { file: 0, start: 0, end: 3 });
  expect(sessions.current?.name).toBe('a.txt');
  expect(subjects.current?.id).toBe('folder');
  // An editor that the user goes to is another matter.
  sessions.open(b);
  expect(subjects.current?.id).toBe('text:file:///b.txt');
});
