import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { subjectOf } from '../../extension/analysis/sections/subject.ts';
import { askToRemove } from '../../extension/host/removal.ts';
import { Sessions } from '../../extension/host/sessions.ts';
import { Subjects } from '../../extension/host/subjects.ts';
import { notifications, window } from '../support/vscode.ts';
import { traceOf } from './routedTextOf.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

interface Item {
  readonly label: string;
}

let sessions: Sessions;
let subjects: Subjects;
beforeEach(() => {
  sessions = new Sessions();
  subjects = new Subjects(sessions);
  notifications.length = 0;
});
afterEach(() => {
  subjects.dispose();
  sessions.dispose();
});

/** What is chosen of the list that comes up; nothing when it is left. */
function answer(...labels: readonly string[]): void {
  Object.assign(window, {
    showQuickPick: (items: readonly Item[]) =>
      Promise.resolve(labels.length === 0 ? undefined : items.filter(({ label }) => labels.includes(label))),
  });
}

function add(id: string): void {
  const trace = traceOf({ text: 'x', tokens: [[0, 1]], layers: [] });
  subjects.add({ id, name: id, detail: '', model: trace.origin.model, make: () => subjectOf(id, trace, 'x') });
}

test('what was added leaves the report when it is chosen, and the report shows something else', async () => {
  for (const id of ['kept:1', 'folder:2', 'recording:3']) add(id);
  const removed: string[] = [];
  subjects.onDidRemove((id) => removed.push(id));
  answer('kept:1', 'recording:3');
  await askToRemove(subjects);
  expect(subjects.entries.map(({ id }) => id)).toEqual(['folder:2']);
  expect(subjects.current).toBeUndefined();
  // Then the analyst frees what it has of them.
  expect(removed).toEqual(['kept:1', 'recording:3']);
});

test('nothing goes when the list is left', async () => {
  add('kept:1');
  answer();
  await askToRemove(subjects);
  expect(subjects.entries).toHaveLength(1);
});

test('where nothing was added, that is said', () => {
  void askToRemove(subjects);
  expect(notifications.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^Nothing was added to the report/u),
  ]);
});
