/**
 * Hostile input for readers: real files with their bytes or their JSON damaged, and values that no file ever had. Whatever
 * comes, a reader gives a value or throws a UserError; anything else that it throws is a find.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { Tokenizer } from '../../extension/engine/tokenizer.ts';
import { readCheckpoint, readConfig } from '../../extension/formats/checkpoint.ts';
import { readRecording } from '../../extension/formats/recording.ts';
import { readSafetensorsHeader } from '../../extension/formats/safetensors.ts';
import { tapForeign } from '../../extension/models/foreign/foreignModel.ts';
import { readForeign } from '../../extension/models/foreign/readForeign.ts';
import { describeModel } from '../../extension/models/families.ts';
import { layerKinds } from '../../extension/models/layerKinds.ts';
import { isUserError } from '../../extension/protocol/errors.ts';
import { NO_EXPERT, type RoutingTrace } from '../../extension/protocol/trace.ts';
import { FIXTURES } from './reference.ts';

/** A file: what it begins with, and how long it is; the rest is a hole. */
export interface HostileFile {
  readonly bytes: Uint8Array;
  readonly size: number;
}

/** What reads one file of a folder. */
export interface FuzzedReader {
  readonly name: string;
  /** The file's name in the folder. */
  readonly file: string;
  /** A fixture whose other files stand beside it. */
  readonly beside?: string;
  /** Real files to begin from. */
  readonly seeds: readonly HostileFile[];
  /** Throws Error when what came of the file cannot be. */
  readonly read: (folder: string) => Promise<void>;
}

const CHECKPOINTS = join(FIXTURES, 'checkpoints');
const TEXT = 'The router sends each token to a few experts. 专家 🙂\n\tif (x) { return; }';
const VOCABULARY = 512;

export const READERS: readonly FuzzedReader[] = [
  {
    name: 'safetensors',
    file: 'model.safetensors',
    seeds: files('model.safetensors'),
    read: async (folder) => {
      const path = join(folder, 'model.safetensors');
      const { size } = statSync(path);
      for (const { name, offset, bytes } of await readSafetensorsHeader(path)) {
        if (!(offset >= 8 && bytes >= 0 && offset + bytes <= size)) throw new Error(`${name} lies outside its file`);
      }
    },
  },
  {
    name: 'config',
    file: 'config.json',
    seeds: files('config.json'),
    read: async (folder) => {
      layerKinds(describeModel(await readConfig(folder)));
    },
  },
  {
    name: 'index',
    file: 'model.safetensors.index.json',
    beside: 'checkpoints/mixtral-odd',
    seeds: files('model.safetensors.index.json'),
    read: async (folder) => {
      for (const { file } of (await readCheckpoint(folder)).tensors.values()) {
        if (dirname(file) !== folder) throw new Error(`${file} lies outside the folder`);
      }
    },
  },
  {
    name: 'onnx',
    file: 'model.onnx',
    // The larger weights, so that both models' places lie within them.
    beside: 'onnx/onnxruntime-genai-gpt_oss-int4',
    seeds: ['onnxruntime-genai-lfm2_moe-int4', 'onnxruntime-genai-gpt_oss-int4'].map((name) =>
      whole(readFileSync(join(FIXTURES, 'onnx', name, 'model.onnx'))),
    ),
    read: async (folder) => {
      const { foreign } = await readForeign(join(folder, 'model.onnx'));
      const tapped = tapForeign(foreign, foreign.sets[0]!);
      if (tapped.taps.length === 0 || tapped.bytes.length === 0) throw new Error('no routers and no refusal');
    },
  },
  ...['npy', 'npz', 'pt', 'csv', 'json', 'gguf'].map((type): FuzzedReader => ({
    name: `recording.${type}`,
    file: `recording.${type}`,
    seeds: recordings(type),
    read: async (folder) => {
      const recording = await readRecording(join(folder, `recording.${type}`));
      if (recording.kind === 'trace') refuseImpossible(recording.trace);
      else if (recording.counts.some(({ loads }) => loads.length === 0)) throw new Error('counts of no layer');
    },
  })),
  {
    name: 'tokenizer',
    file: 'tokenizer.json',
    seeds: [...files('tokenizer.json').slice(0, 1), ...smallTokenizers()],
    read: async (folder) => {
      const tokenizer = await Tokenizer.open(folder, VOCABULARY);
      const { ids, start, end } = await tokenizer.encode(TEXT);
      ids.forEach((_, i) => {
        if (!(start[i]! <= end[i]! && end[i]! <= TEXT.length)) throw new Error(`token ${i} lies outside the text`);
      });
      await tokenizer.decode([...ids.subarray(0, 8)], TEXT.length, [...ids]);
    },
  },
];

