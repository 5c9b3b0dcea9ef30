import * as l10n from '@vscode/l10n';
import { window, type QuickPickItem } from 'vscode';
import { alignedAgreement, commonOf } from '../analysis/comparison.ts';
import { sameExperts } from '../analysis/sameExperts.ts';
import { subjectOf, type Subject } from '../analysis/sections/subject.ts';
import type { SubjectSource } from '../client/analystClient.ts';
import type { EngineClient } from '../client/engineClient.ts';
import { engineRouter } from '../client/textRouter.ts';
import { modelName } from '../formats/modelName.ts';
import type { RoutingTrace } from '../protocol/trace.ts';
import type { Models } from './models.ts';
import { withNotice } from './progressNotice.ts';
import { placesOf } from './openPlace.ts';
import type { ActionContext } from './reportActions.ts';
import type { ReportPage } from './reportPage.ts';
import type { RoutedText } from './routedText.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';
import { modelDetail, type AddedSubject, type Subjects } from './subjects.ts';
import { textName } from './textName.ts';
import type { TextPart } from './textPart.ts';
import { isRouted, whileRouted } from './whileRouted.ts';

/** Before the id of what both bundled models route. */
const BUNDLED = 'bundled:';

export interface ComparisonParts {
  readonly client: EngineClient;
  readonly models: Models;
  readonly report: ReportPage;
  readonly sessions: Sessions;
  readonly subjects: Subjects;
}

interface OtherItem extends QuickPickItem {
  /** Settles with undefined when there is nothing to show. */
  readonly make: () => Promise<Subject | undefined>;
}

/** Puts a second run beside the one that the report is about: of another model, of another text, of an earlier version. */
export class Comparisons {
  readonly #parts: ComparisonParts;
  /** Of the second run that is under way. */
  #abort: AbortController | undefined;
  #kept = 0;

  constructor(parts: ComparisonParts) {
    this.#parts = parts;
  }

  /** Whether one of the bundled models is the one that routes. */
  get bundledIsChosen(): boolean {
    const { bundled, folder, server } = this.#parts.models;
    return !server && bundled.some((model) => model.folder === folder);
  }

  /** Whether a routing is of a bundled model, so that the other one is all that is missing. */
  isBundled({ trace }: RoutedText): boolean {
    return this.#parts.models.bundled.some(({ folder }) => folder === trace.origin.model.folder);
  }

  /** Routes a text that a bundled model has routed through the other one, and shows both. Throws UserError. */
  async withOtherBundled(session: Session, routed: RoutedText): Promise<void> {
    const { folder } = routed.trace.origin.model;
    const other = this.#parts.models.bundled.find((model) => model.folder !== folder)!;
    const second = await this.#route(other.folder, session, routed);
    const source = this.#parts.subjects.ofSession(session);
    if (second && source) this.#show(source, second);
  }

  /** The text that a report is about, under both bundled models. Throws UserError. */
  async bundledOf({ session, subject }: Pick<ActionContext, 'session' | 'subject'>): Promise<void> {
    const routed = session?.routed;
    // Beside a run of the text, which would end it, nothing is put with its routing.
    if (routed && !session.run && this.isBundled(routed)) return this.withOtherBundled(session, routed);
    const { name, text } = subject.make();
    if (text === undefined) return;
    const { id } = subject;
    const goTo = session
      ? placesOf(session.document.uri, text, routed?.edits.region.start ?? 0)
      : this.#parts.subjects.openerOf(id);
    await this.#bothBundled(name, text, id.startsWith(BUNDLED) ? id : BUNDLED + (session?.key ?? id), goTo);
  }

