/** What is said of a report that was exported, and what can be done with it. */
import { afterEach, expect, test, vi } from 'vitest';
import type { AnalystClient } from '../../extension/client/analystClient.ts';
import type { Lens } from '../../extension/host/lens.ts';
import { ReportExporter } from '../../extension/host/reportExporter.ts';
import type { Subjects } from '../../extension/host/subjects.ts';
import { env, notifications, window, workspace } from '../support/vscode.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

afterEach(() => {
  env.remoteName = undefined;
});

test.each([
  ['on this machine a browser can open it', undefined, ['Open in Browser']],
  ['on another machine no browser of this one can', 'ssh-remote', []],
])('a report is exported: %s', async (_, remote, actions) => {
  env.remoteName = remote;
  notifications.length = 0;
  Object.assign(window, {
    showQuickPick: (items: readonly unknown[]) => Promise.resolve(items[0]),
    showSaveDialog: () => Promise.resolve({ path: '/text-report.html' }),
  });
  Object.assign(workspace, { fs: { writeFile: () => Promise.resolve() } });
  const ask = (): Promise<unknown> => Promise.resolve([{ path: 'text-report.html', text: '<html>' }]);
  const analyst = { ask } as unknown as AnalystClient;
  const lens: unknown = { palette: 'vivid' };
  const subjects: unknown = { current: { id: 'text' } };
  const ended = new ReportExporter({ local: analyst, english: analyst }, lens as Lens, subjects as Subjects).run({});
  await vi.waitUntil(() => notifications.length > 0);
  expect(notifications[0]).toMatchObject({ message: 'The report is in text-report.html.', actions });
  notifications[0]!.answer();
  await ended;
});
