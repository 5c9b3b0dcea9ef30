/** The real worker thread. */
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { subjectOf } from '../../extension/analysis/sections/subject.ts';
import { AnalystClient, type SubjectSource } from '../../extension/client/analystClient.ts';
import { speak } from '../../extension/protocol/language.ts';
import { bundlePath } from '../../extension/tools/l10n.mjs';
import { readJson } from '../../extension/tools/project.mjs';
import { recordedTrace } from '../support/recordedTrace.ts';
import { layerTrace } from '../support/layerTrace.ts';
import { ROOT } from '../support/reference.ts';

const ENTRY = join(ROOT, 'dist/analyst.js');
const clients: AnalystClient[] = [];
afterEach(() => {
  while (clients.length > 0) clients.pop()!.dispose();
});

function client(env?: Record<string, string>): AnalystClient {
  const made = new AnalystClient(ENTRY, env);
  clients.push(made);
  return made;
}

/** Four tokens of one layer with experts as told. */
function source(version: number, experts: readonly number[]): SubjectSource {
  const layer = layerTrace({ experts: 4, k: 1, chosen: experts.map((e) => [e, (e + 1) % 4]) });
  return { id: 'text:a', version, make: () => subjectOf('a.txt', recordedTrace([layer], experts.length)) };
}

describe('AnalystClient', () => {
  it('tells which sections there are, and makes them', async () => {
    const analyst = client();
    const sections = await analyst.sections();
    expect(sections.map(({ id }) => id)).toContain('capacity');
    const section = await analyst.ask(source(1, [0, 0, 0, 1]), { kind: 'section', id: 'balance', set: {} });
    expect(section.verdict).toContain('E0 of L0, with 75.0');
  });

  it('has the newest version of a subject', async () => {
    const analyst = client();
    const limit = { factor: 1, policy: 'position' } as const;
    const first = await analyst.ask(source(1, [0, 0, 0, 1]), { kind: 'dropped', limit });
    expect([...first[0]!.dropped!]).toEqual([0, 1, 1, 0]);
    const second = await analyst.ask(source(2, [0, 1, 2, 2]), { kind: 'dropped', limit });
    expect([...second[0]!.dropped!]).toEqual([0, 0, 0, 1]);
    const fate = await analyst.ask(source(2, []), { kind: 'fate', limit, token: 3 });
    expect(fate).toEqual([[{ expert: 2, fate: 'dropped', place: 1, capacity: 1 }]]);
  });

  it('does not take an older version for the newest where that could not be made', async () => {
    const analyst = client();
    const question = { kind: 'dropped', limit: { factor: 1, policy: 'position' } } as const;
    await analyst.ask(source(1, [0, 0, 0, 1]), question);
    const newest = source(2, [0, 1, 2, 2]);
    const short = (): never => {
      throw new RangeError('Array buffer allocation failed');
    };
    await expect(analyst.ask({ ...newest, make: short }, question)).rejects.toThrow(RangeError);
    expect([...(await analyst.ask(newest, question))[0]!.dropped!]).toEqual([0, 0, 0, 1]);
  });

  it('exports the whole report, as it is set', async () => {
    const files = await client().ask(source(1, [0, 0, 0, 1]), {
      kind: 'export',
      format: 'html',
      settings: { capacity: { factor: 2 } },
      palette: 'vivid',
    });
    expect(files.map(({ path }) => path)).toEqual(['a.txt-report.html']);
    expect(files[0]!.text).toContain('E0 of L0, with 75.0');
    expect(files[0]!.text).toContain('Capacity factor 2.00');
  });

  it('makes files for programs in English, whatever language is spoken', async () => {
    const four = source(1, [0, 0, 0, 1]);
    const shared = { settings: { capacity: { factor: 2 } }, palette: 'vivid' } as const;
    const exported = async (analyst: AnalystClient, format: 'csv' | 'json' | 'html') => {
      const files = await analyst.ask(four, { kind: 'export', format, ...shared });
      return files.map(({ path, text }) => ({ path, text: text.replace(/"written":"[^"]+"/u, '') }));
    };
    const figure = { kind: 'figure', section: 'balance', figure: 'load-by-expert', format: 'csv', set: {} } as const;
    const before = client();
    const [csv, json, one] = [
      await exported(before, 'csv'),
      await exported(before, 'json'),
      await before.ask(four, figure),
    ];

    const bundle = bundlePath('zh-cn');
    speak(readJson(bundle) as Record<string, string>, bundle);
    try {
      expect((await exported(client(), 'html'))[0]!.text).toMatch(/\p{Script=Han}/u);
      const english = client({});
      expect(await exported(english, 'csv')).toEqual(csv);
      expect(await exported(english, 'json')).toEqual(json);
      expect(await english.ask(four, figure)).toEqual(one);
    } finally {
      speak({}, undefined);
    }
    expect(csv).toContainEqual(one);
    expect(one.path).toBe('load-by-expert.csv');
    expect(one.text).toMatch(/^expert,slots,share \(fraction\),of even \(times\)\nE0,3,0\.75,3\n/);
  });

  it('settles every question: with the stack of a bug, and when it ends', async () => {
    const analyst = client();
    await expect(analyst.ask(source(1, [0]), { kind: 'section', id: 'no such', set: {} })).rejects.toThrow(
      'No section no such',
    );
    const asked = analyst.ask(source(1, [0]), { kind: 'section', id: 'balance', set: {} });
    const ended = expect(asked).rejects.toThrow('shutting down');
    analyst.dispose();
    await ended;
    await expect(analyst.sections()).rejects.toThrow('shutting down');
  });

  it('rejects when there is no bundle', async () => {
    const analyst = new AnalystClient(join(ROOT, 'dist/missing.js'));
    clients.push(analyst);
    await expect(analyst.sections()).rejects.toThrow('did not start');
  });
});
