/** What the tour tells, step by step, with the numbers of the text at hand. */
import { balance, meanBalance, type Balance } from '../analysis/balance.ts';
import { capacityCurve } from '../analysis/capacity.ts';
import { commonOf, loadTests } from '../analysis/comparison.ts';
import { layerLabel } from '../analysis/labels.ts';
import { coldShare, expertCounts } from '../analysis/load.ts';
import type { RecordedTrace } from '../formats/traceJson.ts';
import { NO_EXPERT, type LayerTrace, type RoutingTrace } from '../protocol/trace.ts';
import { count, percent, table, visible } from './table.ts';

export interface Step {
  readonly title: string;
  /** Lines of plain text; sentences are wrapped. */
  readonly text: string;
}

/** Where the text of the terminal ends. */
const WIDTH = 96;
const BAR = 40;
/** Common in practice: between 1.1 and 1.3. */
const FACTOR = 1.25;
const BLOCKS = 40;
const LEAST_BLOCK = 8;

/** The steps for one text that two models of the same shape routed: with a load-balancing loss, and without. */
export function tourSteps(balanced: RecordedTrace, collapsed: RecordedTrace): Step[] {
  const runs = [balanced.trace, collapsed.trace].map(runOf);
  const [even, uneven] = [runs[0]!, runs[1]!];
  const at = worstLayer(uneven);
  return [
    tokenStep(balanced),
    loadStep(even, at),
    collapseStep(even, uneven, at),
    sideStep(even, uneven, balanced, collapsed),
    capacityStep(even, uneven),
    nextStep(),
  ];
}

interface Run {
  readonly trace: RoutingTrace;
  readonly name: string;
  readonly balances: readonly Balance[];
}

function runOf(trace: RoutingTrace): Run {
  const balances = trace.layers.map((layer) => balance(expertCounts(layer, 0, trace.routed), coldShare(layer.experts)));
  return { trace, name: visible(trace.origin.model.name), balances };
}

function worstLayer({ balances }: Run): number {
  return balances.reduce((worst, b, i) => (b.maxVio > balances[worst]!.maxVio ? i : worst), 0);
}

/** Follows the token whose experts were chosen most clearly in the first layer, and the one where it was closest. */
function tokenStep({ trace, text }: RecordedTrace): Step {
  const { layers, routed, origin } = trace;
  const layer = layers[0]!;
  const model = origin.model;
  const sure = (better: (a: number, b: number) => boolean): number => {
    let best = 0;
    for (let t = 1; t < routed; t++) if (better(layer.margin[t]!, layer.margin[best]!)) best = t;
    return best;
  };
  const shown = [sure((a, b) => a > b), sure((a, b) => a < b)].map((token) => tokenLines(trace, text, token, layer));
  return {
    title: 'Every token goes to a few experts',
    text: [
      wrapped(
        `The text is ${count(routed, 'token')}. ${visible(model.name)} has ${count(layers.length, 'layer')} with ` +
          `${layer.experts} experts each: small networks. A router, or gate, scores them for every token, and the ${layer.k} best work on it (top-${layer.k}). That is why of ` +
          `${millions(model.parameters.total)} parameters only ${millions(model.parameters.active)} work on a token.`,
      ),
      wrapped(
        `At ${layerLabel(layer)} the choice was clearest at the first of these tokens, even where those chosen weigh about the same, and ` +
          'closest at the second. The bars are the weights with which the outputs of the chosen experts are added up; the pale one is ' +
          'of the first expert that was not chosen, on the same scale. The margin is how far the last chosen one was ahead of it, in ' +
          'probability.',
      ),
      shown.join('\n'),
    ].join('\n'),
  };
}

function tokenLines({ tokens }: RoutingTrace, text: string, token: number, layer: LayerTrace): string {
  const { candidates, k, chosen, weight } = layer;
  const rows = Array.from({ length: Math.min(k + 1, candidates) }, (_, j) => {
    const at = token * candidates + j;
    const drawn = bar(weight[at]!, 1);
    const shown = j < k ? drawn : `${drawn.replaceAll('█', '░')}  not chosen`;
    return chosen[at] === NO_EXPERT ? [] : [[`E${chosen[at]!}`, percent(weight[at]!), shown]];
  }).flat();
  const name = `"${visible(text.slice(tokens.start[token], tokens.end[token]))}"`;
  return `  token ${token}, ${name}, margin ${layer.margin[token]!.toPrecision(2)}\n${indented(table([], rows, [2]))}`;
}

function loadStep(run: Run, at: number): Step {
  const { trace, name, balances } = run;
  const layer = trace.layers[at]!;
  const b = balances[at]!;
  return {
    title: `${name}: trained to share the load`,
    text: [
      wrapped(
        `All choices of all tokens together make the load. If every expert of ${layerLabel(layer)} took as much as any other, each would have ` +
          `${percent(1 / layer.experts)} of it. ${name} was trained with an auxiliary loss that is lowest then. On your text its hottest expert there, ` +
          `E${b.hottest}, takes ${percent(b.shares[b.hottest]!)}.`,
      ),
      loadBars(layer, b, b.shares[b.hottest]!),
    ].join('\n'),
  };
}

