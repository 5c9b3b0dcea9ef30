import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readNpy, readNpz, type IntegerArray } from '../../extension/formats/npy.ts';
import { readPickle, type PickledTensor } from '../../extension/formats/pickle.ts';
import { arraysRecording } from '../../extension/formats/recordedIds.ts';
import { readRecording, readRecordings, recordingOf } from '../../extension/formats/recording.ts';
import { splitByLayer, type KnownLayers } from '../../extension/formats/routedExperts.ts';
import { readSglangDump } from '../../extension/formats/sglangDump.ts';
import { readTorchSave } from '../../extension/formats/torchSave.ts';
import type { RecordedCounts, Recording } from '../../extension/protocol/recording.ts';
import { NO_EXPERT } from '../../extension/protocol/trace.ts';
import { FIXTURES } from '../support/reference.ts';
import { ScratchFolder } from '../support/scratch.ts';

/** What makeRecordings.py wrote: token t at layer l goes to (t + l) % 4 and (t + l + 1) % 4. */
const [TOKENS, LAYERS, EXPERTS, K] = [5, 3, 4, 2];
const IDS = Array.from({ length: TOKENS * LAYERS * K }, (_, i) => {
  const [t, l, j] = [Math.floor(i / (LAYERS * K)), Math.floor(i / K) % LAYERS, i % K];
  return (t + l + j) % EXPERTS;
});

const folder = join(FIXTURES, 'recordings');
const bytesOf = (name: string): Buffer => readFileSync(join(folder, name));
const scratch = new ScratchFolder('recordings');
afterAll(() => {
  scratch.dispose();
});

async function traceOf(name: string): Promise<Extract<Recording, { kind: 'trace' }>> {
  const recording = await readRecording(join(folder, name));
  if (recording.kind !== 'trace') throw new Error(`${name} is counts`);
  return recording;
}

async function countsOf(path: string): Promise<readonly RecordedCounts[]> {
  const recording = await readRecording(path);
  if (recording.kind !== 'counts') throw new Error(`${path} is a trace`);
  return recording.counts;
}

/** Text in place of a file, read as one. */
function read(text: string): Recording {
  return recordingOf(Buffer.from(text), 'file');
}

describe('arrays of numpy', () => {
  it.each(['u1', 'u2', 'i2', 'i4', 'i8', 'i4-big'])('reads whole numbers of type %s', (type) => {
    const { shape, values } = readNpy(bytesOf(`ids-${type}.npy`));
    expect(shape).toEqual([TOKENS, LAYERS, K]);
    expect([...values]).toEqual(IDS);
  });

  it('puts columns that came first into the order of rows', () => {
    expect([...readNpy(bytesOf('ids-fortran.npy')).values]).toEqual(IDS);
  });

  it('reads packed and plain archives by the names of their arrays', () => {
    const packed = readNpz(bytesOf('ids.npz'));
    expect([...packed.keys()]).toEqual(['routed_experts', 'token_ids']);
    expect([...packed.get('token_ids')!.values]).toEqual([10, 11, 12, 13, 14]);
    expect([...readNpz(bytesOf('ids-stored.npz')).get('arr_0')!.values]).toEqual(IDS);
  });

  it('refuses what is no whole number, and an array that is shorter than it says', () => {
    expect(() => readNpy(bytesOf('words.npy'))).toThrow('type <U6, which are no whole numbers');
    expect(() => readNpy(bytesOf('ids-i4.npy').subarray(0, 200))).toThrow('5 × 3 × 2, for which it is too short');
  });
});

