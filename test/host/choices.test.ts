import { describe, expect, test, vi } from 'vitest';
import * as v from 'valibot';
import { Choice } from '../../extension/host/choice.ts';
import { layerPosition } from '../../extension/host/layerPosition.ts';
import { LiveSwitch } from '../../extension/host/liveSwitch.ts';
import type { Settings } from '../../extension/host/settings.ts';
import { memento } from '../support/vscode.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

describe('Choice', () => {
  test('holds until its setting changes', async () => {
    let setting = 'expert';
    const choice = new Choice(memento(), 'tint', v.string(), () => setting);
    expect(choice.value).toBeUndefined();
    await choice.set('margin');
    expect(choice.value).toBe('margin');
    setting = 'entropy';
    expect(choice.value).toBeUndefined();
  });

  test('does not come back when its setting does', async () => {
    let setting = false;
    const choice = new Choice(memento(), 'live', v.boolean(), () => setting);
    await choice.set(true);
    setting = true;
    choice.heedSetting();
    setting = false;
    choice.heedSetting();
    expect(choice.value).toBeUndefined();
    await choice.set(true);
    choice.heedSetting();
    expect(choice.value).toBe(true);
  });

  test('does not come back when its setting changed while no window was open', async () => {
    const memory = memento();
    let setting = 'expert';
    const make = (): Choice<string> => new Choice(memory, 'tint', v.string(), () => setting);
    await make().set('margin');
    setting = 'entropy';
    make();
    setting = 'expert';
    expect(make().value).toBeUndefined();
  });

  test('survives a reload, but not nonsense', async () => {
    const memory = memento();
    const make = (): Choice<number> => new Choice(memory, 'layer', v.number(), () => -1);
    await make().set(3);
    expect(make().value).toBe(3);
    await memory.update('layer', { value: 'three', over: '-1' });
    expect(make().value).toBeUndefined();
    await memory.update('layer', 3);
    expect(make().value).toBeUndefined();
  });
});

test('Live follows its setting again once that has changed', async () => {
  let tell = (): void => undefined;
  const settings: unknown = { live: false, onDidChange: (told: () => void) => ((tell = told), { dispose() {} }) };
  const live = new LiveSwitch(settings as Settings, memento());
  await live.set(true);
  for (const value of [true, false]) {
    (settings as { live: boolean }).live = value;
    tell();
    expect(live.on).toBe(value);
  }
});

describe('layerPosition', () => {
  const layers = [3, 4, 5, 9].map((layer) => ({ layer }));

  test('the setting names a layer of the model: itself or the nearest with experts', () => {
    expect([0, 3, 4, 6, 8, 60].map((setting) => layerPosition(layers, undefined, setting))).toEqual([0, 0, 1, 2, 3, 3]);
  });

  test('-1 is the middle', () => {
    expect(layerPosition(layers, undefined, -1)).toBe(2);
    expect(layerPosition([{ layer: 0 }], undefined, -1)).toBe(0);
  });

  test('a click goes before the setting, as far as the model is deep', () => {
    expect(layerPosition(layers, 1, 9)).toBe(1);
    expect(layerPosition(layers, 40, 3)).toBe(3);
    expect(layerPosition([], 1, 3)).toBe(0);
  });
});
