import type { Parameters, Section } from '../../protocol/report.ts';
import type { Subject } from './subject.ts';

/** A file that a section makes of its subject, for other programs. */
export interface SectionFile {
  /** What to call it. */
  readonly name: string;
  readonly text: string;
  /** What a program has to be told to read it; may be pasted. */
  readonly options: string;
}

/** A section before it is made of a subject. */
export interface SectionKind {
  readonly id: string;
  readonly title: string;
  /**
   * Figures of a subject with what the user set. Takes no longer than a blink for a text of 8,000 tokens. Throws nothing: what
   * the subject lacks is said in `lacking`.
   */
  readonly make: (subject: Subject, set: Parameters) => Omit<Section, 'id' | 'title'>;
  /** Files that actions of the section save, by action: what the section then shows. */
  readonly files?: Readonly<Record<string, (subject: Subject, set: Parameters) => SectionFile>>;
}
