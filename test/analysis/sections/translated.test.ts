/** Sections in another language: nothing that users read is left in English, and nothing but that is another than in English. */
import { config, type l10nJsonFormat } from '@vscode/l10n';
import { describe, expect, it, vi } from 'vitest';
import { Ablations } from '../../../extension/analysis/ablation.ts';
import { judgeBiases } from '../../../extension/analysis/balanced.ts';
import { recordedDomain } from '../../../extension/analysis/folder/domains.ts';
import { addFile, emptyFolder } from '../../../extension/analysis/folder/folderRouting.ts';
import { outcomeOf } from '../../../extension/analysis/outcome.ts';
import type { SectionFile } from '../../../extension/analysis/sections/kind.ts';
import {
  subjectOf,
  subjectOfCounts,
  subjectOfFolder,
  type Evidence,
  type Subject,
} from '../../../extension/analysis/sections/subject.ts';
import type { Intervention } from '../../../extension/protocol/intervention.ts';
import { PROFILE_PARTS, type ModelProfile } from '../../../extension/protocol/profile.ts';
import type { Control, Parameters, Section } from '../../../extension/protocol/report.ts';
import type { ModelInfo, RoutingTrace } from '../../../extension/protocol/trace.ts';
import { sentences, sourceFiles } from '../../../extension/tools/l10n.mjs';
import { inCyrillic, inEnglish, inOtherLetters, plainWords } from '../../support/otherLetters.ts';
import { demoTrace, type TracedText } from '../../webview/demoTrace.ts';
import { syntheticTrace } from '../../webview/syntheticTrace.ts';

/** Names, units and papers are the same in every language. */
const NAMES = [
  'UTF',
  ...['MaxVio', 'CV', 'LRU', 'LFU', 'FP8', 'BF16', 'float32', 'bfloat16', 'CPU', 'Mamba'],
  ...['Switch', 'Megatron', 'DeepSpeed', 'top', 'GShard', 'Hugging', 'Face'],
  ...['arXiv', 'LM', 'loss', 'func', 'DeepEP', 'tests', 'test', 'low', 'latency', 'py'],
  ...['kB', 'MB', 'GB', 'TB', 'ms', 'TFLOP'],
];

const ANATOMY = {
  layers: Array.from({ length: 6 }, () => ({ mixer: 'Mamba', network: 'moe' as const })),
  parameters: {
    ...{ embeddings: 9e6, mixers: 3e6, routers: 1e5, experts: 6e7, sharedExperts: 1e6 },
    ...{ mlps: 2e6, norms: 1e4, head: 1e6 },
  },
  bytes: {
    ...{ embeddings: 36e6, mixers: 12e6, routers: 4e5, experts: 24e7, sharedExperts: 4e6 },
    ...{ mlps: 8e6, norms: 4e4, head: 4e6 },
  },
  experts: Array.from({ length: 6 }, () => ({ parameters: 625_000, bytes: 2_500_000 })),
  cacheBytes: 1000,
};

/** Of another name that has no letters; of a model that this machine ran unless it is told otherwise. */
function traced({ trace, text }: TracedText, model: Partial<ModelInfo> = {}, more: Partial<RoutingTrace> = {}) {
  const { origin } = trace;
  return {
    trace: {
      ...trace,
      ...more,
      origin: { ...origin, source: 'measured' as const, model: { ...origin.model, name: '«1»', ...model } },
    },
    text: inCyrillic(text.join('')),
  };
}

const essay = traced(demoTrace('balanced', 'essay.md'), {
  anatomy: {
    ...ANATOMY,
    layers: [...ANATOMY.layers.slice(1), { mixer: 'Mamba', network: 'dense' }, { mixer: 'Mamba' }],
  },
  parameters: { total: 8e7, active: 3e7 },
});
const collapsed = traced(demoTrace('collapsed', 'essay.md'), { name: '«2»', parameters: { total: 8e7, active: 3e7 } });
const code = traced(demoTrace('collapsed', 'capacity.py'));
const large = traced(syntheticTrace({ tokens: 300, layers: 3, experts: 64, k: 8, candidates: 16 }), { name: '«3»' });
const single = traced(syntheticTrace({ tokens: 60, layers: 1, experts: 4, k: 1, candidates: 2 }));
const small = { parameters: { total: 0, active: 0 } };

const { tokens } = collapsed.trace;
/** As if every token had become half as probable. */
const worse = { ...collapsed.trace, tokens: { ...tokens, logProb: tokens.logProb.map((p) => p - Math.LN2) } };

function textOf({ trace, text }: typeof essay, evidence: Evidence = {}, name = '«4»'): Subject {
  return subjectOf(name, trace, text, evidence);
}

