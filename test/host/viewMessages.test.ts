import { describe, expect, test } from 'vitest';
import * as v from 'valibot';
import {
  fromLoadViewSchema,
  fromMapSchema,
  fromModelPageSchema,
  fromReportPageSchema,
} from '../../extension/host/viewMessages.ts';

describe('messages from views', () => {
  const shared = [
    { type: 'ready' },
    { type: 'chooseLayer', layer: 3 },
    { type: 'chooseTint', tint: 'margin' },
    { type: 'highlight', preview: true },
    { type: 'highlight', expert: { layer: 1, expert: 15 }, preview: false },
    { type: 'command', command: 'openSample' },
  ];

  test('both views may send what the contract says', () => {
    for (const message of shared) {
      expect(v.is(fromLoadViewSchema, message)).toBe(true);
      expect(v.is(fromMapSchema, message)).toBe(true);
    }
    expect(v.is(fromMapSchema, { type: 'rows', generation: 1, from: 0, to: 100 })).toBe(true);
    expect(v.is(fromMapSchema, { type: 'goto', token: 7, select: false })).toBe(true);
    expect(v.is(fromLoadViewSchema, { type: 'goto', token: 7, select: false })).toBe(false);
  });

  test('nothing else comes through', () => {
    const wrong = [
      undefined,
      'ready',
      {},
      { type: 'command', command: 'workbench.action.closeWindow' },
      { type: 'chooseLayer', layer: -1 },
      { type: 'chooseLayer', layer: 1.5 },
      { type: 'chooseTint', tint: 'red' },
      { type: 'highlight', expert: { layer: 1 }, preview: true },
      { type: 'rows', generation: 1, from: 0 },
      { type: 'goto', token: Infinity, select: true },
    ];
    for (const message of wrong) {
      expect(v.is(fromLoadViewSchema, message)).toBe(false);
      expect(v.is(fromMapSchema, message)).toBe(false);
    }
  });
});

describe('messages from the model page', () => {
  const query = { type: 'tensors', query: 1, search: 'gate', from: 0, count: 200 };

  test('are what the contract says', () => {
    for (const message of [{ type: 'ready' }, query, { type: 'command', command: 'openSettings' }]) {
      expect(v.is(fromModelPageSchema, message)).toBe(true);
    }
  });

  test('and nothing else', () => {
    const wrong = [
      { ...query, search: 'x'.repeat(1001) },
      { ...query, from: -1 },
      { type: 'command', command: 'analyze' },
      { type: 'chooseLayer', layer: 0 },
    ];
    for (const message of wrong) expect(v.is(fromModelPageSchema, message)).toBe(false);
  });
});

describe('messages from the report page', () => {
  const data = { type: 'saveData', section: 'balance', figure: 'load-by-expert', format: 'csv', set: { layer: '3' } };
  const chart = { type: 'save', name: 'load-by-expert.svg', content: '<svg/>', encoding: 'utf8' };

  test('bring what the page has set; without it, where that cannot be', () => {
    const set = { balance: { layer: '3' } };
    expect(v.parse(fromReportPageSchema, { type: 'ready', set })).toEqual({ type: 'ready', set });
    const wrong = { type: 'ready', set: { balance: { layer: {} } } };
    expect(v.parse(fromReportPageSchema, wrong)).toEqual({ type: 'ready', set: {} });
  });

  test('save files as the contract says', () => {
    for (const message of [data, { ...data, format: 'json' }, chart]) {
      expect(v.is(fromReportPageSchema, message)).toBe(true);
    }
  });

  test('and no others', () => {
    const wrong = [
      { ...data, format: 'html' },
      { ...data, figure: 'x'.repeat(201) },
      { ...data, set: { layer: {} } },
      { ...chart, name: '../load.svg' },
      { ...chart, encoding: 'utf16' },
    ];
    for (const message of wrong) expect(v.is(fromReportPageSchema, message)).toBe(false);
  });
});