/** Throws Error when a trace names experts, or places in its text, that are not there. */
function refuseImpossible({ layers, tokens, routed }: RoutingTrace): void {
  for (const { layer, chosen, experts, candidates } of layers) {
    if (chosen.length < routed * candidates) throw new Error(`layer ${layer} lacks tokens`);
    if (chosen.some((e) => e !== NO_EXPERT && e >= experts))
      throw new Error(`layer ${layer} has experts beyond the last`);
  }
  if (tokens.start.some((start, t) => start > tokens.end[t]!)) throw new Error('a token ends before it starts');
}

/** A folder for a reader's files; to be removed by the caller. */
export function fuzzFolder({ name, beside }: FuzzedReader): string {
  const folder = mkdtempSync(join(tmpdir(), `moescope-fuzz-${name}-`));
  if (beside !== undefined) cpSync(join(FIXTURES, beside), folder, { recursive: true });
  return folder;
}

/** Writes a case to the folder and reads it. Throws what the reader threw, unless it was a UserError that shows well. */
export async function tryCase(reader: FuzzedReader, folder: string, { bytes, size }: HostileFile): Promise<void> {
  const path = join(folder, reader.file);
  writeFileSync(path, bytes);
  if (size > bytes.length) truncateSync(path, size);
  try {
    await reader.read(folder);
  } catch (error) {
    if (!isUserError(error)) throw error;
    if (error.message.length > MAX_SENTENCE || /[\p{Cc}\p{Cs}]/u.test(error.message)) {
      throw new Error(`not to be shown: ${JSON.stringify(error.message.slice(0, 500))}`, { cause: error });
    }
  }
}

/** Of a sentence of 1,000 characters, each of them escaped. */
const MAX_SENTENCE = 6000;

/** Files for a reader: most of them a real one with its bytes or its JSON damaged, some of them nothing that was ever real. */
export function hostileFiles({ seeds, file }: FuzzedReader): fc.Arbitrary<HostileFile> {
  const [jsonOf, fileOf] = file.endsWith('.json') ? [plainText, plainFile] : [headerText, fileWithHeader];
  const seed = fc.constantFrom(...seeds);
  const editedBy = (changes: typeof edits): fc.Arbitrary<HostileFile> =>
    fc.tuple(seed, changes).map(([{ bytes, size }, list]) => {
      const edited = list.reduce(edit, Buffer.from(bytes));
      // Where the beginning was cut, nothing follows.
      return { bytes: edited, size: edited.length < bytes.length / 2 ? edited.length : size };
    });
  const bytewise = { weight: 4, arbitrary: editedBy(edits) };
  const random = { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map(whole) };
  if (!/\.(json|safetensors)$/.test(file)) {
    // Nothing in it is JSON, and most edits break its frame; single bytes mostly change names, numbers and kinds.
    const inPlace = edits.map((list) => list.map((one): Edit => ({ ...one, kind: 'set', length: 1 })));
    return fc.oneof(bytewise, { weight: 8, arbitrary: editedBy(inPlace) }, random);
  }
  return fc.oneof(
    bytewise,
    {
      weight: 8,
      arbitrary: fc.tuple(seed, changesOfJson).map(([{ bytes, size }, changes]) => {
        const value = changes.reduce<unknown>(changeJson, JSON.parse(jsonOf(bytes)));
        return fileOf(JSON.stringify(value), size);
      }),
    },
    random,
    { weight: 1, arbitrary: fc.json().map((text) => fileOf(text, 0)) },
  );
}

function plainText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

function plainFile(text: string): HostileFile {
  return whole(Buffer.from(text));
}

function whole(bytes: Uint8Array): HostileFile {
  return { bytes, size: bytes.length };
}

function headerText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes);
  return buffer.toString('utf8', 8, 8 + Number(buffer.readBigUInt64LE()));
}

function fileWithHeader(text: string, size: number): HostileFile {
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(Buffer.byteLength(text)));
  return { bytes: Buffer.concat([prefix, Buffer.from(text)]), size };
}

/** From 0 up to 1, evenly: what fast-check prefers of its own are the ends. */
const part = fc.noBias(fc.nat(999_999)).map((n) => n / 1e6);

interface Edit {
  readonly kind: 'flip' | 'set' | 'insert' | 'remove' | 'repeat' | 'cut';
  /** Where, as a part of the length. */
  readonly at: number;
  readonly length: number;
  readonly byte: number;
}

const edits: fc.Arbitrary<readonly Edit[]> = fc.array(
  fc.record({
    kind: fc.constantFrom('flip', 'set', 'insert', 'remove', 'repeat', 'cut'),
    // Headers and the first keys stand at the start: half of all edits go there.
    at: fc.oneof(
      part,
      part.map((x) => x / 100),
    ),
    length: fc.integer({ min: 1, max: 64 }),
    byte: fc.oneof(fc.constantFrom(0, 0x22, 0x2d, 0x30, 0x39, 0x5b, 0x7b, 0x7f, 0xff), fc.nat(255)),
  }),
  { minLength: 1, maxLength: 6 },
);

