import { beforeEach, expect, test, vi } from 'vitest';
import { subjectOf } from '../../extension/analysis/sections/subject.ts';
import { Comparisons, type ComparisonParts } from '../../extension/host/comparisons.ts';
import type { ModelRequest } from '../../extension/protocol/engine.ts';
import type { ServerSpec } from '../../extension/protocol/server.ts';
import { cancelled } from '../../extension/protocol/errors.ts';
import { demoTrace } from '../webview/demoTrace.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

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
    subjects: { add: () => undefined },
  };
  comparisons = new Comparisons(parts as ComparisonParts);
});

test('a bundled model is not the one that routes while a server does', () => {
  expect(comparisons.bundledIsChosen).toBe(true);
  server = { url: 'https://one.test', model: 'm' };
  expect(comparisons.bundledIsChosen).toBe(false);
});

test('the bundled models route the text that the report is about', async () => {
  const { trace } = demoTrace('balanced', 'essay.md');
  const subject = { id: 'kept:1', version: 0, make: () => subjectOf('essay.md', trace, 'kept text') };
  await expect(comparisons.bundledOf({ subject, session: undefined })).rejects.toMatchObject({ code: 'cancelled' });
  expect(asked).toEqual([['/balanced', 'kept text']]);
});