function measured(): Evidence {
  const { moeLayers } = collapsed.trace.origin.model;
  const ablations = new Ablations(collapsed.trace, 96);
  ablations.add({ layer: 1, expert: 3 }, tokens.logProb);
  ablations.add({ layer: 2, expert: 7 }, worse.tokens.logProb);
  const biases = moeLayers.map(({ experts }, layer) => {
    return { layer, values: new Float32Array(experts).fill(0.25), after: 0.1, updates: 40 };
  });
  const slots = moeLayers.map((_, layer) => ({ layer, dropped: 10 + layer, moved: 0 }));
  const changes: readonly Intervention[] = [
    { capacity: { factor: 1, policy: 'position' } },
    { capacity: { factor: 2, policy: 'reroute' }, layers: [1, 2] },
    { k: 1, temperature: 2 },
    { masked: [{ layer: 0, expert: 1 }], silenced: [{ layer: 2, expert: 3 }], withoutShared: true },
  ];
  return {
    other: textOf(essay),
    ablated: ablations.result,
    balanced: judgeBiases(biases, tokens.end[Math.floor(collapsed.trace.routed / 2)]!, collapsed.trace, worse),
    outcomes: changes.map((change) => outcomeOf(collapsed.trace, worse, change, change.capacity ? slots : [])),
    profile: profile([1, 2, 2]),
  };
}

function profile(experts: readonly number[]): ModelProfile {
  const parts = Object.fromEntries(PROFILE_PARTS.map((part, i) => [part, i + 1])) as Record<
    (typeof PROFILE_PARTS)[number],
    number
  >;
  return {
    model: essay.trace.origin.model,
    batches: [1, 8].map((size) => ({ tokens: size, passes: 3, milliseconds: [2, 1, 9], parts, experts: size })),
    steps: {
      ...{ milliseconds: Float64Array.of(1, 2, 3), experts: Uint32Array.from(experts) },
      fresh: Uint32Array.of(0, 1, 2),
    },
    notes: [],
  };
}

/** Counts of a server's steps, of a layer whose experts take turns unless one is always the hottest. */
function steps(turns: boolean): Subject {
  const model = { ...single.trace.origin.model, layers: 1 };
  const each = Float64Array.from({ length: 8 * 6 }, (_, i) => (i % 6 === (turns ? Math.floor(i / 6) % 6 : 2) ? 9 : 1));
  const counts = new Float64Array(6);
  each.forEach((c, i) => (counts[i % 6]! += c));
  return subjectOfCounts('«5»', {
    name: '',
    model,
    loads: [{ shape: { layer: 3, experts: 6, k: 1, candidates: 1 }, counts }],
    steps: [each],
  });
}

function folderOf(files: number, kinds: readonly string[]): Subject {
  const folder = emptyFolder(essay.trace.origin.model);
  for (let i = 0; i < files; i++) {
    const { trace, text } = i % 2 === 0 ? essay : code;
    addFile(folder, `${i}`, kinds[i % kinds.length]!, trace, text);
  }
  return subjectOfFolder('«6»', folder, {
    tally: {
      ...{ routed: files, cut: 1, left: 4, tokens: 9_000, failures: [{ path: '«7»', why: '«9»' }] },
      skipped: { unreadable: 1, binary: 2, large: 3, empty: 4, failed: 1 },
    },
    limits: { files, characters: 32_768 },
    unseen: { more: files > 3, unreadable: files > 3 ? 2 : 1 },
    anew: { path: '«7»', why: files > 3 ? 'changed' : 'kind' },
    ...{ resumed: 2, aside: files <= 3, stopped: true, stored: files > 3, goesOn: files > 3 },
  });
}

/** As a recording of counts is: without tokens. */
const countsAlone = withoutTokens(textOf(traced(demoTrace('balanced', 'essay.md'), small)));

function withoutTokens({ name, model, source, loads, evidence }: Subject): Subject {
  return { name, model, source, loads, evidence };
}