describe('a recording of expert ids', () => {
  it('opens as a trace whose weights are unknown', async () => {
    const { trace, text } = await traceOf('ids.npz');
    expect(text).toBe('');
    expect([...trace.tokens.ids]).toEqual([10, 11, 12, 13, 14]);
    expect(trace.layers).toHaveLength(LAYERS);
    trace.layers.forEach((layer, l) => {
      expect(layer).toMatchObject({ layer: l, experts: EXPERTS, k: K, candidates: K });
      expect([...layer.chosen]).toEqual(IDS.filter((_, i) => Math.floor(i / K) % LAYERS === l));
      for (const column of [layer.weight, layer.entropy, layer.margin]) expect(column.every(Number.isNaN)).toBe(true);
    });
    expect(trace.origin.source).toBe('recorded');
    expect(trace.origin.model.note).toContain('Weights are not recorded');
  });

  it('takes rows of −1 and rows that name an expert twice for no data, never for expert 0', () => {
    const row = [[[0, 1]], [[-1, -1]], [[0, 0]], [[1, 0]]];
    const recording = read(
      JSON.stringify({ prompt_token_ids: [1, 2, 3, 4], outputs: [{ token_ids: [], routed_experts: row }] }),
    );
    expect(recording).toMatchObject({ kind: 'trace' });
    const { chosen } = (recording as Extract<Recording, { kind: 'trace' }>).trace.layers[0]!;
    expect([...chosen]).toEqual([0, 1, NO_EXPERT, NO_EXPERT, NO_EXPERT, NO_EXPERT, 1, 0]);
  });

  it('says so when there is no data at all', () => {
    const reply = { prompt_token_ids: [1, 2], outputs: [{ token_ids: [], routed_experts: [[[0, 0]], [[0, 0]]] }] };
    expect(() => read(JSON.stringify(reply))).toThrow('The routing holds no data');
  });

  it('leaves layers out that are filled with zeros throughout, as dense ones are', () => {
    const rows = [0, 1].map(() => [
      [0, 0],
      [2, 5],
    ]);
    const { trace } = read(
      JSON.stringify({ prompt_token_ids: [1, 2], outputs: [{ token_ids: [], routed_experts: rows }] }),
    ) as Extract<Recording, { kind: 'trace' }>;
    expect(trace.layers.map(({ layer, experts }) => [layer, experts])).toEqual([[1, 6]]);
    expect(trace.origin.model.layers).toBe(2);
    expect(trace.origin.model.note).toContain('1 of 2 layers have no routing and are taken for dense ones');
  });
});

describe('zeros alone, of a model whose tokens go to one expert each', () => {
  const zeros = (layers: number): IntegerArray => ({ shape: [5, layers, 1], values: new Int32Array(5 * layers) });
  const config = (layers: number): KnownLayers => ({
    layers: layers + 1,
    moeLayers: Array.from({ length: layers }, (_, i) => ({ layer: i + 1, experts: 8, k: 1 })),
  });

  it.each([1, 2])('are collapsed routing where it is known to have few MoE layers: %i', (layers) => {
    const recording = arraysRecording(new Map([['', zeros(layers)]]), 'tiny', config(layers));
    const { trace } = recording as Extract<Recording, { kind: 'trace' }>;
    expect(trace.layers.map(({ layer }) => layer)).toEqual([1, 2].slice(0, layers));
    expect(trace.layers.map(({ chosen }) => [...chosen])).toEqual(trace.layers.map(() => [0, 0, 0, 0, 0]));
  });

  it('are none where its layers are not known, or many', () => {
    const sentence = 'The routing holds no data';
    expect(() => arraysRecording(new Map([['', zeros(1)]]), 'tiny')).toThrow(sentence);
    expect(() => arraysRecording(new Map([['', zeros(3)]]), 'tiny', config(3))).toThrow(sentence);
  });
});

