import { interventionText, liftedText } from '../analysis/interventionText.ts';
import { layerLabel } from '../analysis/labels.ts';
import { NO_LOSS, suffering, type TextLoss } from '../analysis/lossChange.ts';
import { fixed, signed } from '../analysis/numbers.ts';
import { allLimited, outcomeOf, type LayerOutcome, type LimitedSlots, type Outcome } from '../analysis/outcome.ts';
import { measuredTrace } from '../client/measuredTrace.ts';
import type { Began } from '../protocol/engine.ts';
import { UserError } from '../protocol/errors.ts';
import type { Intervention, Measured } from '../protocol/intervention.ts';
import { writtenNow } from '../protocol/writtenNow.ts';
import { findLayer, type NamedExpert, type WhatifOptions } from './measuring.ts';
import { writeOut } from './output.ts';
import { inEngine, readOneText } from './route.ts';
import { percent, summary, table, visible } from './table.ts';

/** Tokens listed that lose most. */
const LISTED_TOKENS = 10;

/** Runs a text with changes in the model, and shows what they cost. Returns the exit code; throws UserError and UsageError. */
export async function whatif(options: WhatifOptions): Promise<number> {
  const text = await readOneText(options.files);
  const { began, outcomes } = await inEngine(options, async ({ client, model, signal, progress }) => {
    const info = await client.open(model, progress, signal);
    const interventions = interventionsOf(options, (label) => findLayer(info, label));
    let tokens: Began | undefined;
    const measured: Measured[] = [];
    const sink = {
      progress,
      began: (b: Began) => (tokens = b),
      measured: (m: Measured) => (measured[m.index] = m),
    };
    await client.measure(
      model,
      { text, interventions: [{}, ...interventions], logProb: true, routing: true },
      sink,
      signal,
    );
    const [plain, ...changed] = measured.map((m) => measuredTrace(tokens!, m));
    return {
      began: tokens!,
      outcomes: changed.map((trace, i) => outcomeOf(plain!, trace, interventions[i]!, measured[i + 1]!.slots)),
    };
  });
  refuseWithoutLoss(outcomes[0]!.loss.before);
  if (options.json !== undefined) await writeOut(options.json, [whatifJson(began, outcomes)]);
  if (options.json !== '-') process.stdout.write(render(began, outcomes, text));
  return 0;
}

