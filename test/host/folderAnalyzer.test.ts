import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Grouping } from '../../extension/analysis/folder/groups.ts';
import type { Subject } from '../../extension/analysis/sections/subject.ts';
import type { AnalyzeSink } from '../../extension/client/engineClient.ts';
import { DiskTree } from '../../extension/client/folderTree.ts';
import { FolderAnalyzer, type FolderAnalyzerParts } from '../../extension/host/folderAnalyzer.ts';
import type { AnalyzeResult } from '../../extension/protocol/engine.ts';
import { UserError } from '../../extension/protocol/errors.ts';
import { folderTrace } from '../support/folderTrace.ts';
import { progressed } from '../support/vscode.ts';

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
    ...{ base: { toString: () => folder }, name: HOSTILE, tree: new DiskTree(folder) },
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
async function analyzed(analyze: typeof letters): Promise<Subject | undefined> {
  let added: Subject | undefined;
  const parts: unknown = {
    client: { analyze },
    journals: join(folder, '.git'),
    log: { info: () => undefined, error: () => undefined },
    models: { agree: () => Promise.resolve(true), request: () => ({ folder }), server: undefined },
    problems: { report: () => undefined },
    report: { show: () => undefined },
    settings: { folderFiles: 10, folderCharacters: 100 },
    subjects: {
      add: ({ make }: { readonly make: () => Subject }) => {
        added = make();
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

describe('rules of one’s own', () => {
  beforeEach(() => {
    mkdirSync(join(folder, 'host'));
    writeFileSync(join(folder, 'host/a.ts'), 'a');
    prefix = 'packages/client';
  });

  test('go from the workspace folder on, whichever of its folders is analyzed', async () => {
    grouping = { by: 'rules', rules: [{ glob: 'packages/client/host/**', name: 'host' }] };
    const subject = await analyzed(letters);
    expect(subject!.domains!.map(({ name }) => name)).toEqual(['host']);
  });

  test('that match none of the files are what is to blame', async () => {
    grouping = { by: 'rules', rules: [{ glob: 'host/**', name: 'host' }] };
    await expect(analyzed(letters)).rejects.toMatchObject({
      code: 'text-empty',
      message: expect.stringContaining('matches a glob of moescope.folderGroups') as string,
    });
    rmSync(join(folder, 'host'), { recursive: true });
    await expect(analyzed(letters)).rejects.toMatchObject({
      message: expect.stringContaining('what is ignored or excluded is left out.') as string,
    });
  });
});