describe('weights beside expert ids', () => {
  const weights: IntegerArray = { shape: [2, 1, 2], values: Float32Array.of(0.7, 0.3, 0.6, 0.4) };
  const ids: IntegerArray = { shape: [2, 1, 2], values: Float64Array.of(2, 5, 3, 0) };

  it('are never taken for them, wherever they stand', () => {
    const { trace } = arraysRecording(
      new Map([
        ['topk_weights', weights],
        ['topk_ids', ids],
      ]),
      'saved',
    ) as Extract<Recording, { kind: 'trace' }>;
    expect([...trace.layers[0]!.chosen]).toEqual([2, 5, 3, 0]);
  });

  it('are no recording by themselves, nor under the name of ids', () => {
    expect(() => arraysRecording(new Map([['', weights]]), 'saved')).toThrow('neither expert ids');
    expect(() => arraysRecording(new Map([['routed_experts', weights]]), 'saved')).toThrow('not whole numbers');
    // A row that is no data anyway says nothing of those that follow.
    for (const row of [
      [0, 0, 0.5],
      [-1, 0.5, 1],
    ]) {
      expect(() => splitByLayer(Float32Array.from(row), 1, 1, 3)).toThrow('not whole numbers');
    }
  });
});

describe('arrays under the name of ids', () => {
  it.each([
    ['token ids of a batch', { token_ids: [1, 3], routed_experts: [1, 3, 1, 2] }],
    ['expert ids of a single layer', { routed_experts: [3, 2] }],
  ])('are never taken for counts: %s', (_, shapes) => {
    const arrays = Object.entries<number[]>(shapes).map(([name, shape]): [string, IntegerArray] => {
      const items = shape.reduce((all, n) => all * n, 1);
      return [name, { shape, values: Int32Array.from({ length: items }, (_, i) => i % 2) }];
    });
    expect(() => arraysRecording(new Map(arrays), 'saved')).toThrow('neither expert ids');
  });
});

describe('a recorded answer of vLLM', () => {
  it('gives its tokens, their texts and probabilities', async () => {
    const { trace, text } = await traceOf('vllm-0.27.1.json');
    expect(trace.tokens.ids).toHaveLength(43);
    expect([...trace.tokens.ids.subarray(0, 4)]).toEqual([444, 857, 2909, 2451]);
    // The first token's text is nowhere in the answer.
    expect(text.startsWith(' route(x, k=2):\n    # pick the top-k experts\n')).toBe(true);
    const { start, end, logProb } = trace.tokens;
    expect(text.slice(start[1], end[1])).toBe(' ro');
    expect(logProb[0]).toBeNaN();
    expect(logProb[1]).toBeCloseTo(-11.014097, 5);
    expect(trace.layers.map(({ layer, k }) => [layer, k])).toEqual([0, 1, 2, 3, 4, 5].map((l) => [l, 2]));
    expect(trace.origin.model.name).toBe('demo');
  });

  it('is refused when rows and tokens do not fit together', () => {
    const reply = JSON.parse(bytesOf('vllm-0.27.1.json').toString()) as { choices: { prompt_token_ids: number[] }[] };
    reply.choices[0]!.prompt_token_ids.push(1);
    expect(() => read(JSON.stringify(reply))).toThrow('43 rows of routing for 44 tokens of the text');
  });

  it('is refused without routing, with the flag that is missing', () => {
    expect(() => read('{"choices": [{"prompt_token_ids": [1], "token_ids": [2]}]}')).toThrow(
      '--enable-return-routed-experts',
    );
  });

  it('opens several, one a line, as windows of one trace', () => {
    const line = (ids: readonly number[]): string =>
      JSON.stringify({
        prompt: 'text',
        prompt_token_ids: ids,
        outputs: [{ token_ids: [9], routed_experts: ids.map((id) => [[id % 4, 5]]) }],
      });
    const { trace } = read(`${line([1, 2, 3])}\n${line([6, 7])}\n`) as Extract<Recording, { kind: 'trace' }>;
    expect([...trace.windows]).toEqual([0, 3]);
    expect([...trace.layers[0]!.chosen]).toEqual([1, 5, 2, 5, 3, 5, 2, 5, 3, 5]);
  });
});

