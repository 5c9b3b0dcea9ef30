import * as l10n from '@vscode/l10n';
import type { Parameters, Section } from '../../protocol/report.ts';
import { ablationSection } from './ablation.ts';
import { balanceSection } from './balance.ts';
import { capacitySection } from './capacity.ts';
import { certaintySection } from './certainty.ts';
import { compareSection } from './compare.ts';
import { costSection } from './cost.ts';
import { depthSection } from './depth.ts';
import { coActivationSection } from './coActivation.ts';
import { expertSection } from './expert.ts';
import { lossesSection } from './losses.ts';
import type { SectionFile, SectionKind } from './kind.ts';
import { memorySection } from './memory.ts';
import { offloadSection } from './offload.ts';
import { overTimeSection } from './overTime.ts';
import { payoffSection } from './payoff.ts';
import { placementSection } from './placement.ts';
import { regionsSection } from './regions.ts';
import { specialisationSection } from './specialisation.ts';
import { mendSection } from './mend.ts';
import type { Subject } from './subject.ts';
import { workSection } from './work.ts';
import { whatIfSection } from './whatIf.ts';

/** Sections that go together, in the order in which they stand in a report. */
export const GROUPS: readonly { readonly title: string; readonly sections: readonly SectionKind[] }[] = [
  {
    title: l10n.t`Routing`,
    sections: [
      balanceSection,
      workSection,
      certaintySection,
      lossesSection,
      regionsSection,
      depthSection,
      // Few subjects have steps: an empty page does not stand before those that every text fills.
      overTimeSection,
    ],
  },
  { title: l10n.t`Limits and changes`, sections: [capacitySection, whatIfSection, mendSection, ablationSection] },
  { title: l10n.t`Experts`, sections: [specialisationSection, coActivationSection, expertSection] },
  { title: l10n.t`Cost`, sections: [costSection, memorySection, offloadSection, placementSection, payoffSection] },
  { title: l10n.t`Two runs`, sections: [compareSection] },
];

export const SECTIONS: readonly SectionKind[] = GROUPS.flatMap(({ sections }) => sections);

/** One section of a subject, or undefined where there is none of that name. */
export function makeSection(id: string, subject: Subject, set: Parameters): Section | undefined {
  const kind = SECTIONS.find((section) => section.id === id);
  return kind && { id, title: kind.title, ...kind.make(subject, set) };
}

/** The file that an action of a section saves, or undefined where there is none of that name. */
export function makeFile(id: string, action: string, subject: Subject, set: Parameters): SectionFile | undefined {
  return SECTIONS.find((section) => section.id === id)?.files?.[action]?.(subject, set);
}
