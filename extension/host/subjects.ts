import * as l10n from '@vscode/l10n';
import { EventEmitter, type Disposable, type Event } from 'vscode';
import { subjectOf, type Evidence, type Subject } from '../analysis/sections/subject.ts';
import { count } from '../analysis/numbers.ts';
import type { SubjectSource } from '../client/analystClient.ts';
import type { ModelInfo } from '../protocol/trace.ts';
import type { Place } from '../protocol/report.ts';
import type { SubjectEntry } from '../protocol/webview.ts';
import { Disposables } from './disposables.ts';
import type { RoutedText } from './routedText.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';

/** Something to report on that is not an editor's text: a folder that was routed, a recording. */
export interface AddedSubject {
  readonly id: string;
  readonly name: string;
  readonly detail: string;
  readonly make: () => Subject;
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
  readonly #added = new Map<string, AddedSubject>();
  readonly #versions = new Map<string, number>();
  /** Of a text it holds for the routing that it was found for, no longer. */
  readonly #evidence = new Map<string, { readonly routed: RoutedText | undefined; readonly evidence: Evidence }>();
  #chosen: string | undefined;

  /** Which subjects there are, or which is current, changed. */
  readonly onDidChange: Event<void> = this.#listed.event;
  /** What is known of this subject changed. */
  readonly onDidUpdate: Event<string> = this.#updated.event;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
    this.#disposables.add(
      sessions.onDidSwitch(() => {
        this.#chosen = undefined;
        this.#listed.fire();
      }),
    );
    this.#disposables.add(
      sessions.onDidChange(({ session, change }) => {
        if (change !== 'routing' && change !== 'growth') return;
        this.#update(textId(session));
        if (change === 'routing') this.#listed.fire();
      }),
    );
  }

  get entries(): SubjectEntry[] {
    const texts = this.#sessions.all.flatMap((session) =>
      session.routed ? [{ id: textId(session), name: session.name, detail: detailOf(session.routed) }] : [],
    );
    return [...texts, ...Array.from(this.#added.values(), ({ id, name, detail }) => ({ id, name, detail }))];
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
    if (added) return { id, version: this.#version(id), make: () => withEvidence(added.make(), this.evidence(id)) };
    const session = this.sessionOf(id);
    const routed = session?.routed;
    if (!routed) return undefined;
    const make = (): Subject => subjectOf(session.name, routed.trace, routed.text, this.evidence(id));
    return { id, version: this.#version(id), make };
  }

  /** The session whose text a subject is. */
  sessionOf(id: string): Session | undefined {
    return this.#sessions.all.find((session) => textId(session) === id);
  }

  /** What was added under this id. */
  added(id: string): AddedSubject | undefined {
    return this.#added.get(id);
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
    this.#listed.fire();
  }

  evidence(id: string): Evidence {
    const known = this.#evidence.get(id);
    return known && known.routed === this.sessionOf(id)?.routed ? known.evidence : {};
  }

  /** Adds to what is known of a subject, for as long as its text is not routed anew. */
  addEvidence(id: string, evidence: Evidence): void {
    const all = { ...this.evidence(id), ...evidence };
    this.#evidence.set(id, { routed: this.sessionOf(id)?.routed, evidence: all });
    this.#update(id);
  }

  dispose(): void {
    this.#disposables.dispose();
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

function withEvidence(subject: Subject, evidence: Evidence): Subject {
  return { ...subject, evidence: { ...subject.evidence, ...evidence } };
}

function detailOf({ trace }: RoutedText): string {
  return l10n.t`${modelDetail(trace.origin.model)} · ${count(trace.tokens.ids.length)} tokens`;
}

/** A model in a few words. */
export function modelDetail({ name, precision }: ModelInfo): string {
  return `${name} · ${precision}`;
}
