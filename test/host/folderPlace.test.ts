/** What of the workspace a folder analysis takes. */
import { expect, test, vi } from 'vitest';
import type { Uri } from 'vscode';
import { folderPlace } from '../../extension/host/folderPlace.ts';
import { workspace } from '../support/vscode.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

test('a folder that is gone is named', async () => {
  Object.assign(workspace, { fs: { stat: () => Promise.reject(new Error('no such file')) } });
  const uri: unknown = { scheme: 'file', path: '/texts/old' };
  await expect(folderPlace([uri as Uri])).rejects.toMatchObject({
    code: 'text-gone',
    message: 'old cannot be opened: it may be gone.',
  });
});
