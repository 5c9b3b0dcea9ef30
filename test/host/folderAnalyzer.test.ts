import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DiskTree } from '../../extension/client/folderTree.ts';
import { FolderAnalyzer, type FolderAnalyzerParts } from '../../extension/host/folderAnalyzer.ts';
import { UserError } from '../../extension/protocol/errors.ts';
import { progressed } from '../support/vscode.ts';

const HOSTILE = '[Resume 5](command:workbench.action.openSettings)';

let folder: string;
vi.mock('vscode', () => import('../support/vscode.ts'));
vi.mock('../../extension/host/folderQuestions.ts', () => ({
  askWhat: () => ['folder'],
  askGrouping: () => ({ by: 'folder' }),
}));
vi.mock('../../extension/host/languages.ts', () => ({ languageLookup: () => () => undefined }));
vi.mock('../../extension/host/folderPlace.ts', () => ({
  folderPlace: () => ({
    ...{ base: { toString: () => folder }, name: HOSTILE, tree: new DiskTree(folder) },
    ...{ within: [], prefix: '', exclude: [], outer: [] },
  }),
}));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'moescope-folder-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('names of a repository make no link in the notice of a run', async () => {
  writeFileSync(join(folder, `${HOSTILE}.md`), 'text');
  progressed.length = 0;
  const stop = (): Promise<never> => Promise.reject(new UserError('internal', 'enough'));
  const parts: unknown = {
    client: { analyze: stop, open: () => Promise.resolve({}) },
    journals: folder,
    log: { info: () => undefined, error: () => undefined },
    models: { agree: () => Promise.resolve(true), request: () => ({ folder }), server: undefined },
    problems: { report: () => undefined },
    settings: { folderFiles: 10, folderCharacters: 100 },
    subjects: {},
  };
  const analyzer = new FolderAnalyzer(parts as FolderAnalyzerParts);
  await analyzer.analyze(undefined, undefined).catch(() => undefined);
  expect(progressed.filter((said) => said.includes('[Resume 5]')).length).toBeGreaterThan(1);
  for (const said of progressed) expect(said).not.toContain('](');
});