/** One, or one for each capacity factor. */
function interventionsOf(
  { dropped, silenced, factors, policy, k, temperature, withoutShared, layers }: WhatifOptions,
  find: (label: string) => number,
): Intervention[] {
  const experts = (named: readonly NamedExpert[]): NonNullable<Intervention['masked']> =>
    named.map(({ layer, expert }) => ({ layer: find(layer), expert }));
  const intervention: Intervention = {
    ...(dropped.length > 0 ? { masked: experts(dropped) } : {}),
    ...(silenced.length > 0 ? { silenced: experts(silenced) } : {}),
    ...(k === undefined ? {} : { k }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(withoutShared ? { withoutShared } : {}),
    ...(layers ? { layers: layers.map(find) } : {}),
  };
  if (factors.length === 0) return [intervention];
  return factors.map((factor) => ({ ...intervention, capacity: { factor, policy } }));
}

function render(began: Began, outcomes: readonly Outcome[], text: string): string {
  const { model, ids, windows } = began;
  const plain = { ids, start: began.start, end: began.end, logProb: new Float32Array(ids.length) };
  const origin = { model, source: 'measured' as const };
  const head = summary({ tokens: plain, layers: [], windows, routed: ids.length, origin });
  const last = outcomes.at(-1)!;
  return [head, lossTable(began, outcomes), layerTable(began, last), tokenTable(began, last, text)].join('\n');
}

function lossTable({ model }: Began, outcomes: readonly Outcome[]): string {
  const before = outcomes[0]!.loss.before;
  const limited = allLimited(outcomes[0]!);
  const slots = slotHeader(limited);
  const rows = outcomes.map((outcome) => {
    const { after } = outcome.loss;
    return [
      interventionText(outcome.intervention, model.moeLayers),
      after.perToken.toFixed(4),
      signed(after.perToken - before.perToken, 4),
      after.perplexity.toFixed(3),
      signed(after.nats - before.nats, 2),
      ...slotCells(allLimited(outcome), slots),
    ];
  });
  const asItIs = ['as it is', before.perToken.toFixed(4), '', before.perplexity.toFixed(3), ''];
  const header = ['measured', 'nats a token', 'change', 'perplexity', 'all tokens, nats'];
  const lifted = limited?.lifted === undefined ? '' : `${liftedText(limited.lifted)}\n`;
  return (
    `Loss of the text, −log p of its tokens given those before\n` +
    table([...header, ...slots], [[...asItIs, ...slots.map(() => '')], ...rows], [0]) +
    lifted
  );
}

function slotHeader(limited: LayerOutcome['limited']): string[] {
  if (!limited) return [];
  return limited.counted
    ? ['dropped, measured', 'counted', 'moved, measured', 'counted']
    : ['dropped, measured', 'moved, measured'];
}

function slotCells(limited: LayerOutcome['limited'], header: readonly string[]): string[] {
  if (!limited) return header.map(() => '');
  const { measured, counted } = limited;
  const cells = counted
    ? [measured.dropped, counted.dropped, measured.moved, counted.moved]
    : [measured.dropped, measured.moved];
  return cells.map(String);
}

function layerTable({ model }: Began, outcome: Outcome): string {
  const { layers, intervention } = outcome;
  const all = allLimited(outcome);
  const slots = slotHeader(all);
  const rows = layers.map((layer) => [
    layerLabel(layer.shape),
    fixed(layer.maxVio.before, 2),
    fixed(layer.maxVio.after, 2),
    percent(layer.stayed),
    ...slotCells(layer.limited, slots),
  ]);
  const header = ['layer', 'MaxVio', 'then', 'choices that stay', ...slots];
  const counted = all?.counted
    ? '\nCounted: on the routing of the text as it is. Measured: of the run in which what is dropped is missing, layer after layer.'
    : '';
  return `By layer: ${interventionText(intervention, model.moeLayers)}${counted}\n${table(header, rows)}`;
}

function tokenTable({ start, end }: Began, { byToken }: Outcome, text: string): string {
  const tokens = suffering(byToken, LISTED_TOKENS);
  if (tokens.length === 0) return 'No token loses anything.\n';
  const rows = tokens.map((t) => [String(t), `"${visible(text.slice(start[t], end[t]))}"`, signed(-byToken[t]!, 3)]);
  return `Tokens that lose most\n${table(['token', 'text', 'change of log p, nats'], rows, [1])}`;
}

/** Throws UserError when no token has a probability. */
export function refuseWithoutLoss({ tokens }: TextLoss): void {
  if (tokens === 0) throw new UserError('text-empty', NO_LOSS);
}

/** `moescope-whatif` version 1, as the README documents it. JSON has no NaN: it is null. */
function whatifJson({ model, ids, start, end }: Began, outcomes: readonly Outcome[]): string {
  const slots = (of: LimitedSlots): object => ({ dropped: of.dropped, moved: of.moved });
  return `${JSON.stringify({
    format: 'moescope-whatif',
    version: 1,
    ...writtenNow(__dirname),
    model: { name: model.name, architecture: model.architecture },
    precision: model.precision,
    tokens: ids.length,
    start: Array.from(start),
    end: Array.from(end),
    before: outcomes[0]!.loss.before,
    outcomes: outcomes.map(({ intervention, loss, byToken, layers }) => ({
      intervention,
      after: loss.after,
      loss: Array.from(byToken),
      layers: layers.map(({ shape, k, counts, maxVio, stayed, limited }) => ({
        layer: shape.layer,
        ...(shape.stack ? { stack: shape.stack } : {}),
        experts: shape.experts,
        k: { before: shape.k, after: k },
        counts: Array.from(counts),
        maxVio,
        stayed,
        ...(limited
          ? {
              measured: slots(limited.measured),
              ...(limited.counted ? { counted: slots(limited.counted) } : {}),
              ...(limited.lifted === undefined ? {} : { lifted: limited.lifted }),
            }
          : {}),
      })),
    })),
  })}\n`;
}
