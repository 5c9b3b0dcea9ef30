/** What would it take to spread the experts over devices? Simulated: nothing of it runs. */
import * as l10n from '@vscode/l10n';
import type { Parameters } from '../../protocol/report.ts';
import { layerLabel } from '../labels.ts';
import type { Placement } from '../placement.ts';
import { sglangFile, unfitForEngines, vllmAscendFile } from '../placementFiles.ts';
import { plan, POLICIES } from '../placementPlan.ts';
import type { SectionKind } from './kind.ts';
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
    const notes = [...lacks(subject, choices), ...unfit(chosen)];
    return {
      verdict: routed ? verdict(subject, choices, outcomes, chosen) : l10n.t`Nothing was routed.`,
      ...(notes.length > 0 ? { lacking: notes.join(' ') } : {}),
      controls: choices.controls,
      figures: routed
        ? [
            compareFigure(choices, outcomes),
            deviceFigure(subject, choices, chosen),
            depthFigure(subject, outcomes),
            trafficFigure(subject, choices, chosen),
            timeFigure(choices, outcomes),
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
  const where = `${count(devices, 'device')} in ${count(nodes, 'node')}`;
  const worst = layerLabel(loads[plain.worst]!.shape);
  const told = toldOther ? `the load of ${evidence.other!.name}` : 'this very load, so that a new text will do worse';
  const { expert, experts } = chosen.placement.layers[chosen.worst]!;
  const slots = expert.length;
  const better =
    chosen === plain
      ? ''
      : ` With ${POLICY_NAMES[chosen.policy]} (${slots} slots for ${experts} experts) it is ${factor(chosen.meanOverload)}, at worst ${factor(chosen.worstOverload)}; ` +
        `the placement was made from ${told}.`;
  const wasted =
    chosen.wasted === 0
      ? ''
      : ` ${count(chosen.wasted, 'slot')} of all layers ${chosen.wasted === 1 ? 'holds' : 'hold'} a second copy of what its device has: waste.`;
  return (
    `On ${where} with experts in order, the busiest device carries ${factor(plain.meanOverload)} the even load on average over layers ` +
    `and ${factor(plain.worstOverload)} at ${worst}: the others wait for it.${better}${wasted} Routing is that of ${name}; ` +
    'devices, links and times are assumptions.'
  );
}

/** What was asked for and cannot be. */
function lacks({ trace }: Subject, { machine, policy, controls }: PlacementChoices): string[] {
  const { devices, nodes, groups } = machine;
  const asked = controls.find(({ id }) => id === 'nodes');
  const uneven =
    asked?.kind === 'number' && asked.value !== nodes
      ? [`${devices} devices do not spread evenly over ${asked.value} nodes: ${nodes} it is.`]
      : [];
  const flat =
    policy === 'hierarchical' && groups % nodes !== 0
      ? [`${groups} groups do not spread evenly over ${nodes} nodes, so that EPLB takes its flat way.`]
      : [];
  const counts = trace
    ? []
    : [
        'Only counts are known: to how many devices a token goes is an expectation for tokens that choose each by themselves.',
      ];
  return [...uneven, ...flat, ...counts];
}

function unfit({ placement }: Outcome): string[] {
  const why = unfitForEngines(placement);
  return why === undefined ? [] : [`${why} This placement cannot be saved for them.`];
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