function collapseStep(even: Run, run: Run, at: number): Step {
  const { trace, name, balances } = run;
  const layer = trace.layers[at]!;
  const b = balances[at]!;
  const cold = Math.round(b.coldFraction * layer.experts);
  const dead =
    b.dead.length > 0 ? `, and ${count(b.dead.length, 'expert')} took nothing: memory that does no work` : '';
  return {
    title: `${name}: left alone`,
    text: [
      wrapped(
        `${name} is the same model, trained on the same text for as long, without that loss. An expert that is chosen early learns early, and is ` +
          `chosen again: the rich get richer. At ${layerLabel(layer)} E${b.hottest} takes ${percent(b.shares[b.hottest]!)} of the load of the same text, ` +
          `${count(cold, 'expert')} of ${layer.experts} stay under ${percent(coldShare(layer.experts), 0)}${dead}. (In ${even.name} the hottest was ${percent(even.balances[at]!.shares[even.balances[at]!.hottest]!)}.)`,
      ),
      loadBars(layer, b, b.shares[b.hottest]!),
    ].join('\n'),
  };
}

function loadBars(layer: LayerTrace, b: Balance, most: number): string {
  const rows = Array.from(b.shares, (share, e) => [`E${e}`, percent(share), bar(share, most)]);
  const even = Math.round(BAR / layer.experts / most);
  const mark = `${' '.repeat(2 + `E${layer.experts - 1}`.length + 2 + Math.max(...rows.map((row) => row[1]!.length)) + 2 + Math.max(0, even - 1))}│ even`;
  return `${indented(table([], rows, [2]))}${mark}\n`;
}

function sideStep(even: Run, uneven: Run, a: RecordedTrace, b: RecordedTrace): Step {
  const { layers, routed } = even.trace;
  const header = ['layer', 'hottest', '', 'under 5 %', '', 'MaxVio', ''];
  const names = ['', even.name, uneven.name, even.name, uneven.name, even.name, uneven.name];
  const both = [even, uneven];
  const rows = layers.map((layer, i) => [
    layerLabel(layer),
    ...both.map(({ balances }) => percent(balances[i]!.shares[balances[i]!.hottest]!)),
    ...both.map(({ balances }) => String(balances[i]!.shares.filter((share) => share < 0.05).length)),
    ...both.map(({ balances }) => balances[i]!.maxVio.toFixed(2)),
  ]);
  const means = both.map(({ balances }) => meanBalance(balances).maxVio);
  const common = commonOf(a, b);
  const block = Math.max(LEAST_BLOCK, Math.floor(routed / BLOCKS));
  const tests = loadTests(even.trace, uneven.trace, common, block, false);
  const sure = tests
    ? `Is that chance? If both routed alike, it would not matter which of them a stretch of ${block} tokens is taken from. Of ` +
      `${tests.balance.permutations} ways to exchange ${tests.blocks[0]} such stretches at random, the share with as large a difference is ` +
      `p = ${tests.balance.p.toFixed(3)}.`
    : 'The text is too short to say whether that is chance.';
  return {
    title: 'Side by side',
    text: [
      wrapped(
        `MaxVio is how far the hottest expert is above the even load: 0 is even, 1 is twice as much. Its mean over layers is ${means[0]!.toFixed(2)} in ` +
          `${even.name} and ${means[1]!.toFixed(2)} in ${uneven.name}.`,
      ),
      indented(table(header, [names, ...rows])),
      wrapped(sure),
    ].join('\n'),
  };
}

function capacityStep(even: Run, uneven: Run): Step {
  const dropped = [even, uneven].map(({ trace }) => {
    const [point] = capacityCurve(trace.layers, trace.routed, [FACTOR]);
    return point!.total.dropped / point!.total.slots;
  });
  const most = Math.max(...dropped, 1e-9);
  const rows = [even, uneven].map(({ name }, i) => [name, percent(dropped[i]!), bar(dropped[i]!, most)]);
  return {
    title: 'What imbalance costs',
    text: [
      wrapped(
        `Where experts run side by side on several devices, all wait for the hottest. So a limit is set: with a capacity factor of ${FACTOR}, common in ` +
          'practice, an expert takes a quarter more than the even load, and what else it was to take is dropped. Of the choices made for your text that would be:',
      ),
      indented(table([], rows, [2])),
    ].join('\n'),
  };
}

function nextStep(): Step {
  return {
    title: 'On your own',
    text: indented(
      [
        'moescope report FILE                       the whole judgement: balance, losses, capacity',
        'moescope report FILE --model PATH          the same for your own checkpoint or ONNX export',
        'moescope analyze FILE --layer 3            the experts of a layer, and the tokens it wavered at',
        'moescope whatif FILE --capacity 1.25       the model runs again with the limit: measured, not counted',
        '',
        'In VS Code: MoEScope: Analyze Routing, then MoEScope: Compare Bundled Models.',
        '',
      ].join('\n'),
    ),
  };
}

function bar(value: number, most: number): string {
  return '█'.repeat(Math.max(value > 0 ? 1 : 0, Math.round((value / most) * BAR)));
}

function millions(parameters: number): string {
  return parameters >= 1e9 ? `${(parameters / 1e9).toFixed(1)} billion` : `${(parameters / 1e6).toFixed(1)} million`;
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '    ');
}

/** Sentences in lines that a terminal holds. */
function wrapped(sentences: string): string {
  let column = 0;
  // A number stays with its sign.
  const words = sentences
    .replaceAll(' %', '\u00a0%')
    .split(' ')
    .map((word) => {
      if (column > 0 && column + 1 + word.length > WIDTH) {
        column = word.length;
        return `\n${word}`;
      }
      const lead = column === 0 ? '' : ' ';
      column += lead.length + word.length;
      return lead + word;
    });
  return `${words.join('').replaceAll('\u00a0', ' ')}\n`;
}
