/**
 * A text under interventions: the model runs part by part, each part with the whole text, so that a router's decision is known for
 * all tokens before any expert sees one. What comes before the first layer that an intervention changes is run once for all of them.
 */
import * as l10n from '@vscode/l10n';
import type { RouterTap } from '../models/stack.ts';
import { throwIfAborted, UserError } from '../protocol/errors.ts';
import type { RoutedLayer } from '../protocol/engine.ts';
import type { Intervention, Measured, MeasuredLayer, MeasuredSlots } from '../protocol/intervention.ts';
import type { ModelInfo } from '../protocol/trace.ts';
import { checkIntervention, type RouterFacts } from './checkIntervention.ts';
import type { CutModel, OpenRouter, OpenStack } from './cutModel.ts';
import { joinColumns, knobFeeds, limitCapacity, silence } from './decisions.ts';
import type { Head } from './head.ts';
import { requireMemory } from './memory.ts';
import type { OpenModel } from './model.ts';
import { PartSequence, type Crosses, type Pass, type Stream, type Visits } from './partSequence.ts';
import { passEnd } from './passes.ts';
import { captureTaps, tapNames } from './stack.ts';

/** A model that is open in parts. */
export interface MeasurableModel {
  readonly info: ModelInfo;
  readonly cut: CutModel;
  readonly head: Head;
  /** Most tokens of a pass. */
  readonly chunk: number;
  /** What a decoder with an encoder before it begins every window with. */
  readonly decoderStart?: number;
}

export interface MeasureOptions {
  /** Whether the routing under each intervention is wanted, and the log-probabilities. */
  readonly routing: boolean;
  readonly logProb: boolean;
  readonly signal: AbortSignal;
  /** Passes through parts and routers, done and in all. */
  readonly progress: (done: number, total: number) => void;
}

/** What has become of the text before a step. Nothing of it is ever changed, so that several runs can go on from it. */
interface State {
  /** Of each pass of the stack that is under way. */
  readonly streams: readonly Stream[];
  readonly visits: readonly Visits[];
  /** Of each window, once the encoder is through. */
  readonly encoded: readonly Crosses[];
  readonly layers: readonly MeasuredLayer[];
  readonly slots: readonly MeasuredSlots[];
}

/** One part of the model, or one router. */
interface Step {
  readonly passes: readonly Pass[];
  run(state: State, intervention: Intervention): Promise<State>;
}

/**
 * Yields what becomes of a text under each intervention, those that change the first layers first.
 *
 * @param windows first tokens of the windows
 * @throws UserError `intervention-invalid`, `out-of-memory`, and `cancelled` between passes once the signal is aborted
 */
export async function* measure(
  model: MeasurableModel,
  ids: Int32Array,
  windows: Uint32Array,
  interventions: readonly Intervention[],
  options: MeasureOptions,
): AsyncGenerator<Omit<Measured, 'run'>, void> {
  const routers = routersOf(model);
  for (const intervention of interventions) checkIntervention(intervention, routers);
  const run = new Run(model, ids, windows, options);
  const firsts = interventions.map((intervention) => run.firstStep(intervention));
  run.expect(firsts);
  let shared = run.begin();
  for (let step = 0; step <= run.steps; step++) {
    for (const [index, intervention] of interventions.entries()) {
      if (firsts[index] !== step) continue;
      let state = shared;
      for (let s = step; s < run.steps; s++) state = await run.step(s, state, intervention);
      yield { index, ...(await run.finish(state)) };
    }
    if (!firsts.some((first) => first > step)) return;
    shared = await run.step(step, shared, {});
  }
}

/** @throws UserError `precision-unsupported`, also of a model that interventions cannot be put into */
export async function measurableOf(model: OpenModel): Promise<MeasurableModel> {
  if (model.measurable) return model.measurable();
  throw new UserError(
    'precision-unsupported',
    l10n.t`${model.info.name} is an ONNX graph that others exported, which nothing can be put into: measure interventions on the checkpoint that it was made from.`,
  );
}

/** The routers of a model, in the order of its MoE layers. */
export function routersOf({ cut, info }: Pick<MeasurableModel, 'cut' | 'info'>): RouterFacts[] {
  const routers = [...(cut.encoder?.routers ?? []), ...cut.decoder.routers];
  return routers.map(({ router: { spec } }, i) => ({
    shape: info.moeLayers[i]!,
    spec: spec.router,
    shared: spec.shared !== undefined,
  }));
}