describe('a dump of SGLang’s recorder', () => {
  it.each(['sglang-stat.pt', 'sglang-stat-strided.pt'])('of counts, %s', async (name) => {
    const [counts] = await countsOf(join(folder, name));
    // Layer 0 took nothing, and neither did the last step.
    expect(counts!.loads.map(({ shape, counts: c }) => [shape.layer, [...c]])).toEqual([
      [1, [4, 8, 1, 1]],
      [2, [3, 3, 3, 5]],
    ]);
    expect(counts!.model.layers).toBe(3);
    // By layer: the first step's counts, then those of the second.
    expect(counts!.steps!.map((c) => [...c])).toEqual([
      [4, 2, 0, 0, 0, 6, 1, 1],
      [1, 1, 1, 3, 2, 2, 2, 2],
    ]);
  });

  it('of counts in all the room there is: older ones may be missing, which is said', () => {
    const whole = readTorchSave(bytesOf('sglang-stat.pt'));
    // Without the third step, which is not used.
    const full = { ...whole, tensor: (tensor: PickledTensor) => firstSteps(whole.tensor(tensor), 2) };
    const [noted, unnoted] = [full, whole].map((file) => {
      const recording = readSglangDump(file, 'dump');
      return recording.kind === 'counts' ? recording.counts[0].model.note : undefined;
    });
    expect(noted).toContain('All 2 passes that the recorder had room for are used: earlier ones may be missing');
    expect(unnoted).not.toContain('earlier ones');

    function firstSteps({ shape: [steps, ...item], values }: IntegerArray, used: number): IntegerArray {
      return { shape: [used, ...item], values: values.slice(0, (values.length / steps!) * used) };
    }
  });

  it('of passes: copies count for the expert that they are of', async () => {
    const [counts] = await countsOf(join(folder, 'sglang-per_pass.pt'));
    // Physical experts 4 and 5 are copies of 1 and 2.
    expect(counts!.loads.map(({ counts: c }) => [...c])).toEqual([
      [2, 9, 11, 5],
      [8, 11, 9, 5],
    ]);
    expect(counts!.steps!.map((c) => [...c].slice(0, 4))).toEqual([
      [1, 7, 9, 4],
      [6, 7, 5, 3],
    ]);
    expect(counts!.model.note).toContain('What rank 1 alone counted.');
  });

  it('of tokens: a trace, a window where a sequence begins', async () => {
    const { trace } = await traceOf('sglang-per_token.pt');
    expect([...trace.tokens.ids]).toEqual([7, 8, 9, 5, 6]);
    expect([...trace.windows]).toEqual([0, 3]);
    expect(trace.layers.map(({ layer, k }) => [layer, k])).toEqual([
      [1, 2],
      [2, 2],
    ]);
    const ofLayer = (l: number): number[] => IDS.filter((_, i) => Math.floor(i / K) % LAYERS === l);
    // Token 0 went to copies of 1 and 2 at layer 1, as (0 + 1) % 4 and (0 + 2) % 4 are.
    expect(trace.layers.map(({ chosen }) => [...chosen])).toEqual([ofLayer(1), ofLayer(2)]);
  });

  it('of tokens: with the experts that the config of their model says', () => {
    const moeLayers = [1, 2].map((layer) => ({ layer, experts: 16, k: 2 }));
    const recording = recordingOf(bytesOf('sglang-per_token.pt'), 'demo', { layers: 3, moeLayers });
    expect(recording.kind === 'trace' && recording.trace.layers.map(({ layer, experts }) => [layer, experts])).toEqual([
      [1, 16],
      [2, 16],
    ]);
    const other = moeLayers.map((layer) => ({ ...layer, k: 4 }));
    expect(() => recordingOf(bytesOf('sglang-per_token.pt'), 'demo', { layers: 3, moeLayers: other })).toThrow(
      "2 experts a token, but the model's config says 4",
    );
  });

  it('runs nothing that it names', () => {
    expect(() => recordingOf(bytesOf('harm.pt'), 'harm')).toThrow(
      /it names (posix|nt)\.system, which is no plain data, and nothing is run/,
    );
  });
});

