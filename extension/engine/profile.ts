/**
 * Where the time of a forward pass goes: passes of several sizes, once as they are and once under ONNX Runtime's profiler, which
 * slows them down and therefore gives the shares, not the times.
 */
import * as l10n from '@vscode/l10n';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { partOfForeignNode, partOfNode } from '../models/nodeParts.ts';
import { throwIfAborted, UserError } from '../protocol/errors.ts';
import type { RoutedLayer } from '../protocol/engine.ts';
import {
  PROFILE_PARTS,
  type ModelProfile,
  type ProfiledBatch,
  type ProfiledSteps,
  type ProfilePart,
} from '../protocol/profile.ts';
import { NO_EXPERT, type LayerShape } from '../protocol/trace.ts';
import type { OpenModel } from './model.ts';
import { passEnd } from './passes.ts';
import { indexOfMax, readWindow } from './prefill.ts';
import { kernelTimes, profilePath, type KernelTime } from './profileFile.ts';

/** Tokens of all passes of one size: more for small ones, which differ more from one to the next. */
const TOKENS = 512;
const MOST_PASSES = 16;
const LEAST_PASSES = 3;
/** ONNX Runtime keeps a million events; a file of so many takes some fifty megabytes. */
const MOST_EVENTS = 200_000;
/** Share of the time that has to be understood for a breakdown of a graph by others. */
const UNDERSTOOD = 0.5;

export interface ProfileWork {
  readonly text: string;
  readonly batches: readonly number[];
  readonly generate: number;
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number) => void;
  /** Opens the model, with a profiler that writes files whose paths begin so, or without. One is open at a time. */
  readonly open: (profile?: string) => Promise<OpenModel>;
}

/** Measures a model. Throws UserError, `cancelled` between passes once the signal is aborted. */
export async function profileModel(work: ProfileWork): Promise<ModelProfile> {
  const { text, batches, generate, signal, progress } = work;
  const model = await work.open();
  const { info } = model;
  const { ids } = await model.tokenizer.encode(text);
  if (ids.length === 0) throw new UserError('text-empty', l10n.t`The text has no tokens.`);
  const notes: string[] = [];
  const sizes = [...new Set(batches.map((n) => Math.min(n, info.context)))].sort((a, b) => a - b);
  if (Math.max(...sizes) > ids.length) {
    notes.push(l10n.t`The text has ${ids.length} tokens and was repeated for the larger batches.`);
  }
  if (batches.some((n) => n > info.context))
    notes.push(l10n.t`A context window has ${info.context} tokens: no batch is larger.`);
  if (info.provider !== 'cpu') {
    notes.push(l10n.t`On ${info.provider} kernels run apart from what starts them: shares are those of starting them.`);
  }
  const total = 2 * sizes.length + (generate > 0 ? 1 : 0);
  let done = 0;
  const wall: { tokens: number; milliseconds: number[]; experts: number }[] = [];
  for (const tokens of sizes) {
    progress(done++, total);
    const passes = new Passes(model, tiled(ids, tokens), signal);
    const milliseconds: number[] = [];
    let layers = await passes.run();
    for (let i = 0; i < passesFor(tokens); i++) {
      const began = performance.now();
      layers = await passes.run();
      milliseconds.push(performance.now() - began);
    }
    wall.push({ tokens, milliseconds, experts: touchedBy(layers, info.moeLayers).size });
  }
  let steps: ProfiledSteps | undefined;
  if (generate > 0) {
    progress(done++, total);
    steps = await timeSteps(model, ids, generate, signal);
    if (!steps)
      notes.push(l10n.t`Tokens are not generated in a model with an encoder, or where the text fills the context.`);
  }
  const measured: ProfiledBatch[] = [];
  for (const { tokens, milliseconds, experts } of wall) {
    progress(done++, total);
    const profiled = await profilePasses(work, tiled(ids, tokens));
    if (profiled.note !== undefined && !notes.includes(profiled.note)) notes.push(profiled.note);
    measured.push({ tokens, passes: profiled.passes, milliseconds, parts: profiled.parts, experts });
  }
  return { model: info, batches: measured, ...(steps ? { steps } : {}), notes };
}

/** Runs the same tokens through a model again and again. */
class Passes {
  readonly #model: OpenModel;
  readonly #ids: Int32Array;
  readonly #signal: AbortSignal;
  readonly #run: () => Promise<readonly RoutedLayer[]>;

  constructor(model: OpenModel, ids: Int32Array, signal: AbortSignal) {
    this.#model = model;
    this.#ids = ids;
    this.#signal = signal;
    this.#run = this.#prepare();
  }

  /** The routing of the last chunk, or of all there is in a model with an encoder. */
  run(): Promise<readonly RoutedLayer[]> {
    throwIfAborted(this.#signal);
    return this.#run();
  }

  #prepare(): () => Promise<readonly RoutedLayer[]> {
    const { answers, chunk, cacheless } = this.#model;
    const ids = this.#ids;
    if (answers) {
      const sequence = answers.sequence(1 + ids.length);
      return async () => (await readWindow(answers, sequence, ids)).layers;
    }
    const sequence = this.#model.sequence(ids.length);
    return async () => {
      sequence.reset(ids.length);
      const layers: RoutedLayer[] = [];
      for (let from = 0, to; from < ids.length; from = to) {
        to = passEnd(from, ids.length, chunk, cacheless);
        layers.push(...(await sequence.append(ids.subarray(from, to))).layers);
      }
      // The head for the last token, too, as when one more is to be generated.
      await sequence.nextLogits();
      return layers;
    };
  }
}

