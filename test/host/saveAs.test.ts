/** Where files are proposed to go. */
import { homedir } from 'node:os';
import { expect, test, vi } from 'vitest';
import { saveAs } from '../../extension/host/saveAs.ts';
import { window } from '../support/vscode.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

test('without a workspace a file goes to the home folder, named after a model of the hub or not', async () => {
  const proposed: unknown[] = [];
  Object.assign(window, {
    showSaveDialog: ({ defaultUri }: { readonly defaultUri: unknown }) =>
      Promise.resolve(void proposed.push(defaultUri)),
  });
  await saveAs('allenai/OLMoE-biases.safetensors', new Uint8Array());
  expect(proposed).toEqual([`${homedir()}/allenai-OLMoE-biases.safetensors`]);
});