describe('several files', () => {
  it('are added up, step by step; a rank of its own is none any more', async () => {
    const recording = await readRecordings([join(folder, 'sglang-per_pass.pt'), join(folder, 'sglang-per_pass.pt')]);
    if (recording.kind !== 'counts') throw new Error('it is a trace');
    const [sum] = recording.counts;
    expect(sum.loads.map(({ counts: c }) => [...c])).toEqual([
      [4, 18, 22, 10],
      [16, 22, 18, 10],
    ]);
    expect(sum.steps!.map((c) => [...c].slice(0, 4))).toEqual([
      [2, 14, 18, 8],
      [12, 14, 10, 6],
    ]);
    expect(sum.model.note).toContain('The sum of 2 files.');
    expect(sum.model.note).not.toContain('rank');
  });

  it('that are no counts, or of another model, are left out in a sentence', async () => {
    const paths = ['sglang-stat.pt', 'ids.npz', 'counts.csv', 'harm.pt', 'sglang-stat.pt'] as const;
    const [first, ...more] = paths.map((name) => join(folder, name));
    const recording = await readRecordings([first!, ...more]);
    if (recording.kind !== 'counts') throw new Error('it is a trace');
    expect([...recording.counts[0].loads[0]!.counts]).toEqual([8, 16, 2, 2]);
    const { note } = recording.counts[0].model;
    expect(note).toContain('The sum of 2 files.');
    for (const name of paths.slice(1, 4)) expect(note).toContain(`${name} is left out: `);
    await expect(readRecordings([join(folder, 'harm.pt'), join(folder, 'ids.npz')])).rejects.toThrow('nothing is run');
    const one = await readRecordings([first!, join(folder, 'harm.pt')]);
    if (one.kind !== 'counts') throw new Error('it is a trace');
    expect(one.counts[0].model.note).toMatch(/^harm\.pt is left out: /u);
  });

  it('that say which model they are of, and in which precision, are added up only where it is the same', async () => {
    const reported = (file: string, model: string, precision: string): string => {
      const load = { layers: [{ layer: 0, experts: 4, k: 2, counts: [1, 2, 3, 4] }] };
      const report = { format: 'moescope-report', version: 2, model: { name: model }, precision, load };
      return scratch.write(file, JSON.stringify(report)).path(file);
    };
    scratch.write('table.csv', 'layer,expert,count,k\n0,0,5,2\n0,1,0,2\n0,2,0,2\n0,3,1,2\n');
    const recording = await readRecordings([
      scratch.path('table.csv'),
      // Called as its model is.
      reported('even.json', 'even', 'float32'),
      reported('uneven.json', 'uneven', 'float32'),
      reported('coarse.json', 'even', 'int4'),
      reported('again.json', 'even', 'float32'),
    ]);
    if (recording.kind !== 'counts') throw new Error('it is a trace');
    const [sum] = recording.counts;
    expect([...sum.loads[0]!.counts]).toEqual([7, 4, 6, 9]);
    expect(sum.model).toMatchObject({ name: 'even', precision: 'float32' });
    expect(sum.model.note).toContain('The sum of 3 files. uneven.json is left out: ');
    expect(sum.model.note).toContain('it is of uneven (float32), and others are of even (float32).');
    expect(sum.model.note).toContain('it is of even (int4), and others are of even (float32).');
  });
});

describe('a pickle', () => {
  it.each([
    ['INST', "(S'ls'\nios\nsystem\n."],
    ['OBJ', '(cos\nsystem\no.'],
    ['NEWOBJ', 'cos\nsystem\n)\x81.'],
    ['BUILD', '}}b.'],
    ['EXT1', '\x82\x01.'],
    ['a call of what was never named', '(K\x01K\x02R.'],
  ])('that wants more than data is refused: %s', (_, program) => {
    expect(() => readPickle(Buffer.from(program, 'latin1'))).toThrow('This pickle cannot be read');
  });

  it.each([
    ['dicts', '}', 2_100_000],
    ['lists', ']', 6_300_000],
  ])('that would fill the memory with %s is refused', (_, program, times) => {
    expect(() => readPickle(Buffer.from(`${program.repeat(times)}.`, 'latin1'))).toThrow('it has too many values');
  });

  it('gives plain data', () => {
    const program = '\x80\x02}(X\x01\0\0\0aJ\xff\xff\xff\xffX\x01\0\0\0b](K\x01NG?\xe0\0\0\0\0\0\0eu.';
    expect(readPickle(Buffer.from(program, 'latin1'))).toEqual(
      new Map<string, unknown>([
        ['a', -1],
        ['b', [1, null, 0.5]],
      ]),
    );
  });
});

