/** What would it take to spread the experts over devices? Simulated: nothing of it runs. */
import * as l10n from '@vscode/l10n';
import type { Parameters } from '../../protocol/report.ts';
import { layerLabel } from '../labels.ts';
import type { Placement } from '../placement.ts';
import { sglangFile, unfitForEngines, unfitForSglang, vllmAscendFile } from '../placementFiles.ts';
import { plan, POLICIES } from '../placementPlan.ts';
import { sentences } from '../lists.ts';
import type { SectionKind } from './kind.ts';
import { lacksK, NO_K } from './parts.ts';
import { placementChoices, POLICY_NAMES, type PlacementChoices } from './placementControls.ts';
import {
  compareFigure,
  depthFigure,
  deviceFigure,
  factor,
  SAVE_SGLANG,
  SAVE_VLLM_ASCEND,
  timeFigure,
  trafficFigure,
} from './placementFigures.ts';
import { outcomeOf, type Outcome } from './placementOutcome.ts';
import type { Subject } from './subject.ts';

export const placementSection: SectionKind = {
  id: 'placement',
  title: l10n.t`Expert parallelism`,
  make: (subject, set) => {
    const choices = placementChoices(subject, set);
    const outcomes = POLICIES.map((policy) => outcomeOf(subject, choices, policy));
    const chosen = outcomes.find(({ policy }) => policy === choices.policy)!;
    const routed = subject.loads.some(({ counts }) => counts.some((c) => c > 0));
    const lacking = sentences(...lacks(subject, choices), unfit(subject, chosen));
    return {
      verdict: routed ? verdict(subject, choices, outcomes, chosen) : l10n.t`Nothing was routed.`,
      ...(lacking === '' ? {} : { lacking }),
      controls: choices.controls,
      figures: routed
        ? [
            compareFigure(choices, outcomes),
            deviceFigure(subject, choices, chosen),
            depthFigure(subject, outcomes),
            ...(lacksK(subject) ? [] : [trafficFigure(subject, choices, chosen)]),
            ...(subject.model.hiddenSize > 0 && !lacksK(subject) ? [timeFigure(choices, outcomes)] : []),
          ]
        : [],
    };
  },
  files: {
    [SAVE_SGLANG]: (subject, set) => sglangFile(planOf(subject, set), subject.model),
    [SAVE_VLLM_ASCEND]: (subject, set) => vllmAscendFile(planOf(subject, set)),
  },
};

function planOf(subject: Subject, set: Parameters): Placement {
  const { told, policy, machine } = placementChoices(subject, set);
  const loads = told.map(({ counts }) => counts);
  return plan(loads, policy, machine);
}

function verdict(
  { loads, name, evidence }: Subject,
  { machine, toldOther }: PlacementChoices,
  outcomes: readonly Outcome[],
  chosen: Outcome,
): string {
  const plain = outcomes[0]!;
  const { devices, nodes } = machine;
  const within = nodes === 1 ? l10n.t`${nodes} node` : l10n.t`${nodes} nodes`;
  const worst = layerLabel(loads[plain.worst]!.shape);
  return sentences(
    devices === 1
      ? l10n.t`One device holds all experts, so no other waits for it.`
      : l10n.t`On ${devices} devices in ${within} with experts in order, the busiest device carries ${factor(plain.meanOverload)} the even load on average over layers and ${factor(plain.worstOverload)} at ${worst}: the others wait for it.`,
    devices > 1 && chosen !== plain && better(chosen, toldOther ? evidence.other!.name : undefined),
    wasted(chosen),
    l10n.t`Routing is that of ${name}; devices, links and times are assumptions.`,
  );
}

/** What a placement makes of the load; it was made from the load of `told`, or from this very one. */
function better({ policy, placement, worst, meanOverload, worstOverload }: Outcome, told: string | undefined): string {
  const { expert, experts } = placement.layers[worst]!;
  const [name, slots] = [POLICY_NAMES[policy], expert.length];
  const [mean, most] = [factor(meanOverload), factor(worstOverload)];
  return told === undefined
    ? l10n.t`With ${name} (${slots} slots for ${experts} experts) it is ${mean}, at worst ${most}; the placement was made from this very load, so that a new text may do worse.`
    : l10n.t`With ${name} (${slots} slots for ${experts} experts) it is ${mean}, at worst ${most}; the placement was made from the load of ${told}.`;
}

function wasted({ wasted: slots }: Outcome): string | undefined {
  if (slots === 0) return undefined;
  return slots === 1
    ? l10n.t`${slots} slot of all layers holds a second copy of what its device has: waste.`
    : l10n.t`${slots} slots of all layers hold a second copy of what its device has: waste.`;
}

/** What was asked for and cannot be. */
function lacks(subject: Subject, { machine, policy, controls }: PlacementChoices): (string | false)[] {
  const { trace, loads, model } = subject;
  const byToken = !lacksK(subject);
  const { devices, nodes, groups } = machine;
  const asked = controls.find(({ id }) => id === 'nodes');
  const ungrouped = loads.find(({ shape }) => shape.experts % groups !== 0);
  return [
    asked?.kind === 'number' &&
      asked.value !== nodes &&
      l10n.t`${devices} devices do not spread evenly over ${asked.value} nodes: ${nodes} it is.`,
    policy === 'hierarchical' &&
      groups % nodes !== 0 &&
      l10n.t`${groups} groups do not spread evenly over ${nodes} nodes, so that EPLB takes its flat way.`,
    ungrouped !== undefined &&
      l10n.t`${ungrouped.shape.experts} experts do not fall into ${groups} equal groups: their hierarchical placement is the flat one.`,
    !byToken && NO_K,
    byToken &&
      !trace &&
      l10n.t`Only counts are known: to how many devices a token goes is an expectation for tokens that choose each by themselves.`,
    byToken &&
      model.hiddenSize === 0 &&
      l10n.t`The hidden size of the model is not known: transfers are counted, without bytes and times.`,
  ];
}

function unfit(subject: Subject, { placement }: Outcome): string | undefined {
  const why = unfitForEngines(placement);
  return why === undefined ? unfitForSglang(subject) : sentences(why, l10n.t`This placement cannot be saved for them.`);
}