/** A text on its way through a model. */
export class Run {
  readonly #model: MeasurableModel;
  readonly #ids: Int32Array;
  readonly #options: MeasureOptions;
  readonly #steps: Step[] = [];
  /** The step of each MoE layer's router. */
  readonly #routerSteps: number[] = [];
  readonly #passes: readonly Pass[];
  #done = 0;
  #total = 0;

  constructor(model: MeasurableModel, ids: Int32Array, windows: Uint32Array, options: MeasureOptions) {
    this.#model = model;
    this.#ids = ids;
    this.#options = options;
    const { cut, decoderStart, chunk, info } = model;
    const cuts = Array.from(windows, (from, w) => ids.subarray(from, windows[w + 1] ?? ids.length));
    if (cut.encoder)
      this.#addStack(
        cut.encoder,
        cuts.map((of, w) => onePass(of, w, 0)),
      );
    const start = decoderStart === undefined ? [] : [decoderStart];
    // A decoder with an encoder takes a window at once, as in prefill.
    this.#passes = cuts.flatMap((of, w) =>
      start.length > 0 ? [onePass(Int32Array.of(...start, ...of), w, start.length)] : passesOf(of, w, chunk),
    );
    this.#addStack(cut.decoder, this.#passes);
    // The text as it is on its way, once for all and once for the intervention that is under way, before and after a step.
    const bytes = 4 * 2 * info.hiddenSize * Float32Array.BYTES_PER_ELEMENT * ids.length;
    requireMemory(bytes, l10n.t`Measuring interventions on a text of ${ids.length} tokens`);
  }

  get steps(): number {
    return this.#steps.length;
  }

  /** The step of a MoE layer's router. */
  routerStep(layer: number): number {
    return this.#routerSteps[layer]!;
  }

  /** Slots that each expert of a layer takes, right after its router's step; [E]. */
  counts({ visits }: State, layer: number): Float64Array {
    const counts = new Float64Array(this.#model.info.moeLayers[layer]!.experts);
    const { passes } = this.#steps[this.#routerSteps[layer]!]!;
    visits.forEach(({ experts, k }, p) => {
      for (let slot = passes[p]!.skip * k; slot < experts.length; slot++) counts[experts[slot]!]! += 1;
    });
    return counts;
  }

  begin(): State {
    return { streams: [], visits: [], encoded: [], layers: [], slots: [] };
  }

  /** The first step that an intervention changes; behind the last one when it changes nothing. */
  firstStep({ masked = [], silenced = [], bias = [], ...rest }: Intervention): number {
    const { k, temperature, capacity, withoutShared, layers } = rest;
    const every = [k, temperature, capacity].some((set) => set !== undefined) || withoutShared === true;
    const touched = [
      ...[...masked, ...silenced, ...bias].map(({ layer }) => layer),
      ...(every ? (layers ?? this.#routerSteps.keys()) : []),
    ];
    return Math.min(this.#steps.length, ...touched.map((layer) => this.#routerSteps[layer]!));
  }

  /** Says which steps are to come. */
  expect(firsts: readonly number[]): void {
    const passesFrom = (first: number): number =>
      this.#steps.slice(first).reduce((sum, { passes }) => sum + passes.length, 0);
    const alone = firsts.reduce((sum, first) => sum + passesFrom(first), 0);
    this.#total = alone + passesFrom(0) - passesFrom(Math.max(...firsts));
  }

  async step(index: number, state: State, intervention: Intervention): Promise<State> {
    return this.#steps[index]!.run(state, intervention);
  }

  /** What of the last state was asked for. */
  async finish({ streams, layers, slots }: State): Promise<Omit<Measured, 'run' | 'index'>> {
    const logProb = this.#options.logProb ? await this.#logProbs(streams) : new Float32Array();
    return { logProb, layers: this.#options.routing ? layers : [], slots };
  }

  async #logProbs(streams: readonly Stream[]): Promise<Float32Array> {
    const { head, info } = this.#model;
    const result = new Float32Array(this.#ids.length);
    let at = 0;
    let before: Float32Array | undefined;
    for (const [p, { ids, past, skip }] of this.#passes.entries()) {
      throwIfAborted(this.#options.signal);
      const hidden = streams[p]!.normed.data as Float32Array;
      const all = await head.logProbs(past > 0 ? before : undefined, ids, hidden);
      before = hidden.subarray((ids.length - 1) * info.hiddenSize);
      result.set(all.subarray(skip), at);
      at += ids.length - skip;
    }
    return result;
  }

  #addStack({ parts, routers }: OpenStack, passes: readonly Pass[]): void {
    const capacity = Math.max(...passes.map(({ length }) => length));
    let crossesBefore = 0;
    parts.forEach((open, i) => {
      const { part } = open;
      const from = crossesBefore;
      if (!part.handsOver) crossesBefore += part.crosses.length;
      this.#steps.push({
        passes,
        run: async (state) => {
          const sequence = new PartSequence(open, capacity);
          const streams: Stream[] = [];
          const encoded: Crosses[] = [];
          for (const [p, pass] of passes.entries()) {
            this.#passed();
            const stream = state.streams[p];
            const before = i === 0 ? undefined : { stream: stream!, visits: state.visits[p]! };
            const crosses = part.handsOver ? [] : (state.encoded[pass.window] ?? []);
            const result = await sequence.run(pass, before, crosses.slice(from));
            streams.push(result.stream);
            encoded.push(result.crosses);
          }
          return { ...state, streams, visits: [], encoded: part.handsOver ? encoded : state.encoded };
        },
      });
      const router = routers[i];
      if (!router) return;
      const layer = this.#routerSteps.length;
      this.#routerSteps.push(this.#steps.length);
      this.#steps.push({
        passes,
        run: (state, intervention) => this.#route(router, layer, passes, state, intervention),
      });
    });
  }

  async #route(
    open: OpenRouter,
    layer: number,
    passes: readonly Pass[],
    state: State,
    intervention: Intervention,
  ): Promise<State> {
    const { router, session } = open;
    const shape = this.#model.info.moeLayers[layer]!;
    const { masked = [], silenced = [], bias = [], layers } = intervention;
    const all = layers === undefined || layers.includes(layer);
    const k = all ? (intervention.k ?? shape.k) : shape.k;
    const capacity = all ? intervention.capacity : undefined;
    const now = k === shape.k ? shape : { ...shape, k, candidates: Math.min(shape.experts, 2 * k) };
    const feeds = knobFeeds(router, {
      masked: masked.filter((ref) => ref.layer === layer).map(({ expert }) => expert),
      bias: bias.find((of) => of.layer === layer)?.values,
      temperature: all ? (intervention.temperature ?? 1) : 1,
      k,
    });
    const captures = this.#options.routing || capacity !== undefined;
    const visits: Visits[] = [];
    const captured: RoutedLayer[] = [];
    // A limit of the model's own gives way to the one that is asked for.
    const { kept, ...unlimited } = router.tap;
    const tap: RouterTap = capacity || kept === undefined ? unlimited : router.tap;
    for (const [p, { ids, skip }] of passes.entries()) {
      this.#passed();
      const outputs = await session.run({ ...feeds, [router.x]: state.streams[p]!.normed }, tapNames([router.tap]));
      const data = (name: string): Float32Array => outputs[name]!.data as Float32Array;
      const experts = outputs[tap.experts]!.data as Int32Array;
      const room = tap.kept === undefined ? undefined : data(tap.kept);
      const weights = room ? data(tap.weights).map((w, slot) => w * room[slot]!) : data(tap.weights);
      visits.push({ experts, weights, k, shared: all && intervention.withoutShared === true ? 0 : 1 });
      if (captures) captured.push(...captureTaps([tap], outputs, [now], ids.length, skip));
    }
    let routed = captures ? joinColumns(now, captured) : undefined;
    let slots = state.slots;
    if (capacity && routed) {
      const { layer: limited, ...counts } = limitCapacity(routed, visits, passes, capacity);
      routed = limited;
      slots = [...slots, { layer, ...counts }];
    }
    for (const { expert } of silenced.filter((ref) => ref.layer === layer)) silence(expert, visits, routed);
    return {
      ...state,
      visits,
      slots,
      layers: this.#options.routing && routed ? [...state.layers, routed] : state.layers,
    };
  }

  #passed(): void {
    throwIfAborted(this.#options.signal);
    this.#options.progress(this.#done++, this.#total);
  }
}

function onePass(ids: Int32Array, window: number, skip: number): Pass {
  return { ids, past: 0, window, length: ids.length, skip };
}

/** The same passes as in prefill. */
function passesOf(ids: Int32Array, window: number, chunk: number): Pass[] {
  const passes: Pass[] = [];
  for (let past = 0, to; past < ids.length; past = to) {
    to = passEnd(past, ids.length, chunk);
    passes.push({ ids: ids.subarray(past, to), past, window, length: ids.length, skip: 0 });
  }
  return passes;
}