describe('counts', () => {
  it('of a table, in whatever order and with whatever marks between', async () => {
    const [table] = await countsOf(join(folder, 'counts.csv'));
    expect(table!.loads.map(({ shape, counts }) => [shape.layer, [...counts]])).toEqual([
      [0, [0, 1, 2, 3]],
      [1, [4, 5, 6, 7]],
      [2, [8, 9, 10, 11]],
    ]);
    const other = read('Count;Expert;Layer;K\n7;1;3;2\n5;0;1;2\n');
    expect(other).toMatchObject({
      kind: 'counts',
      counts: [{ loads: [{ shape: { layer: 1, k: 2, experts: 2 } }, { shape: { layer: 3 } }] }],
    });
  });

  it('of a table have the k of their layer', () => {
    const table = 'layer,expert,count,k\n0,0,5,1\n0,1,3,1\n2,0,4,2\n2,1,4,2\n';
    expect(read(table)).toMatchObject({
      counts: [{ loads: [{ shape: { layer: 0, k: 1, candidates: 1 } }, { shape: { layer: 2, k: 2, candidates: 2 } }] }],
    });
  });

  it('say whether k is known, whoever wrote them', () => {
    const shapes = (text: string): unknown => {
      const recording = read(text);
      return (
        recording.kind === 'counts' && recording.counts[0].loads.map(({ shape: { k, kUnknown } }) => [k, kUnknown])
      );
    };
    expect(shapes('layer,expert,count\n0,0,5\n')).toEqual([[1, true]]);
    expect(shapes('layer,expert,count,k\n0,0,5,1\n')).toEqual([[1, undefined]]);
    expect(shapes('{"m": {"counts": {"code": {"0": [3, 4]}}}}')).toEqual([[1, true]]);
    expect(shapes('{"m": {"k": 2, "counts": {"code": {"0": [3, 4]}}}}')).toEqual([[2, undefined]]);
  });

  it.each([
    ['is another than the row before has', '0,0,5,1\n0,1,3,2\n', 'line 3 has k 2, but layer 0 has 1 before'],
    ['is no whole number', '0,0,5,1\n1,0,5,1.5\n', 'line 3 has no whole number from 1 on for k'],
    ['is nothing', '0,0,5,0\n', 'line 2 has no whole number from 1 on for k'],
    ['is more than there are experts', '0,0,5,1\n0,1,5,1\n1,0,5,3\n', 'line 4 has k 3, but there are 2 experts'],
  ])('name the line of a table whose k %s', (_, rows, sentence) => {
    expect(() => read(`layer,expert,count,k\n${rows}`)).toThrow(sentence);
  });

  it('names the line of a table that is none', () => {
    expect(() => read('layer,expert,count\n0,0,5\n0,1,many\n')).toThrow('line 3 has no whole numbers');
    expect(() => read('layer,expert,count\n0,0,5\n0,0,6\n')).toThrow('line 3 counts expert 0 of layer 0 a second time');
  });

  it('is no table what is JSON, though its first line has the names of columns', () => {
    const trace = {
      format: 'moescope-trace',
      version: 1,
      model: { name: 'tiny' },
      precision: 'float32',
      provider: 'cpu',
      text: 'Columns: step, layer, expert, count, k.',
      tokens: [{ id: 5, start: 0, end: 7, logProb: null }],
      layers: [{ layer: 0, experts: 2, k: 1, chosen: [[1]], weight: [[1]], entropy: [0], margin: [1] }],
    };
    expect(read(JSON.stringify(trace))).toMatchObject({ kind: 'trace', text: trace.text });
    expect(read(`\n ${JSON.stringify(trace)}`)).toMatchObject({ kind: 'trace', text: trace.text });
  });

  it('of an array [layers, experts]', async () => {
    const [counts] = await countsOf(join(folder, 'counts.npy'));
    expect(counts!.loads.map(({ counts: c }) => c[3])).toEqual([3, 7, 11]);
  });

  it('of an array are those of layers with experts: a row of nothing but zeros is a dense one', () => {
    const rows = { shape: [3, 2], values: Int32Array.of(0, 0, 5, 3, 0, 1) };
    const recording = arraysRecording(new Map([['', rows]]), 'tiny');
    expect(recording).toMatchObject({
      counts: [{ model: { layers: 3 }, loads: [{ shape: { layer: 1 } }, { shape: { layer: 2 } }] }],
    });
    const none = { shape: [2, 2], values: new Int32Array(4) };
    expect(() => arraysRecording(new Map([['', none]]), 'tiny')).toThrow('its counts [layers, experts] are not valid');
  });

  it('that a paper published, by model and text', async () => {
    const counts = await countsOf(join(FIXTURES, 'paperCounts.json'));
    expect(counts.map(({ name }) => name)).toContain('mixtral, github');
    const github = counts.find(({ name }) => name === 'olmoe, github')!;
    expect(github.loads.map(({ shape }) => [shape.layer, shape.experts, shape.k])).toEqual([
      [0, 64, 8],
      [7, 64, 8],
      [15, 64, 8],
    ]);
  });

  it('are whole numbers: shares that a paper published are none', () => {
    const published = { m: { k: 1, counts: { web: { 0: [0.7, 0.3] } } } };
    expect(() => read(JSON.stringify(published))).toThrow('m, web has shares for layer 0, not whole numbers');
  });

  it('are those of layers with experts alone, whatever the file', () => {
    expect(read('layer,expert,count\n0,0,0\n0,1,0\n1,0,5\n1,1,3\n')).toMatchObject({
      counts: [{ loads: [{ shape: { layer: 1 } }] }],
    });
    expect(() => read('layer,expert,count\n0,0,0\n')).toThrow('nothing was recorded');
    const published = (web: object, code: object): string => JSON.stringify({ m: { k: 1, counts: { web, code } } });
    expect(() => read(published({ 0: [0, 0] }, { 0: [0, 0] }))).toThrow('nothing was recorded');
    // A kind of text of which there was none.
    expect(read(published({ 0: [0, 0] }, { 0: [1, 2] }))).toMatchObject({
      counts: [{ loads: [{ counts: Float64Array.of(0, 0) }] }, { loads: [{ counts: Float64Array.of(1, 2) }] }],
    });
  });

  it('name each layer once, and no more experts a token than there are', () => {
    const published = (layers: object, k = 2): string => JSON.stringify({ m: { k, counts: { web: layers } } });
    expect(() => read(published({ 0: [1, 2], '00': [2, 1] }))).toThrow('layer 0 appears twice');
    expect(() => read(published({ 0: [1, 2] }, 3))).toThrow('m, web has k 3 for layer 0, but there are 2 experts');
  });

  it('of a table stand under count where tokens are beside them', () => {
    expect(read('layer,expert,tokens,count\n0,0,100,5\n0,1,100,7\n')).toMatchObject({
      counts: [{ loads: [{ counts: Float64Array.of(5, 7) }] }],
    });
  });

  it('of a report of a version that is not known are refused', () => {
    const load = { layers: [{ layer: 2, k: 1, counts: [3, 4] }] };
    const report = { format: 'moescope-report', version: 3, model: { name: 'tiny' }, load };
    expect(() => read(JSON.stringify(report))).toThrow('version 3');
  });

  it('of a report that MoEScope wrote', () => {
    const layers = [{ layer: 2, experts: 2, k: 1, counts: [3, 4] }];
    const report = { format: 'moescope-report', version: 1, model: { name: 'tiny' }, load: { layers } };
    expect(read(JSON.stringify(report))).toMatchObject({
      kind: 'counts',
      counts: [{ model: { name: 'tiny' }, loads: [{ shape: { layer: 2 } }] }],
    });
  });
});

