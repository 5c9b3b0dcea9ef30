import type { Parameters, Section } from '../../protocol/report.ts';
import { ablationSection } from './ablation.ts';
import { balanceSection } from './balance.ts';
import { capacitySection } from './capacity.ts';
import { certaintySection } from './certainty.ts';
import { compareSection } from './compare.ts';
import { depthSection } from './depth.ts';
import { coActivationSection } from './coActivation.ts';
import { expertSection } from './expert.ts';
import { lossesSection } from './losses.ts';
import type { SectionFile, SectionKind } from './kind.ts';
import { memorySection } from './memory.ts';
import { offloadSection } from './offload.ts';
import { placementSection } from './placement.ts';
import { regionsSection } from './regions.ts';
import { specialisationSection } from './specialisation.ts';
import { mendSection } from './mend.ts';
import type { Subject } from './subject.ts';
import { workSection } from './work.ts';
import { whatIfSection } from './whatIf.ts';

/** In the order in which they stand in a report. */
export const SECTIONS: readonly SectionKind[] = [
  balanceSection,
  workSection,
  certaintySection,
  lossesSection,
  regionsSection,
  depthSection,
  capacitySection,
  whatIfSection,
  mendSection,
  ablationSection,
  specialisationSection,
  coActivationSection,
  expertSection,
  memorySection,
  offloadSection,
  placementSection,
  compareSection,
];

/** One section of a subject, or undefined where there is none of that name. */
export function makeSection(id: string, subject: Subject, set: Parameters): Section | undefined {
  const kind = SECTIONS.find((section) => section.id === id);
  return kind && { id, title: kind.title, ...kind.make(subject, set) };
}

/** The file that an action of a section saves, or undefined where there is none of that name. */
export function makeFile(id: string, action: string, subject: Subject, set: Parameters): SectionFile | undefined {
  return SECTIONS.find((section) => section.id === id)?.files?.[action]?.(subject, set);
}
