import { describe, expect, it } from 'vitest';
import { GROUPS, makeSection, SECTIONS } from '../../../extension/analysis/sections/all.ts';
import { recordedDomain } from '../../../extension/analysis/folder/domains.ts';
import { addFile, emptyFolder } from '../../../extension/analysis/folder/folderRouting.ts';
import { subjectOf, subjectOfFolder, type Subject } from '../../../extension/analysis/sections/subject.ts';
import type { Parameters } from '../../../extension/protocol/report.ts';
import type { RoutingTrace } from '../../../extension/protocol/trace.ts';
import { expectSound } from '../../support/soundSection.ts';
import { demoTrace } from '../../webview/demoTrace.ts';
import { syntheticTrace } from '../../webview/syntheticTrace.ts';

const real = textSubject('balanced', 'essay.md');
const large = syntheticTrace({ tokens: 300, layers: 3, experts: 64, k: 8, candidates: 16 });
const { trace: realTrace, ...countsAlone } = real;
const nothing: RoutingTrace = { ...realTrace!, routed: 0 };

const SUBJECTS: readonly (readonly [string, Subject])[] = [
  ['a text', real],
  [
    'a text beside another model’s routing of it',
    { ...real, evidence: { other: textSubject('collapsed', 'essay.md') } },
  ],
  ['a text beside another text', { ...real, evidence: { other: textSubject('balanced', 'capacity.py') } }],
  ['a large model', subjectOf('large', large.trace, large.text.join(''))],
  ['a text without its words', subjectOf('essay.md', realTrace!)],
  ['counts alone', countsAlone],
  ['a folder', folderSubject((i) => (i % 2 === 0 ? 'code' : 'prose'), 12)],
  ['a folder of few files', folderSubject((i) => `kind ${i}`, 3)],
  ['a folder of one kind', folderSubject(() => 'code', 6)],
  [
    'kinds of text of which only totals are known',
    {
      ...countsAlone,
      source: 'recorded',
      domains: ['a', 'b'].map((name) =>
        recordedDomain(
          name,
          real.loads.map(({ counts }) => ({ tokens: 5_000, counts })),
        ),
      ),
    },
  ],
  ['a run that has not routed anything yet', subjectOf('essay.md', nothing, real.text)],
];

describe.each(SECTIONS.map(({ id }) => id))('section %s', (id) => {
  it.each(SUBJECTS)('of %s', (_, subject) => {
    expectSound(makeSection(id, subject, {})!);
  });

  it('explains its charts in words that hold in every theme', () => {
    const said = makeSection(id, real, {})!.figures.flatMap(({ help, text }) => [
      ...Object.values<string>({ ...help }),
      text,
    ]);
    expect(said.filter((words) => /\b(?:dark|bright|pale)(?:er|est)?\b/i.test(words))).toEqual([]);
  });

  it('takes nothing that is not among its choices', () => {
    const plain = makeSection(id, real, {})!;
    for (const value of ['', '99', -1, 1e99, true] as const) {
      const set = Object.fromEntries(plain.controls.map((control) => [control.id, value])) as Parameters;
      expectSound(makeSection(id, real, set)!);
    }
  });
});

function textSubject(model: 'balanced' | 'collapsed', file: string): Subject {
  const { trace, text } = demoTrace(model, file);
  return subjectOf(file, trace, text.join(''));
}

/** A folder of the bundled samples, as many times as wanted. */
function folderSubject(domain: (file: number) => string, files: number): Subject {
  const texts = ['capacity.py', 'essay.md'].map((name) => demoTrace('balanced', name));
  const folder = emptyFolder(texts[0]!.trace.origin.model);
  for (let i = 0; i < files; i++) {
    const { trace, text } = texts[i % 2]!;
    addFile(folder, `${i}.txt`, domain(i), trace, text.join(''));
  }
  return subjectOfFolder('folder', folder);
}

it('has no two sections of one name, and none of a name that nobody knows', () => {
  const ids = SECTIONS.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(makeSection('nothing', real, {})).toBeUndefined();
});

it('shows first what every text has', () => {
  const lacking = GROUPS.map(({ sections }) =>
    sections.map(({ id }) => makeSection(id, real, {})!.figures.length === 0),
  );
  // Of routing, only the last section takes a recording in steps.
  expect(lacking[0]!.indexOf(true)).toBe(lacking[0]!.length - 1);
});
