/** Whether an intervention can be carried out: whoever asks may have it from anywhere. */
import * as l10n from '@vscode/l10n';
import type { RouterSpec } from '../models/spec.ts';
import { UserError } from '../protocol/errors.ts';
import { CAPACITY_POLICIES, type Intervention } from '../protocol/intervention.ts';
import type { ExpertRef, LayerShape } from '../protocol/trace.ts';

/** A router that can be told what to do. */
export interface RouterFacts {
  readonly shape: LayerShape;
  readonly spec: RouterSpec;
  /** The layer has an expert that all tokens visit. */
  readonly shared: boolean;
}

/** Largest and smallest temperature: beyond them float32 has no scores left to choose by. */
const TEMPERATURES = { least: 1e-3, most: 1e3 } as const;

const MAX_FACTOR = 1e6;

/** @throws UserError `intervention-invalid` */
export function checkIntervention(intervention: Intervention, routers: readonly RouterFacts[]): void {
  const { masked = [], silenced = [], bias = [], k, temperature, capacity, withoutShared, layers } = intervention;
  for (const ref of [...masked, ...silenced]) checkExpert(ref, routers);
  for (const { layer, values } of bias) {
    const { experts } = routerAt(layer, routers).spec;
    if (values.length !== experts) {
      refuse(
        l10n.t`A bias for ${nameOf(layer, routers)} has ${values.length} values, but the layer has ${experts} experts.`,
      );
    }
    if (!values.every(Number.isFinite)) refuse(l10n.t`A bias for ${nameOf(layer, routers)} is not a number.`);
  }
  if (temperature !== undefined && !(temperature >= TEMPERATURES.least && temperature <= TEMPERATURES.most)) {
    refuse(l10n.t`The temperature is ${temperature}; it can be ${TEMPERATURES.least} to ${TEMPERATURES.most}.`);
  }
  if (capacity) {
    if (!(capacity.factor > 0 && capacity.factor <= MAX_FACTOR)) {
      refuse(l10n.t`The capacity factor is ${capacity.factor}; it has to be more than 0.`);
    }
    if (!CAPACITY_POLICIES.includes(capacity.policy)) refuse(l10n.t`There is no such policy of capacity.`);
  }
  const chosen = layers ?? routers.map((_, i) => i);
  for (const layer of chosen) routerAt(layer, routers);
  if (withoutShared === true && !chosen.some((layer) => routers[layer]!.shared)) {
    refuse(l10n.t`These layers have no shared expert that could be left out.`);
  }
  routers.forEach((router, layer) => {
    const gone = new Set(masked.filter((ref) => ref.layer === layer).map(({ expert }) => expert));
    const wanted = k !== undefined && chosen.includes(layer) ? k : router.spec.k;
    if (wanted !== router.spec.k) checkChoices(wanted, layer, routers);
    const left = choosable(router.spec, gone);
    if (wanted > left) {
      refuse(
        l10n.t`A token chooses ${wanted} experts in ${nameOf(layer, routers)}, but only ${left} can be chosen then.`,
      );
    }
  });
}

function checkChoices(k: number, layer: number, routers: readonly RouterFacts[]): void {
  const { spec } = routerAt(layer, routers);
  if (!Number.isInteger(k) || k < 1) refuse(l10n.t`A token chooses a whole number of experts, at least 1, not ${k}.`);
  if (spec.sparseMixer) {
    refuse(
      l10n.t`The router of ${nameOf(layer, routers)} is a sparse mixer: its weights are made for two experts, no more and no fewer.`,
    );
  }
  if (spec.capacity !== undefined) {
    refuse(l10n.t`The router of ${nameOf(layer, routers)} has a capacity that is made for one expert a token.`);
  }
}

/** Experts that a token can be sure to find, whichever groups are the best. */
function choosable({ experts, groups }: RouterSpec, gone: ReadonlySet<number>): number {
  if (!groups) return experts - gone.size;
  const size = experts / groups.count;
  const left = Array.from({ length: groups.count }, (_, g) => {
    let n = size;
    for (const expert of gone) if (Math.floor(expert / size) === g) n -= 1;
    return n;
  });
  // A group of which fewer experts are left than its score is made of has none, and comes last.
  const needed = groups.score === 'max' ? 1 : 2;
  const open = left.filter((n) => n >= needed).sort((a, b) => a - b);
  return open.slice(0, groups.keep).reduce((sum, n) => sum + n, 0);
}

function checkExpert({ layer, expert }: ExpertRef, routers: readonly RouterFacts[]): void {
  const { experts } = routerAt(layer, routers).spec;
  if (!Number.isInteger(expert) || expert < 0 || expert >= experts) {
    refuse(l10n.t`There is no expert ${expert} in ${nameOf(layer, routers)}; it has ${experts}, from 0 on.`);
  }
}

function routerAt(layer: number, routers: readonly RouterFacts[]): RouterFacts {
  return (
    routers[layer] ??
    refuse(l10n.t`The model has ${routers.length} layers with experts; there is no number ${layer} among them.`)
  );
}

function nameOf(layer: number, routers: readonly RouterFacts[]): string {
  const { shape } = routerAt(layer, routers);
  if (shape.stack === undefined) return l10n.t`layer ${shape.layer}`;
  return shape.stack === 'encoder' ? l10n.t`encoder layer ${shape.layer}` : l10n.t`decoder layer ${shape.layer}`;
}

function refuse(sentence: string): never {
  throw new UserError('intervention-invalid', sentence);
}
