/** Whether the model that is chosen may run. */
import { expect, test, vi } from 'vitest';
import { Models } from '../../extension/host/models.ts';
import type { RouterConsent } from '../../extension/host/routerConsent.ts';
import { Servers } from '../../extension/host/servers.ts';
import type { Settings } from '../../extension/host/settings.ts';
import { memento, window } from '../support/vscode.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

test('on a server that is reached by plain http it may where the user agrees to that, for each of its addresses', async () => {
  const servers = new Servers(memento(), memento());
  const settings: unknown = { model: '', onDidChange: () => ({ dispose: () => undefined }) };
  const consent: unknown = { settle: () => Promise.resolve(true) };
  const places = { bundled: '/demo', cache: '/cache' };
  const models = new Models(places, settings as Settings, memento(), memento(), consent as RouterConsent, servers);
  const asked: string[] = [];
  const answers = [undefined, 'Send All the Same', 'Send All the Same'];
  Object.assign(window, {
    showWarningMessage: (message: string) => {
      asked.push(message);
      return Promise.resolve(answers.shift());
    },
  });
  await servers.choose({ url: 'http://one.test:8000', more: ['http://two.test:8000'], model: 'demo' });
  expect([await models.agree(), asked]).toEqual([false, ['Send texts to one.test:8000 unencrypted?']]);
  asked.length = 0;
  expect([await models.agree(), await models.agree()]).toEqual([true, true]);
  expect(asked).toEqual(['Send texts to one.test:8000 unencrypted?', 'Send texts to two.test:8000 unencrypted?']);
  models.dispose();
  servers.dispose();
});