describe('reports and published counts, one a line', () => {
  const report = (name: string, layers: readonly object[]): object => ({
    format: 'moescope-report',
    version: 2,
    name,
    model: { name: 'tiny' },
    load: { layers },
  });
  const lines = (...values: readonly unknown[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join('');
  const of = (text: string): readonly RecordedCounts[] => {
    const recording = read(text);
    if (recording.kind !== 'counts') throw new Error('it is a trace');
    return recording.counts;
  };

  it('are all opened, each under its name', () => {
    const texts = ['essay.md', 'router.ts'].map((name, i) =>
      report(name, [{ layer: 0, experts: 2, k: 1, counts: [i, 4] }]),
    );
    expect(of(lines(...texts)).map(({ name, loads }) => [name, [...loads[0]!.counts]])).toEqual([
      ['essay.md', [0, 4]],
      ['router.ts', [1, 4]],
    ]);
    const published = ['a', 'b'].map((model) => ({ [model]: { k: 1, counts: { code: { 0: [1, 2] } } } }));
    expect(of(lines(...published)).map(({ name }) => name)).toEqual(['a, code', 'b, code']);
  });

  it('keep what ran them, and have the sum of kinds no part of its own', () => {
    const layers = [{ layer: 0, experts: 2, k: 1, counts: [1, 4] }];
    const ran = { precision: 'int8', provider: 'cpu' };
    const sum = { ...report('tiny, 2 kinds of text', layers), kinds: ['code', 'prose'], ...ran };
    const parts = of(lines({ ...report('code', layers), ...ran }, report('prose', layers), sum));
    expect(parts.map(({ name, model }) => [name, model.precision, model.provider])).toEqual([
      ['code', 'int8', 'cpu'],
      ['prose', 'unknown precision', 'unknown engine'],
    ]);
    expect(of(lines(sum))).toMatchObject([{ name: '', model: ran }]);
  });

  it('without names are told apart by their number', () => {
    const nameless = { ...report('', [{ layer: 0, k: 1, counts: [1] }]), name: undefined };
    expect(of(lines(nameless, nameless)).map(({ name }) => name)).toEqual(['1', '2']);
  });

  it('are refused where they are mixed with something else', () => {
    const one = report('essay.md', [{ layer: 0, k: 1, counts: [1] }]);
    const published = { a: { k: 1, counts: { code: { 0: [1, 2] } } } };
    expect(() => read(lines(one, published))).toThrow('not all of the same kind');
    expect(() => read(lines(published, { any: 'thing' }))).toThrow('not all of the same kind');
  });

  it('keep the stacks of an encoder-decoder apart, the encoder first', () => {
    const layer = (stack: string, number: number): object => ({ layer: number, stack, k: 1, counts: [number, 9] });
    const layers = [layer('decoder', 1), layer('decoder', 3), layer('encoder', 3), layer('encoder', 1)];
    const [counts] = of(lines(report('essay.md', layers)));
    expect(counts!.loads.map(({ shape }) => [shape.stack, shape.layer])).toEqual([
      ['encoder', 1],
      ['encoder', 3],
      ['decoder', 1],
      ['decoder', 3],
    ]);
  });
});

it('names what it opens when a file is none of it', async () => {
  for (const text of ['some words', '{"a": 1}', '[1, 2]', '"words"']) {
    expect(() => read(text)).toThrow('answers of vLLM or SGLang as JSON');
  }
  writeFileSync(scratch.path('binary'), Uint8Array.of(1, 2, 3, 0xff, 0xfe));
  await expect(readRecording(scratch.path('binary'))).rejects.toThrow('This is no recording that MoEScope can open');
  await expect(readRecording(scratch.path('nothing'))).rejects.toThrow('There is no file');
});
