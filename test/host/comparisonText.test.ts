import { expect, test } from 'vitest';
import { routingAgreement } from '../../extension/analysis/agreement.ts';
import { comparisonMarkdown } from '../../extension/host/comparisonText.ts';
import type { RoutingTrace } from '../../extension/protocol/trace.ts';
import { traceOf } from './routedTextOf.ts';

type Slots = readonly (readonly (readonly [expert: number, weight: number])[])[];

const text = 'a | b';

/** Tokens `a`, ` |` and ` b`, routed by layers 1, 3 and so on of 8 experts, top-2. */
function run(precision: string, layers: readonly Slots[], routed = 3): RoutingTrace {
  const trace = traceOf({
    text,
    tokens: [
      [0, 1],
      [1, 3],
      [3, 5],
    ],
    layers: layers.map((slots, i) => ({
      layer: 2 * i + 1,
      experts: 8,
      k: 2,
      slots,
      entropy: [1, 1, 1],
      margin: [0.1, 0.1, 0.1],
    })),
    routed,
  });
  const { origin } = trace;
  return { ...trace, origin: { ...origin, model: { ...origin.model, name: 'tiny_*moe*', precision } } };
}

function markdown(first: RoutingTrace, second: RoutingTrace, title = 'notes.md'): string {
  return comparisonMarkdown({ title, text, first, second, agreement: routingAgreement(first, second) });
}

// The second token goes to E5 and not to E2 at L1, and to two others at L3, where the first one swaps its experts.
const before: Slots[] = [
  [[[1, 0.75], [0, 0.25]], [[1, 0.75], [2, 0.25]], [[3, 0.5], [4, 0.5]]],
  [[[6, 0.75], [7, 0.25]], [[1, 0.75], [2, 0.25]], [[3, 0.5], [4, 0.5]]],
]; // prettier-ignore
const after: Slots[] = [
  [[[1, 0.5], [0, 0.5]], [[1, 0.75], [5, 0.25]], [[3, 0.5], [4, 0.5]]],
  [[[7, 0.75], [6, 0.25]], [[3, 0.75], [4, 0.25]], [[3, 0.5], [4, 0.5]]],
]; // prettier-ignore

test('names both runs, and says by layer and in all what stays', () => {
  const lines = markdown(run('float32', before), run('int8', after)).split('\n');
  expect(lines[0]).toBe('# notes\\.md: float32 on cpu against int8 on cpu');
  // 5 of 6 slots stay at L1 and 4 of 6 at L3; 3 of 3 top experts and 1 of 3.
  expect(lines[2]).toBe(
    '**75.0 %** of tiny\\_\\*moe\\*’s choices stay, **66.7 %** of the top experts. ' +
      '**1** of 3 tokens flip at one layer or more: at least one of the experts chosen for them is another.',
  );
  expect(lines).toContain('| L1 | 83.3\u00a0% | 100.0\u00a0% | 1\u00a0(33.3\u00a0%) | 0.25 |');
  expect(lines).toContain('| L3 | 66.7\u00a0% | 33.3\u00a0% | 1\u00a0(33.3\u00a0%) | 0.50 |');
  expect(lines).toContain('| **all** | **75.0\u00a0%** | **66.7\u00a0%** | **1\u00a0(33.3\u00a0%)** | **0.50** |');
});

test('has no column for weights that a server has not told', () => {
  const served = run('bfloat16', after);
  const layers = served.layers.map((layer) => ({ ...layer, weight: layer.weight.map(() => NaN) }));
  const lines = markdown(run('float32', before), { ...served, layers }).split('\n');
  expect(lines).toContain('| Layer | Choices that stay | Top expert stays | Tokens that flip |');
  expect(lines).toContain('| L1 | 83.3\u00a0% | 100.0\u00a0% | 1\u00a0(33.3\u00a0%) |');
});

test('names the experts of a token that flips in both runs, and a bar in its text does not end the cell', () => {
  expect(markdown(run('float32', before), run('int8', after))).toContain(
    '| 1 | `·\\|` | 2 | L1: E1 **E2** → E1 **E5**<br>L3: **E1** **E2** → **E3** **E4** |',
  );
});

test('names three layers of a token and counts the others', () => {
  const document = markdown(
    run('float32', [before[1]!, before[1]!, before[1]!, before[1]!]),
    run('int4', [after[1]!, after[1]!, after[1]!, after[1]!]),
  );
  expect(document).toMatch(/\| 4 \| L1: .*<br>L3: .*<br>L5: .*<br>and 1 more \|$/mu);
});

test('equal routing has no list of tokens', () => {
  const document = markdown(run('float32', before), run('int8', before));
  expect(document).toContain('**100.0 %** of');
  expect(document).toContain('**0** of 3 tokens flip');
  expect(document).not.toContain('##');
});

test('says when the first run was stopped', () => {
  expect(markdown(run('float32', before, 1), run('int8', after))).toContain(
    '*Stopped early: the figures are of the first 1 token of 3.*',
  );
});

test('a file’s name is text, whatever it holds', () => {
  expect(markdown(run('float32', before), run('int8', after), '<img src=x>\n# [a](b)')).toMatch(
    /^# \\<img src=x\\> \\# \\\[a\\\]\\\(b\\\): float32/u,
  );
});
