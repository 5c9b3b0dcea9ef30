import { EventEmitter, type Disposable, type Event } from 'vscode';
import { sameExperts } from '../analysis/sameExperts.ts';
import { subjectOf, type Evidence, type Subject } from '../analysis/sections/subject.ts';
import { tokenCount } from '../analysis/labels.ts';
import { precisionText } from '../analysis/ranText.ts';
import type { SubjectSource } from '../client/analystClient.ts';
import type { ModelInfo } from '../protocol/trace.ts';
import type { Place } from '../protocol/report.ts';
import type { SubjectEntry } from '../protocol/webview.ts';
import { Disposables } from './disposables.ts';
import type { RoutedText } from './routedText.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';
import { textPath } from './textName.ts';

/** Something to report on that is not an editor's text: a folder that was routed, a recording. */
export interface AddedSubject {
  readonly id: string;
  readonly name: string;
  readonly detail: string;
  readonly model: ModelInfo;
  readonly make: () => Subject;
  /** Id of the text that it was made from: when that goes, it does, too. */
  readonly from?: string;
  /** Opens a place that its report names. */
  readonly goTo?: (place: Place) => unknown;
}

/**
 * What there is to report on: the routed texts of editors, and what was added. The current one is that of the current
 * session, unless the user chose another since.
 */
export class Subjects implements Disposable {
  readonly #sessions: Sessions;
  readonly #disposables = new Disposables();
  readonly #listed = this.#disposables.add(new EventEmitter<void>());
  readonly #updated = this.#disposables.add(new EventEmitter<string>());
  readonly #removed = this.#disposables.add(new EventEmitter<string>());
  readonly #added = new Map<string, AddedSubject>();
  readonly #versions = new Map<string, number>();
  /** Of a text it is kept for the routing that it was found for, no longer; what a model costs as long as that routes. */
  readonly #evidence = new Map<string, { readonly routed: RoutedText | undefined; readonly evidence: Evidence }>();
  #chosen: string | undefined;
  /** Places that are being opened. */
  #opening = 0;

