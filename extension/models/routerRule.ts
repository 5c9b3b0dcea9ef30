/** A router's rule as one line of algebra, from what makes the graph. */
import * as l10n from '@vscode/l10n';
import type { MoeSpec, RouterSpec } from './spec.ts';

/**
 * How x becomes y: scores, the chosen set T, weights w, and what they weigh. W is the router's matrix, f_e the experts.
 * For example `p = softmax(Wx),  T = top 2 of 8 by p,  w = p / Σ p,  y = Σ w·f(x)`, sums being over T.
 */
export function routerRule({ router, shared, weighsInput, latent }: MoeSpec): string {
  const s = router.scoring === 'softmax' ? 'p' : 's';
  const logits = `W${router.input ? '·norm(x)' : 'x'}${router.projection.bias ? ' + b' : ''}`;
  const score = `${s} = ${router.scoring}(${logits})`;
  const network = latent ? 'up(Σ w·f(down(x)))' : weighsInput ? 'Σ f(w·x)' : 'Σ w·f(x)';
  const sum = `y = ${network}${shared ? (shared.gate ? ' + sigmoid(g·x)·shared(x)' : ' + shared(x)') : ''}`;
  return [score, choice(router, s), `w = ${weight(router, s)}`, sum].join(',  ');
}

function choice({ k, experts, selectionBias, groups, capacity }: RouterSpec, s: string): string {
  const by = selectionBias ? l10n.t`${s} + bias` : s;
  const limit = capacity === undefined ? '' : l10n.t` while it has fewer than ${capacity} tokens`;
  return l10n.t`T = top ${k} of ${experts} by ${by}${groups ? within(groups) : ''}${limit}`;
}

function within({ keep, count, score }: NonNullable<RouterSpec['groups']>): string {
  return score === 'max'
    ? l10n.t` within the best ${keep} of ${count} groups (by their best)`
    : l10n.t` within the best ${keep} of ${count} groups (by their best two)`;
}

function weight({ sparseMixer, renormalize, scale, expertScale }: RouterSpec, s: string): string {
  if (sparseMixer)
    return l10n.t`softmax of the logits within ${sparseMixer.closeness} of its own, the first choice first`;
  const factor = scale === undefined || scale === 1 ? '' : `${Number(scale.toPrecision(6))}·`;
  return `${factor}${s}${renormalize ? ` / ${divisor(renormalize, s)}` : ''}${expertScale ? l10n.t` · scale of the expert` : ''}`;
}

function divisor({ p = 1, least = 0 }: NonNullable<RouterSpec['renormalize']>, s: string): string {
  const sum = p === 1 ? `Σ ${s}` : `(Σ ${s}^${p})^(1/${p})`;
  return least > 0 ? `max(${sum}, ${least})` : sum;
}
