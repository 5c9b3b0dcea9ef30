import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Grouping } from '../../extension/analysis/folder/groups.ts';
import { DiskTree } from '../../extension/client/folderTree.ts';
import { FolderAnalyzer, type FolderAnalyzerParts } from '../../extension/host/folderAnalyzer.ts';
import type { AddedSubject } from '../../extension/host/subjects.ts';
import type { AnalyzeResult, AnalyzeSink } from '../../extension/protocol/engine.ts';
import { UserError } from '../../extension/protocol/errors.ts';
import { folderTrace } from '../support/folderTrace.ts';
import { commands, progressed, window, workspace } from '../support/vscode.ts';

const HOSTILE = '[Resume 5](command:workbench.action.openSettings)';

let folder: string;
/** Where it stands in the workspace. */
let prefix: string;
let grouping: Grouping;
vi.mock('vscode', () => import('../support/vscode.ts'));
vi.mock('../../extension/host/folderQuestions.ts', () => ({
  askWhat: () => ['folder'],
  askGrouping: () => grouping,
}));
vi.mock('../../extension/host/languages.ts', () => ({ languageLookup: () => () => undefined }));
vi.mock('../../extension/host/folderPlace.ts', () => ({
  folderPlace: () => ({
    ...{
      base: { toString: () => folder, path: folder, with: (changed: unknown) => changed },
      name: HOSTILE,
      tree: new DiskTree(folder),
    },
    ...{ within: [], prefix, exclude: [], outer: [] },
  }),
}));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'moescope-folder-'));
  prefix = '';
  grouping = { by: 'folder' };
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Sends each character to the only expert. */
function letters(_: unknown, text: string, sink: AnalyzeSink): Promise<AnalyzeResult> {
  const chosen = Array.from(text, () => [0]);
  const { tokens, layers, windows, routed, origin } = folderTrace({ text, layers: [{ experts: 1, k: 1, chosen }] });
  sink.began({ run: 1, model: origin.model, ...tokens, windows, generate: 0 });
  sink.routed({ run: 1, from: 0, to: routed, logProb: tokens.logProb, layers });
  return Promise.resolve({ milliseconds: { open: 0, tokenize: 0, route: 0 } });
}

/** What a run adds to the subjects of the report. Throws what the run throws. */
async function analyzed(analyze: typeof letters): Promise<AddedSubject | undefined> {
  let added: AddedSubject | undefined;
  const parts: unknown = {
    client: { analyze },
    journals: join(folder, '.git'),
    log: { info: () => undefined, error: () => undefined },
    models: { agree: () => Promise.resolve(true), request: () => ({ folder }), server: undefined },
    problems: { report: () => undefined },
    report: { show: () => undefined },
    settings: { folderFiles: 10, folderCharacters: 100 },
    subjects: {
      add: (entry: AddedSubject) => {
        added = entry;
      },
    },
  };
  await new FolderAnalyzer(parts as FolderAnalyzerParts).analyze(undefined, undefined);
  return added;
}

test('names of a repository make no link in the notice of a run', async () => {
  writeFileSync(join(folder, `${HOSTILE}.md`), 'text');
  progressed.length = 0;
  const stop = (): Promise<never> => Promise.reject(new UserError('internal', 'enough'));
  await analyzed(stop).catch(() => undefined);
  expect(progressed.filter((said) => said.includes('[Resume 5]')).length).toBeGreaterThan(1);
  for (const said of progressed) expect(said).not.toContain('](');
});

test('pausing is offered while a run goes on, and not after it, however it ended', async () => {
  writeFileSync(join(folder, 'a.md'), 'a');
  const executed = vi.spyOn(commands, 'executeCommand');
  const offered = (): unknown[] => executed.mock.lastCall!;
  await analyzed((...asked) => {
    expect(offered()).toEqual(['setContext', 'moescope.analyzingFolder', true]);
    return letters(...asked);
  });
  expect(offered()).toEqual(['setContext', 'moescope.analyzingFolder', false]);
  await analyzed(() => Promise.reject(new UserError('engine-gone', 'enough'))).catch(() => undefined);
  expect(offered()).toEqual(['setContext', 'moescope.analyzingFolder', false]);
  executed.mockRestore();
});

test('a typical token leads to its place in a file, unless something else stands there by now', async () => {
  const file = join(folder, 'a.md');
  writeFileSync(file, '\ufeffxyz');
  const editor = { selection: undefined as unknown, revealRange: () => undefined };
  Object.assign(window, { visibleTextEditors: [], showTextDocument: () => Promise.resolve(editor) });
  Object.assign(workspace, {
    openTextDocument: (uri: { readonly path: string }) => {
      const text = readFileSync(uri.path, 'utf8').replace('\ufeff', '');
      const getText = ({ start, end }: { readonly start: number; readonly end: number }): string =>
        text.slice(start, end);
      return Promise.resolve({ uri, positionAt: (at: number) => at, getText });
    },
  });
  const { goTo } = (await analyzed(letters))!;
  await goTo!({ file: 0, start: 1, end: 2 });
  expect(editor.selection).toMatchObject({ anchor: 1, active: 2 });
  editor.selection = undefined;
  writeFileSync(file, 'wxyz');
  await expect(goTo!({ file: 0, start: 1, end: 2 })).rejects.toMatchObject({
    code: 'text-gone',
    message: 'Something else stands at that place of a.md: it has changed since, or its line ends are mixed.',
  });
  expect(editor.selection).toBeUndefined();
});

describe('rules of one’s own', () => {
  beforeEach(() => {
    mkdirSync(join(folder, 'host'));
    writeFileSync(join(folder, 'host/a.ts'), 'a');
    prefix = 'packages/client';
  });

  test('go from the workspace folder on, whichever of its folders is analyzed', async () => {
    grouping = { by: 'rules', rules: [{ glob: 'packages/client/host/**', name: 'host' }] };
    const entry = await analyzed(letters);
    expect(entry!.make().domains!.map(({ name }) => name)).toEqual(['host']);
  });

  test('that match none of the files are what is to blame', async () => {
    grouping = { by: 'rules', rules: [{ glob: 'host/**', name: 'host' }] };
    await expect(analyzed(letters)).rejects.toMatchObject({
      code: 'text-empty',
      message: expect.stringContaining('matches a glob in moescope.folderGroups') as string,
    });
    rmSync(join(folder, 'host'), { recursive: true });
    await expect(analyzed(letters)).rejects.toMatchObject({
      message: expect.stringContaining('what is ignored or excluded is left out.') as string,
    });
  });
});
