import * as l10n from '@vscode/l10n';
import { window, type Disposable } from 'vscode';
import { Ablations, ablations } from '../analysis/ablation.ts';
import { cutInHalf, judgeBiases } from '../analysis/balanced.ts';
import { interventionText } from '../analysis/interventionText.ts';
import { outcomeOf } from '../analysis/outcome.ts';
import { ABLATE, EXPERT } from '../analysis/sections/expertCost.ts';
import { ABLATION, ablatedLayers, shownSuffering } from '../analysis/sections/ablationControls.ts';
import { changeControls, CLEAR, OUTLINE, WHAT_IF } from '../analysis/sections/changeControls.ts';
import { cannotMeasure } from '../analysis/sections/measuring.ts';
import { MEND, targetOf } from '../analysis/sections/mendControls.ts';
import { layerChoice } from '../analysis/sections/parts.ts';
import { subjectOf, type Subject } from '../analysis/sections/subject.ts';
import type { EngineClient } from '../client/engineClient.ts';
import { measuredTrace } from '../client/measuredTrace.ts';
import { biasFile } from '../formats/biasFile.ts';
import type { Began, ModelRequest, Progress } from '../protocol/engine.ts';
import { isUserError, UserError } from '../protocol/errors.ts';
import type { Intervention, Measured } from '../protocol/intervention.ts';
import type { RoutingTrace } from '../protocol/trace.ts';
import type { Models } from './models.ts';
import { placesOf } from './openPlace.ts';
import { withNotice } from './progressNotice.ts';
import type { ActionContext, ReportActions } from './reportActions.ts';
import type { RoutedText } from './routedText.ts';
import { saveAs } from './saveAs.ts';
import type { MeasuredLoss, Session } from './session.ts';
import type { Sessions } from './sessions.ts';
import { modelDetail, type Subjects } from './subjects.ts';
import { isRouted, whileRouted } from './whileRouted.ts';

/** So many changes are remembered of a text. */
const MOST_OUTCOMES = 12;

/** A text that is open and routed, and how to run it once more. */
interface Job {
  readonly session: Session;
  readonly routed: RoutedText;
  readonly request: ModelRequest;
  readonly signal: AbortSignal;
  readonly show: (progress: Progress) => void;
}

interface Run {
  readonly text: string;
  readonly interventions: readonly Intervention[];
  readonly routing: boolean;
}

/** Carries out what reports ask for of the model: a change measured, biases fitted, experts taken away in turn. */
export class Intervener implements Disposable {
  readonly #client: EngineClient;
  readonly #models: Models;
  readonly #sessions: Sessions;
  readonly #subjects: Subjects;
  #abort: AbortController | undefined;

