/** What a report shows when two runs were put beside one another, and what is asked for to do so. */
import type { TextDocument } from 'vscode';
import { beforeEach, describe, expect, it, test, vi } from 'vitest';
import { makeSection } from '../../extension/analysis/sections/all.ts';
import { subjectOf } from '../../extension/analysis/sections/subject.ts';
import { Comparisons, type ComparisonParts } from '../../extension/host/comparisons.ts';
import { Sessions } from '../../extension/host/sessions.ts';
import { Subjects } from '../../extension/host/subjects.ts';
import type { ModelRequest } from '../../extension/protocol/engine.ts';
import { cancelled } from '../../extension/protocol/errors.ts';
import type { ServerSpec } from '../../extension/protocol/server.ts';
import { notifications, window } from '../support/vscode.ts';
import { demoTrace } from '../webview/demoTrace.ts';
import { routedTextOf } from './routedTextOf.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

describe('the bundled models', () => {
  let server: ServerSpec | undefined;
  /** Folders and texts that the engine was asked for. */
  let asked: (readonly [string, string])[];
  let comparisons: Comparisons;
  beforeEach(() => {
    server = undefined;
    asked = [];
    const parts: unknown = {
      client: {
        analyze: ({ folder }: ModelRequest, text: string) => {
          asked.push([folder, text]);
          return Promise.reject(cancelled());
        },
      },
      models: {
        bundled: [
          { folder: '/balanced', name: 'balanced' },
          { folder: '/collapsed', name: 'collapsed' },
        ],
        folder: '/balanced',
        get server() {
          return server;
        },
        request: (folder: string) => ({ folder }),
      },
      report: { show: () => undefined },
      subjects: { add: () => undefined, openerOf: () => undefined },
    };
    comparisons = new Comparisons(parts as ComparisonParts);
  });

  it('a bundled model is not the one that routes while a server does', () => {
    expect(comparisons.bundledIsChosen).toBe(true);
    server = { url: 'https://one.test', model: 'm' };
    expect(comparisons.bundledIsChosen).toBe(false);
  });

  it('the bundled models route the text that the report is about', async () => {
    const { trace } = demoTrace('balanced', 'essay.md');
    const subject = { id: 'kept:1', version: 0, make: () => subjectOf('essay.md', trace, 'kept text') };
    await expect(comparisons.bundledOf({ subject, session: undefined })).rejects.toMatchObject({ code: 'cancelled' });
    expect(asked).toEqual([['/balanced', 'kept text']]);
  });
});

const TEXT = 'one two';

function routed() {
  const layer = { layer: 0, experts: 2, k: 1, slots: [[[0, 1]], [[1, 1]]], entropy: [0, 0], margin: [1, 1] } as const;
  return routedTextOf({
    text: TEXT,
    tokens: [
      [0, 3],
      [3, 7],
    ],
    layers: [layer],
  });
}

test('the report opens on what was compared, whatever was chosen meanwhile', async () => {
  const sessions = new Sessions();
  const subjects = new Subjects(sessions);
  for (const path of ['/a.txt', '/b.txt', '/c.txt']) {
    const document: unknown = { uri: { path, toString: () => `file://${path}` } };
    const session = sessions.open(document as TextDocument);
    session.show(routed(), false);
    sessions.publish(session, 'routing');
  }
  const shown: unknown[] = [];
  const report = { show: (section: string) => shown.push([subjects.current?.id, section]) };
  const parts: unknown = { models: { bundled: [], recent: [] }, report, sessions, subjects };
  const showQuickPick = (items: readonly unknown[]) => {
    subjects.choose('text:file:///b.txt');
    return Promise.resolve(items[0]);
  };
  Object.assign(window, { showQuickPick });
  await new Comparisons(parts as ComparisonParts).ask();
  expect(shown).toEqual([['text:file:///c.txt', 'compare']]);
  expect(subjects.evidence('text:file:///c.txt').other?.name).toBe('a.txt');
});

test('a report on two texts of one name tells them apart', async () => {
  const sessions = new Sessions();
  const subjects = new Subjects(sessions);
  for (const path of ['/workspace/a/one.ts', '/workspace/b/one.ts']) {
    const document: unknown = { uri: { scheme: 'file', path, toString: () => `file://${path}` } };
    const session = sessions.open(document as TextDocument);
    session.show(routed(), false);
    sessions.publish(session, 'routing');
  }
  const parts: unknown = { models: { bundled: [], recent: [] }, report: { show: () => undefined }, sessions, subjects };
  Object.assign(window, { showQuickPick: (items: readonly unknown[]) => Promise.resolve(items[0]) });
  await new Comparisons(parts as ComparisonParts).ask();
  const { verdict } = makeSection('compare', subjects.current!.make(), {})!;
  expect(verdict).toMatch(/with one\.ts, .* with a\/one\.ts /u);
});

test('where there is nothing else to compare with, that is said instead of an empty list', async () => {
  const subjects = new Subjects(new Sessions());
  const { trace } = demoTrace('balanced', 'essay.md');
  const make = () => subjectOf('essays', trace, TEXT);
  subjects.add({ id: 'folder:1', name: 'essays', detail: '', model: trace.origin.model, make });
  const showQuickPick = vi.fn(() => Promise.resolve());
  Object.assign(window, { showQuickPick });
  notifications.length = 0;
  const ended = new Comparisons({ models: { bundled: [], recent: [] }, subjects } as unknown as ComparisonParts).ask();
  await vi.waitUntil(() => notifications.length > 0 || showQuickPick.mock.calls.length > 0);
  expect(showQuickPick).not.toHaveBeenCalled();
  expect(notifications[0]!.message).toMatch(/^There is nothing else yet to compare this with/u);
  notifications[0]!.answer();
  await ended;
});
