import type { Parameters, Section } from '../../protocol/report.ts';
import type { Subject } from './subject.ts';

/** A section before it is made of a subject. */
export interface SectionKind {
  readonly id: string;
  readonly title: string;
  /**
   * Figures of a subject with what the user set. Takes no longer than a blink for a text of 8,000 tokens. Throws nothing: what
   * the subject lacks is said in `lacking`.
   */
  readonly make: (subject: Subject, set: Parameters) => Omit<Section, 'id' | 'title'>;
}
