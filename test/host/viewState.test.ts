/** What the views are told of a document. */
import type { TextDocument } from 'vscode';
import { expect, test, vi } from 'vitest';
import { Session } from '../../extension/host/session.ts';
import { viewState } from '../../extension/host/viewState.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

function sessionOf(path: string): Session {
  const document: unknown = { uri: { path, toString: () => `file://${path}` } };
  return new Session(document as TextDocument);
}

test('two files of one name are two documents', () => {
  const look = { layer: 0, tint: 'expert', palette: 'vivid' } as const;
  expect(viewState(sessionOf('/a/index.ts'), look)).toMatchObject({ document: 'index.ts', key: 'file:///a/index.ts' });
  expect(viewState(sessionOf('/b/index.ts'), look)).toMatchObject({ document: 'index.ts', key: 'file:///b/index.ts' });
});