async function profilePasses(
  { open, signal }: ProfileWork,
  ids: Int32Array,
): Promise<{ passes: number; parts: Record<ProfilePart, number>; note?: string }> {
  const folder = await mkdtemp(await profilePath());
  let profiled: OpenModel | undefined;
  try {
    const model = await open(join(folder, 'session'));
    profiled = model;
    const one = new Passes(model, ids, signal);
    await one.run();
    // Graphs of others do not tell how many nodes they have, but seldom have as many as ours.
    const nodes = model.nodes ?? 10_000;
    const passes = Math.max(1, Math.min(passesFor(ids.length), Math.floor(MOST_EVENTS / nodes) - 1));
    for (let i = 0; i < passes; i++) await one.run();
    profiled = undefined;
    model.endProfile?.();
    const times = await kernelTimes(folder, passes / (passes + 1));
    return { passes, ...breakdown(times, passes, model.nodes !== undefined) };
  } finally {
    // An open file could not be removed everywhere.
    profiled?.endProfile?.();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Milliseconds of each part in a pass. */
function breakdown(
  times: readonly KernelTime[],
  passes: number,
  ours: boolean,
): { parts: Record<ProfilePart, number>; note?: string } {
  const parts = Object.fromEntries(PROFILE_PARTS.map((part) => [part, 0])) as Record<ProfilePart, number>;
  let unknown = 0;
  let all = 0;
  for (const { name, operator, milliseconds } of times) {
    const part = ours ? partOfNode(name, operator) : partOfForeignNode(name, operator);
    parts[part ?? 'rest'] += milliseconds / passes;
    all += milliseconds;
    if (part === undefined) unknown += milliseconds;
  }
  if (all === 0) throw new Error('ONNX Runtime wrote no times of kernels');
  if (unknown === 0) return { parts };
  const share = `${(100 * (unknown / all)).toFixed(0)} %`;
  return unknown / all > 1 - UNDERSTOOD
    ? {
        parts,
        note: l10n.t`Names of this graph’s nodes do not tell what they belong to: ${share} of the time stands under “the rest”, and the others’ shares say little.`,
      }
    : { parts, note: l10n.t`Parts are told by the names of nodes; ${share} of the time has none that tells.` };
}

/** Greedy decoding, token by token; undefined where there is no room, or an encoder. */
async function timeSteps(
  model: OpenModel,
  ids: Int32Array,
  generate: number,
  signal: AbortSignal,
): Promise<ProfiledSteps | undefined> {
  const { context, moeLayers } = model.info;
  const prompt = ids.subarray(0, Math.max(1, context - generate));
  const count = Math.min(generate, context - prompt.length);
  if (model.answers || count < 1) return undefined;
  const sequence = model.sequence(prompt.length + count);
  sequence.reset(prompt.length + count);
  let layers: readonly RoutedLayer[] = [];
  for (let from = 0, to; from < prompt.length; from = to) {
    throwIfAborted(signal);
    to = passEnd(from, prompt.length, model.chunk, model.cacheless);
    ({ layers } = await sequence.append(prompt.subarray(from, to)));
  }
  // Of the last token of the prompt alone; a step can be compared with the one before.
  let before = touchedBy(layers, moeLayers, true);
  const milliseconds = new Float64Array(count);
  const experts = new Uint32Array(count);
  const fresh = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    throwIfAborted(signal);
    const began = performance.now();
    const next = Int32Array.of(indexOfMax(await sequence.nextLogits()));
    ({ layers } = await sequence.append(next));
    milliseconds[i] = performance.now() - began;
    const touched = touchedBy(layers, moeLayers);
    experts[i] = touched.size;
    fresh[i] = [...touched].filter((expert) => !before.has(expert)).length;
    before = touched;
  }
  return { milliseconds, experts, fresh };
}

/** Experts of all layers that tokens went to, each by a number of its own. Layers may come several times, chunk by chunk. */
function touchedBy(layers: readonly RoutedLayer[], shapes: readonly LayerShape[], lastOnly = false): Set<number> {
  const touched = new Set<number>();
  layers.forEach(({ chosen }, i) => {
    const at = i % shapes.length;
    const { candidates, k } = shapes[at]!;
    for (let row = lastOnly ? chosen.length - candidates : 0; row < chosen.length; row += candidates) {
      for (let j = 0; j < k; j++) if (chosen[row + j] !== NO_EXPERT) touched.add(at * 0x10000 + chosen[row + j]!);
    }
  });
  return touched;
}

function passesFor(tokens: number): number {
  return Math.max(LEAST_PASSES, Math.min(MOST_PASSES, Math.floor(TOKENS / tokens)));
}

/** The first so many tokens of a text, which begins again where it ends. */
function tiled(ids: Int32Array, tokens: number): Int32Array {
  return Int32Array.from({ length: tokens }, (_, i) => ids[i % ids.length]!);
}