  /** Which subjects there are, or which is current, changed. */
  readonly onDidChange: Event<void> = this.#listed.event;
  /** What is known of this subject changed. */
  readonly onDidUpdate: Event<string> = this.#updated.event;
  /** This subject is gone. */
  readonly onDidRemove: Event<string> = this.#removed.event;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
    this.#disposables.add(
      sessions.onDidSwitch(() => {
        // Who looks at a place that a report names comes back to the report.
        if (this.#opening === 0) this.#chosen = undefined;
        this.#listed.fire();
      }),
    );
    this.#disposables.add(
      sessions.onDidChange(({ session, change }) => {
        if (change !== 'routing' && change !== 'growth') return;
        if (change === 'routing') this.#freeEarlier(session);
        this.#update(textId(session));
        if (change === 'routing') this.#listed.fire();
      }),
    );
  }

  get entries(): SubjectEntry[] {
    const names = this.#sessions.all.map(({ name }) => name);
    const isOne = (name: string): boolean => names.indexOf(name) === names.lastIndexOf(name);
    const texts = this.#sessions.all.flatMap((session) => {
      const { name, document, routed } = session;
      if (!routed) return [];
      return [{ id: textId(session), name: isOne(name) ? name : textPath(document), detail: detailOf(routed) }];
    });
    return [...texts, ...this.removable];
  }

  /** Those that were added, and stay until they are removed. */
  get removable(): SubjectEntry[] {
    return Array.from(this.#added.values(), ({ id, name, detail }) => ({ id, name, detail }));
  }

  get current(): SubjectSource | undefined {
    const chosen = this.#chosen === undefined ? undefined : this.get(this.#chosen);
    if (chosen) return chosen;
    const session = this.#sessions.current;
    return session ? this.get(textId(session)) : undefined;
  }

  /** The subject of this id, as long as there is one. */
  get(id: string): SubjectSource | undefined {
    const added = this.#added.get(id);
    if (added) return { id, version: this.#version(id), make: () => detached(added.make(), this.evidence(id)) };
    const session = this.sessionOf(id);
    const routed = session?.routed;
    if (!routed) return undefined;
    const make = (): Subject => subjectOf(session.name, routed.trace, routed.text, this.evidence(id));
    return { id, version: this.#version(id), make };
  }

  /** The session that the report is about: while there is nothing to report on, the current one, which may run. */
  get session(): Session | undefined {
    const { current } = this;
    return current ? this.sessionOf(current.id) : this.#sessions.current;
  }

  /** The session in whose text experts of the report stand out: of what no editor shows, the current one of the same model. */
  get pointed(): Session | undefined {
    const added = this.current && this.#added.get(this.current.id);
    if (!added) return this.session;
    const { current } = this.#sessions;
    return current?.routed && sameExperts(added.model, current.routed.trace.origin.model) ? current : undefined;
  }

  /** The session whose text a subject is. */
  sessionOf(id: string): Session | undefined {
    return this.#sessions.all.find((session) => textId(session) === id);
  }

  /** Whether places of this subject can be opened. */
  leads(id: string): boolean {
    return this.sessionOf(id) !== undefined || this.openerOf(id) !== undefined;
  }

  /** What opens a place of what was added; undefined where nothing does. */
  openerOf(id: string): AddedSubject['goTo'] {
    return this.#added.get(id)?.goTo;
  }

  /** Opens a place of what was added; it stays the current subject. Throws what its opening throws. */
  async goTo(id: string, place: Place): Promise<void> {
    this.#opening += 1;
    try {
      await this.openerOf(id)?.(place);
    } finally {
      this.#opening -= 1;
    }
  }

  /** The subject of a session's text. */
  ofSession(session: Session): SubjectSource | undefined {
    return this.get(textId(session));
  }

  choose(id: string): void {
    this.#chosen = id;
    this.#listed.fire();
  }

  /** Adds a subject, or replaces the one of its id, and makes it current, unless it is only to be at hand. */
  add(subject: AddedSubject, current = true): void {
    this.#added.set(subject.id, subject);
    this.#update(subject.id);
    if (current) this.choose(subject.id);
    else this.#listed.fire();
  }

  remove(id: string): void {
    this.#added.delete(id);
    this.#evidence.delete(id);
    this.#removed.fire(id);
    this.#listed.fire();
  }

  evidence(id: string): Evidence {
    const known = this.#evidence.get(id);
    return known && known.routed === this.sessionOf(id)?.routed ? known.evidence : {};
  }

  /** Adds to what is known of a subject, for as long as it is there and its text is not routed anew. */
  addEvidence(id: string, evidence: Evidence): void {
    if (!this.get(id)) return;
    const all = { ...this.evidence(id), ...evidence };
    this.#evidence.set(id, { routed: this.sessionOf(id)?.routed, evidence: all });
    this.#update(id);
  }

  dispose(): void {
    this.#disposables.dispose();
  }

  /** Frees what was found for an earlier routing of a text; where it has none any more, all that comes from it. */
  #freeEarlier(session: Session): void {
    const id = textId(session);
    const { routed } = session;
    const known = this.#evidence.get(id);
    if (known?.routed !== routed) {
      const { profile } = known?.evidence ?? {};
      const same = known?.routed && routed && sameRun(known.routed.trace.origin.model, routed.trace.origin.model);
      if (profile && same) this.#evidence.set(id, { routed, evidence: { profile } });
      else this.#evidence.delete(id);
    }
    if (routed) return;
    for (const { id: added, from } of this.#added.values()) if (from === id) this.remove(added);
    this.#removed.fire(id);
  }

  #version(id: string): number {
    return this.#versions.get(id) ?? 0;
  }

  #update(id: string): void {
    this.#versions.set(id, this.#version(id) + 1);
    this.#updated.fire(id);
  }
}

function textId(session: Session): string {
  return `text:${session.key}`;
}

function detached(subject: Subject, evidence: Evidence): Subject {
  return { ...subject, detached: true, evidence: { ...subject.evidence, ...evidence } };
}

function detailOf({ trace }: RoutedText): string {
  return `${modelDetail(trace.origin.model)} · ${tokenCount(trace.tokens.ids.length)}`;
}

/** Whether both are one model that runs in the same way. */
export function sameRun(a: ModelInfo, b: ModelInfo): boolean {
  return a.folder === b.folder && a.precision === b.precision && a.provider === b.provider;
}

/** A model in a few words. */
export function modelDetail(model: ModelInfo): string {
  return `${model.name} · ${precisionText(model)}`;
}