const SUBJECTS: Readonly<Record<string, Subject>> = {
  'a text with all that is known of it': textOf(collapsed, measured()),
  'a text beside itself': textOf(essay, { other: textOf(essay), profile: { ...profile([1, 1, 1]), batches: [] } }),
  'a text beside another text': textOf(essay, { other: textOf(code, {}, '«8»') }),
  'a text beside a larger model’s': textOf(essay, { other: textOf(large) }),
  'a text beside counts': textOf(essay, { other: countsAlone }),
  'a text of a large model': textOf(large),
  'a text of a model of one layer': textOf(single),
  'a text without its words': subjectOf('«4»', essay.trace),
  'a text whose routing was recorded': {
    ...subjectOf('«4»', { ...essay.trace, origin: { ...essay.trace.origin, source: 'recorded' } }, essay.text),
    source: 'recorded',
  },
  'a text of which nothing was routed yet': textOf({ ...essay, trace: { ...essay.trace, routed: 0 } }),
  'counts alone': countsAlone,
  'steps in which the hottest changes': steps(true),
  'steps in which the hottest stays': steps(false),
  'a folder': folderOf(12, ['«a»', '«b»']),
  'a folder of few files': folderOf(3, ['«a»', '«b»', '«c»']),
  'kinds of text of which only totals are known': {
    ...countsAlone,
    source: 'recorded',
    domains: ['«a»', '«b»'].map((name) =>
      recordedDomain(
        name,
        essay.trace.layers.map((__, i) => ({
          tokens: 5_000,
          counts: (name === '«a»' ? textOf(essay) : textOf(code)).loads[i]!.counts,
        })),
      ),
    ),
  },
};

interface Made {
  readonly section: Section;
  readonly files: readonly (SectionFile | undefined)[];
}

/** Every section, as it is and with every choice that it offers, of every subject. */
type AllMade = ReadonlyMap<string, ReadonlyMap<string, Made>>;

async function madeIn(contents: l10nJsonFormat): Promise<AllMade> {
  vi.resetModules();
  config({ contents });
  const { makeFile, makeSection, SECTIONS } = await import('../../../extension/analysis/sections/all.ts');
  const all = Object.entries(SUBJECTS).map(([name, subject]) => {
    const made = new Map<string, Made>();
    for (const { id, files = {} } of SECTIONS) {
      const add = (set: Parameters): Section => {
        const section = makeSection(id, subject, set)!;
        const saved = section.figures.length > 0 ? Object.keys(files) : [];
        made.set(`${id} ${JSON.stringify(set)}`, {
          section,
          files: saved.map((action) => makeFile(id, action, subject, set)),
        });
        return section;
      };
      add({}).controls.flatMap(choices).forEach(add);
    }
    return [name, made] as const;
  });
  return new Map(all);
}

/** What a control can be set to that makes for other sentences. */
function choices(control: Control): Parameters[] {
  if (control.kind === 'toggle') return [{ [control.id]: !control.value }];
  if (control.kind !== 'choice') return [];
  // Layers and experts are alike: the last one does for all.
  const options = /^(layer|expert|where)$/.test(control.id) ? control.options.slice(-1) : control.options;
  return options.filter(({ value }) => value !== control.value).map(({ value }) => ({ [control.id]: value }));
}

const READ = new Set(['title', 'verdict', 'lacking', 'label', 'text', 'meaning', 'formula', 'source', 'judge']);
const READ_LISTS = new Set(['labels', 'names']);

/** What users read of a section, and the rest of it. */
function split(section: Section): { readonly read: readonly string[]; readonly rest: unknown } {
  const read: string[] = [];
  const taken = (value: unknown): unknown => (typeof value === 'string' ? read.push(value) && '' : value);
  const rest = JSON.stringify(section, (key, value: unknown) => {
    if (READ.has(key)) return taken(value);
    if (READ_LISTS.has(key) && Array.isArray(value)) return value.map(taken);
    // Of a table; those of a chart are no array.
    if (key === 'rows' && Array.isArray(value)) return value.map((row: unknown[]) => row.map(taken));
    return value;
  });
  return { read, rest: JSON.parse(rest) as unknown };
}

const english = await madeIn({});
const analyses = sourceFiles().filter((path) => path.startsWith('extension/analysis/'));
const translated = await madeIn(
  Object.fromEntries(sentences(analyses).map((sentence) => [sentence, inOtherLetters(sentence)])),
);

describe.each(Object.keys(SUBJECTS))('sections of %s', (subject) => {
  /** What is so of each section, by its name and what is set. */
  const each = <T>(made: AllMade, of: (made: Made) => T): Record<string, T> =>
    Object.fromEntries([...made.get(subject)!].map(([name, section]) => [name, of(section)]));

  it('leave nothing in English', () => {
    const left = each(translated, ({ section }) => split(section).read.flatMap((text) => plainWords(text, NAMES)));
    expect(Object.entries(left).filter(([, words]) => words.length > 0)).toEqual([]);
  });

  it('say the same', () => {
    expect(each(translated, ({ section }) => split(section).read.map(inEnglish))).toEqual(
      each(english, ({ section }) => split(section).read),
    );
  });

  it('have the same numbers and ids', () => {
    const rest = ({ section }: Made): unknown => split(section).rest;
    expect(each(translated, rest)).toEqual(each(english, rest));
  });

  it('save the same files', () => {
    const saved = ({ files }: Made): unknown => files.map((file) => [file?.name, file?.text]);
    expect(each(translated, saved)).toEqual(each(english, saved));
  });
});
