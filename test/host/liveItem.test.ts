import type { StatusBarItem } from 'vscode';
import { afterEach, expect, test, vi } from 'vitest';
import { LiveItem } from '../../extension/host/liveItem.ts';
import type { LiveSwitch } from '../../extension/host/liveSwitch.ts';
import type { Sessions } from '../../extension/host/sessions.ts';
import manifest from '../../package.json' with { type: 'json' };
import { window } from '../support/vscode.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));
afterEach(() => {
  vi.restoreAllMocks();
});

const iconOf = (text: string): string => /^\$\([\w-]+\)/u.exec(text)![0];

test.each([
  { on: true, text: '$(pulse) Live', command: 'moescope.stopLive' },
  { on: false, text: '$(pulse) Live: off', command: 'moescope.startLive' },
])('Live that is $on says so in words, with an icon that no command has for stopping', ({ on, text, command }) => {
  const made: unknown = { show: () => undefined, hide: () => undefined, dispose: () => undefined };
  const item = made as StatusBarItem;
  vi.spyOn(window, 'createStatusBarItem').mockReturnValue(made as ReturnType<typeof window.createStatusBarItem>);
  const never = (): { dispose: () => void } => ({ dispose: () => undefined });
  const live: unknown = { on, onDidChange: never };
  const sessions: unknown = { current: undefined, onDidSwitch: never };
  new LiveItem(live as LiveSwitch, sessions as Sessions).dispose();
  expect({ text: item.text, command: item.command }).toEqual({ text, command });
  // Why nothing comes of a longer one.
  if (on) expect(item.tooltip).toContain('200,000 characters');
  const stop = manifest.contributes.commands.find((other) => other.command === 'moescope.stopLive')!;
  expect(stop.icon).not.toBe(iconOf(item.text));
});