function edit(bytes: Buffer, { kind, at, length, byte }: Edit): Buffer {
  if (bytes.length === 0) return bytes;
  const from = Math.min(bytes.length - 1, Math.floor(at * bytes.length));
  const to = Math.min(bytes.length, from + length);
  const joined = (...middle: readonly Uint8Array[]): Buffer =>
    Buffer.concat([bytes.subarray(0, from), ...middle, bytes.subarray(to)]);
  switch (kind) {
    case 'flip':
      bytes[from]! ^= 1 << (byte & 7);
      return bytes;
    case 'set':
      return bytes.fill(byte, from, to);
    case 'insert':
      return joined(Buffer.alloc(length, byte), bytes.subarray(from, to));
    case 'remove':
      return joined();
    case 'repeat':
      return joined(bytes.subarray(from, to), bytes.subarray(from, to));
    case 'cut':
      return bytes.subarray(0, from);
  }
}

interface JsonChange {
  /** Which of the places at each step down, as a part of their number; the walk ends where there are none. */
  readonly path: readonly number[];
  readonly kind: 'replace' | 'remove' | 'wrap' | 'double';
  readonly value: unknown;
}

/** What breaks readers: wrong types, edges of number formats, names of inherited properties, depth and length. */
const ODD: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1, 2, 0.5, -0.5, 3, 7, 64, 1e9, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 1e308, 5e-324],
  ...['', '0', '1e9', 'null', '__proto__', 'constructor', 'toString', '\0', '\ud800', '../../etc/passwd', 'A\nB'],
  ...['float32', 'softmax', 'relu', 'default', 'x'.repeat(100_000)],
  ...[
    [],
    {},
    [[]],
    [null],
    [-1],
    [0],
    [1e9],
    [1, 2, 3],
    { __float__: 'Infinity' },
    { rope_type: 'yarn', factor: 1e308 },
  ],
  ...[Array.from({ length: 10_000 }, () => 1), nested(1000)],
];

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

const changesOfJson: fc.Arbitrary<readonly JsonChange[]> = fc.array(
  fc.record({
    path: fc.array(part, { minLength: 1, maxLength: 6 }),
    kind: fc.constantFrom('replace', 'replace', 'replace', 'remove', 'wrap', 'double'),
    value: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...ODD) }, fc.integer(), fc.jsonValue({ maxDepth: 2 })),
  }),
  { minLength: 1, maxLength: 4 },
);

/** A value with one of its places changed. */
function changeJson(value: unknown, { path, kind, value: other }: JsonChange): unknown {
  const [step, ...rest] = path;
  const keys = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  if (step === undefined || keys.length === 0) return kind === 'wrap' ? [value] : other;
  const key = keys[Math.floor(step * keys.length)]!;
  const copy: Record<string, unknown> = Array.isArray(value)
    ? (Array.from(value) as unknown as Record<string, unknown>)
    : { ...(value as object) };
  if (rest.length > 0 && typeof copy[key] === 'object' && copy[key] !== null) {
    copy[key] = changeJson(copy[key], { path: rest, kind, value: other });
    return copy;
  }
  switch (kind) {
    case 'replace':
      copy[key] = other;
      break;
    case 'remove':
      if (Array.isArray(copy)) copy.splice(Number(key), 1);
      else Reflect.deleteProperty(copy, key);
      break;
    case 'wrap':
      copy[key] = [copy[key]];
      break;
    case 'double':
      copy[`${key}2`] = copy[key];
      break;
  }
  return copy;
}

/** The fixtures' own files of a name; of weights the header, before a hole. */
function files(name: string): readonly HostileFile[] {
  return readdirSync(CHECKPOINTS)
    .filter((fixture) => readdirSync(join(CHECKPOINTS, fixture)).includes(name))
    .map((fixture) => readFileSync(join(CHECKPOINTS, fixture, name)))
    .map((bytes) => {
      const read = name.endsWith('.safetensors') ? 8 + Number(bytes.readBigUInt64LE()) : bytes.length;
      return { bytes: bytes.subarray(0, read), size: bytes.length };
    });
}

/** Recordings in files of a type. */
function recordings(type: string): readonly HostileFile[] {
  const folder = join(FIXTURES, 'recordings');
  const names = readdirSync(folder).filter((name) => name.endsWith(`.${type}`));
  return names.map((name) => whole(readFileSync(join(folder, name))));
}

/** Tokenizers of the kinds that no fixture has: Unigram, WordPiece, words, BPE with marks of a word's inner parts. */
function smallTokenizers(): readonly HostileFile[] {
  const all = JSON.parse(readFileSync(new URL('smallTokenizers.json', import.meta.url), 'utf8')) as object;
  return Object.values(all).map((tokenizer) => plainFile(JSON.stringify(tokenizer)));
}
