import { beforeEach, expect, test, vi } from 'vitest';
import { modelItems } from '../../extension/host/modelList.ts';
import type { Models } from '../../extension/host/models.ts';
import type { ServerSpec } from '../../extension/protocol/server.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));
vi.mock('node:os', () => ({ homedir: () => '/home/ann' }));

let server: ServerSpec | undefined;
beforeEach(() => {
  server = undefined;
});

/** Labels and descriptions of the models in the list. */
function listed(): string[] {
  const models: unknown = { bundled: [], folder: '/home/ann/m', recent: ['/home/anna/m'], server };
  return modelItems(models as Models, undefined, new Map()).flatMap(({ choice, label, description }) =>
    choice?.kind === 'open' ? [`${label}, ${description}`] : [],
  );
}

test('the home folder of another user is not ours', () => {
  expect(listed()).toEqual(['$(check) m, ~/m', '$(blank) m, /home/anna/m']);
});

test('no model of this machine is the one that routes while a server does', () => {
  server = { url: 'https://one.test', model: 'm' };
  expect(listed()).toEqual(['$(blank) m, ~/m', '$(blank) m, /home/anna/m']);
});