  /** Routes a text through both bundled models, apart from the model that is chosen, and shows both. Throws UserError. */
  async bothBundled({ text, document, base }: TextPart): Promise<void> {
    await this.#bothBundled(
      textName(document),
      text,
      BUNDLED + document.uri.toString(),
      placesOf(document.uri, text, base),
    );
  }

  async #bothBundled(name: string, text: string, id: string, goTo: AddedSubject['goTo']): Promise<void> {
    const { models, report, subjects } = this.#parts;
    const abort = this.#begin();
    const runs: RoutingTrace[] = [];
    for (const { folder } of models.bundled) runs.push(await this.#run(folder, text, abort));
    const [first, second] = runs.map((trace) => subjectOf(name, trace, text));
    const [one, other] = models.bundled.map((model) => model.name);
    subjects.add({
      id,
      name,
      detail: l10n.t`${one!} and ${other!}`,
      model: first!.model,
      make: () => ({ ...first!, evidence: { other: second! } }),
      ...(goTo ? { goTo } : {}),
    });
    report.show('compare');
  }

  /** Asks what the report's subject is to be compared with, and shows both. Throws UserError. */
  async ask(): Promise<void> {
    const { subjects } = this.#parts;
    const source = subjects.current;
    if (!source) return;
    const items = [...this.#others(source.id), ...this.#otherModels(source)];
    if (items.length === 0) {
      await window.showInformationMessage(
        l10n.t`There is nothing else yet to compare this with: analyze another text or folder first.`,
      );
      return;
    }
    const item = await window.showQuickPick(items, {
      title: l10n.t`Compare with`,
      placeHolder: l10n.t`Another text that was routed, or the same text under another model`,
      matchOnDescription: true,
    });
    const other = await item?.make();
    if (other) this.#show(source, other);
  }

  /** Keeps a routing as it is now, so that a later one of the text can be compared with it. */
  keep(session: Session, { trace, text, edits }: RoutedText): void {
    const { subjects } = this.#parts;
    const at = new Date().toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
    const name = l10n.t`${session.name}, kept at ${at}`;
    subjects.add(
      {
        id: `kept:${++this.#kept}`,
        name,
        detail: modelDetail(trace.origin.model),
        model: trace.origin.model,
        make: () => subjectOf(name, trace, text),
        goTo: placesOf(session.document.uri, text, edits.region.start),
      },
      false,
    );
    window.setStatusBarMessage(l10n.t`Kept the routing of ${session.name}: Compare With… offers it.`, 5_000);
  }

  #others(current: string): OtherItem[] {
    const { subjects } = this.#parts;
    return subjects.entries
      .filter(({ id }) => id !== current)
      .map(({ id, name, detail }) => ({
        label: name,
        description: detail,
        make: () => {
          const subject = subjects.get(id)?.make();
          // It may be called like the one that it is compared with, but for what the list says.
          return Promise.resolve(subject && { ...subject, name });
        },
      }));
  }

  #otherModels(source: SubjectSource): OtherItem[] {
    const { models, subjects } = this.#parts;
    const session = subjects.sessionOf(source.id);
    const routed = session?.routed;
    if (!session || !routed) return [];
    const folders = [...models.bundled.map(({ folder }) => folder), ...models.recent];
    return folders
      .filter((folder) => folder !== routed.trace.origin.model.folder)
      .map((folder) => ({
        label: l10n.t`This text under ${modelName(folder)}`,
        description: folder,
        make: () => this.#route(folder, session, routed),
      }));
  }

  /** Undefined when the text was routed anew in the meantime. */
  async #route(folder: string, session: Session, routed: RoutedText): Promise<Subject | undefined> {
    const { models, sessions } = this.#parts;
    if (!(await models.agree(folder))) return undefined;
    const abort = this.#begin();
    const isStill = (): boolean => isRouted(session, routed);
    const trace = await whileRouted(sessions, isStill, abort, () => this.#run(folder, routed.text, abort));
    return session.routed === routed ? subjectOf(session.name, trace, routed.text) : undefined;
  }

  #begin(): AbortController {
    this.#abort?.abort();
    this.#abort = new AbortController();
    return this.#abort;
  }

  #run(folder: string, text: string, abort: AbortController): Promise<RoutingTrace> {
    const { client, models } = this.#parts;
    const name = modelName(folder);
    const router = engineRouter(client, models.request(folder));
    return withNotice(name, l10n.t`Routing through ${name}`, abort, (show) => router.route(text, abort.signal, show));
  }

  /** Opens the report on both; where experts are the same ones, tokens that flip stand out in the editor. */
  #show(source: SubjectSource, other: Subject): void {
    const { report, sessions, subjects } = this.#parts;
    subjects.addEvidence(source.id, { other });
    const session = subjects.sessionOf(source.id);
    const flips = session && agreementOf(source.make(), other);
    if (session) {
      session.compared = flips;
      sessions.publish(session, 'highlight');
    }
    // Another may have been chosen while the second run was under way.
    subjects.choose(source.id);
    report.show('compare');
  }
}

function agreementOf(a: Subject, b: Subject): Session['compared'] {
  if (!a.trace || !b.trace || !sameExperts(a.model, b.model)) return undefined;
  if (a.trace.layers.some(({ k }, i) => k !== b.trace!.layers[i]!.k)) return undefined;
  const { alignment, oneText } = commonOf({ text: a.text, trace: a.trace }, { text: b.text, trace: b.trace });
  return oneText ? alignedAgreement(a.trace, b.trace, alignment) : undefined;
}