  constructor(client: EngineClient, models: Models, sessions: Sessions, subjects: Subjects, actions: ReportActions) {
    this.#client = client;
    this.#models = models;
    this.#sessions = sessions;
    this.#subjects = subjects;
    actions.add(WHAT_IF, 'measure', (context) => this.#measure(context));
    actions.add(MEND, 'balance', (context) => this.#balance(context));
    actions.add(MEND, 'save', (context) => this.#saveBiases(context));
    actions.add(ABLATION, 'ablate', (context) => this.#ablate(context));
    actions.add(EXPERT, ABLATE, (context) => this.#ablateShown(context));
    actions.add(WHAT_IF, OUTLINE, (context) => {
      this.#outlineLatest(context);
    });
    actions.add(ABLATION, OUTLINE, (context) => {
      this.#outlineAblated(context);
    });
    for (const section of [WHAT_IF, ABLATION, EXPERT]) {
      actions.add(section, CLEAR, ({ session }) => {
        if (session) this.#outline(session, undefined);
      });
    }
  }

  dispose(): void {
    this.#abort?.abort();
  }

  async #measure({ session, subject, set }: ActionContext): Promise<void> {
    await this.#work({ session, subject }, l10n.t`Measuring`, async (job) => {
      const { moeLayers } = job.routed.trace.origin.model;
      const { intervention } = changeControls(set, moeLayers);
      const measured: Measured[] = [];
      const run = { text: job.routed.text, interventions: [{}, intervention], routing: true };
      const began = await this.#run(job, run, (m) => (measured[m.index] = m));
      const [before, after] = measured.map((m) => measuredTrace(began, m)) as [RoutingTrace, RoutingTrace];
      const outcome = outcomeOf(before, after, intervention, measured[1]!.slots);
      const earlier = this.#subjects.evidence(subject.id).outcomes ?? [];
      this.#subjects.addEvidence(subject.id, { outcomes: [outcome, ...earlier].slice(0, MOST_OUTCOMES) });
      const change = interventionText(intervention, moeLayers);
      this.#keep(subject.id, l10n.t`${job.session.name} with a change: ${change}`, after, job);
      this.#outline(job.session, { change, byToken: outcome.byToken });
    });
  }

  /** The latest change's routing is at hand to be compared with. */
  #keep(id: string, name: string, trace: RoutingTrace, { session, routed }: Job): void {
    const { text, edits } = routed;
    const make = (): Subject => subjectOf(name, trace, text);
    const { model } = trace.origin;
    const detail = modelDetail(model);
    const goTo = placesOf(session.document.uri, text, edits.region.start);
    this.#subjects.add({ id: `changed:${id}`, from: id, name, detail, model, make, goTo }, false);
  }

  async #balance({ session, subject, set }: ActionContext): Promise<void> {
    await this.#work({ session, subject }, l10n.t`Fitting biases`, async (job) => {
      const { text } = job.routed;
      const cut = cutInHalf(text);
      const what = { text: text.slice(0, cut), target: targetOf(set) };
      const biases = await this.#client.balance(job.request, what, { progress: job.show }, job.signal);
      const measured: Measured[] = [];
      const bias = biases.map(({ layer, values }) => ({ layer, values }));
      const run = { text, interventions: [{}, { bias }], routing: true };
      const began = await this.#run(job, run, (m) => (measured[m.index] = m));
      const [before, after] = measured.map((m) => measuredTrace(began, m)) as [RoutingTrace, RoutingTrace];
      this.#subjects.addEvidence(subject.id, { balanced: judgeBiases(biases, cut, before, after) });
    });
  }

  async #ablate({ session, subject, set }: ActionContext): Promise<void> {
    await this.#work({ session, subject }, l10n.t`Taking experts away`, async (job) => {
      const { text, trace } = job.routed;
      const { moeLayers } = trace.origin.model;
      const interventions = ablations(moeLayers, ablatedLayers(set, moeLayers));
      const plain: Measured[] = [];
      const began = await this.#run(job, { text, interventions: [{}], routing: true }, (m) => plain.push(m));
      const found = new Ablations(measuredTrace(began, plain[0]!), interventions.length);
      try {
        await this.#run(job, { text, interventions, routing: false }, ({ index, logProb }) => {
          found.add(interventions[index]!.masked![0]!, logProb);
        });
      } catch (error) {
        // What is there of a run that was stopped is kept.
        if (!isUserError(error, 'cancelled') || found.result.experts.length === 0) throw error;
      }
      if (job.session.routed === job.routed) this.#subjects.addEvidence(subject.id, { ablated: found.result });
    });
  }

  /** Takes each expert of the layer away that the section on an expert shows. */
  async #ablateShown({ subject, set, ...context }: ActionContext): Promise<void> {
    const { value: layer } = layerChoice(set, subject.make().model.moeLayers);
    await this.#ablate({ ...context, subject, set: { layer } });
  }

  async #saveBiases({ session, subject }: ActionContext): Promise<void> {
    const { balanced } = this.#subjects.evidence(subject.id);
    const model = session?.routed?.trace.origin.model;
    if (!balanced || !model) return;
    const bytes = biasFile(
      balanced.layers.map(({ shape, bias }) => ({ shape, values: bias })),
      model,
    );
    await saveAs(`${model.name}-biases.safetensors`, bytes);
  }

  #outlineLatest({ session, subject }: ActionContext): void {
    const [latest] = this.#subjects.evidence(subject.id).outcomes ?? [];
    const model = session?.routed?.trace.origin.model;
    if (!session || !latest || !model) return;
    this.#outline(session, { change: interventionText(latest.intervention, model.moeLayers), byToken: latest.byToken });
  }

  #outlineAblated({ session, subject, set }: ActionContext): void {
    const shown = shownSuffering(set, subject.make());
    if (session && shown) this.#outline(session, shown);
  }

  #outline(session: Session, loss: MeasuredLoss | undefined): void {
    session.measured = loss;
    this.#sessions.publish(session, 'highlight');
  }

  /** Runs one job at a time, with a notification; a text that is routed anew meanwhile ends it. Throws UserError. */
  async #work(
    { session, subject }: Pick<ActionContext, 'session' | 'subject'>,
    first: string,
    work: (job: Job) => Promise<void>,
  ): Promise<void> {
    const cannot = cannotMeasure(subject.make());
    if (cannot !== undefined) throw new UserError('intervention-invalid', cannot);
    const routed = session?.routed;
    if (!routed) return;
    const { model } = routed.trace.origin;
    if (this.#abort) {
      await window.showInformationMessage(
        l10n.t`The model is being run with a change already: wait for it, or cancel it.`,
      );
      return;
    }
    const abort = new AbortController();
    this.#abort = abort;
    try {
      const request = this.#models.request(model.folder);
      // Interventions run on the CPU. Where the text did, the model may be open already.
      const onCpu: ModelRequest = model.provider === 'cpu' ? request : { ...request, provider: 'cpu' };
      const isStill = (): boolean => isRouted(session, routed);
      await whileRouted(this.#sessions, isStill, abort, () =>
        withNotice(model.name, first, abort, (show) =>
          work({ session, routed, request: onCpu, signal: abort.signal, show }),
        ),
      );
    } finally {
      this.#abort = undefined;
    }
  }

  /** Throws UserError, also when the model or its settings are no longer those of the routing that is shown. */
  async #run(
    { routed, request, signal, show }: Job,
    { text, interventions, routing }: Run,
    take: (measured: Measured) => void,
  ): Promise<Began> {
    let began: Began | undefined;
    const what = { text, interventions, logProb: true, routing };
    await this.#client.measure(request, what, { progress: show, began: (b) => (began = b), measured: take }, signal);
    const { tokens, windows, origin } = routed.trace;
    const { provider, precision } = origin.model;
    // Interventions run on the CPU, in a precision of its own where the text ran elsewhere.
    const alike = began && (provider !== 'cpu' || began.model.precision === precision);
    if (!began || !alike || !sameNumbers(began.ids, tokens.ids) || !sameNumbers(began.windows, windows)) {
      throw new UserError(
        'intervention-invalid',
        l10n.t`The model or its settings have changed since the text was analyzed: analyze it again, then measure.`,
      );
    }
    return began;
  }
}

function sameNumbers(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  return a.length === b.length && Array.prototype.every.call(a, (value: unknown, i: number) => value === b[i]);
}
