import { Ablations, ablations, OTHERS_RISE, type Ablated } from '../analysis/ablation.ts';
import { layerLabel } from '../analysis/labels.ts';
import { textLoss } from '../analysis/lossChange.ts';
import { signed } from '../analysis/numbers.ts';
import { measuredTrace } from '../client/measuredTrace.ts';
import type { Began } from '../protocol/engine.ts';
import { isUserError } from '../protocol/errors.ts';
import type { Measured } from '../protocol/intervention.ts';
import type { RoutingTrace } from '../protocol/trace.ts';
import { writtenNow } from '../protocol/writtenNow.ts';
import { findLayer, type AblateOptions } from './measuring.ts';
import { writeOut } from './output.ts';
import { inEngine, INTERRUPTED, readOneText } from './route.ts';
import { percent, summary, table, visible } from './table.ts';
import { refuseWithoutLoss } from './whatif.ts';

interface Found {
  readonly plain: RoutingTrace;
  readonly ablated: Ablated;
}

/** Takes each expert away in turn, and ranks them by what it costs. Returns the exit code; throws UserError and UsageError. */
export async function ablate(options: AblateOptions): Promise<number> {
  const text = await readOneText(options.files);
  const found = await inEngine(options, async ({ client, model, signal, progress }): Promise<Found> => {
    const { moeLayers } = await client.open(model, progress, signal);
    const named = options.layers?.map((label) => findLayer({ moeLayers }, label));
    const layers = named ? new Set(named) : moeLayers.keys();
    const interventions = ablations(moeLayers, layers);
    let plain: RoutingTrace | undefined;
    let began: Began | undefined;
    await client.measure(
      model,
      { text, interventions: [{}], logProb: true, routing: true },
      {
        progress,
        began: (b) => (began = b),
        measured: (m) => (plain = measuredTrace(began!, m)),
      },
      signal,
    );
    refuseWithoutLoss(textLoss(plain!.tokens.logProb));
    const found = new Ablations(plain!, interventions.length);
    const measured = ({ index, logProb }: Measured): void => {
      found.add(interventions[index]!.masked![0]!, logProb);
    };
    try {
      const what = { text, interventions, logProb: true, routing: false };
      await client.measure(model, what, { progress, began: () => undefined, measured }, signal);
    } catch (error) {
      // What is there of a stopped run is shown, and said to be a part.
      if (!isUserError(error, 'cancelled') || found.result.experts.length === 0) throw error;
    }
    return { plain: plain!, ablated: found.result };
  });
  if (options.json !== undefined) await writeOut(options.json, [ablateJson(found)]);
  if (options.json !== '-') process.stdout.write(render(found, options.top, text));
  return found.ablated.experts.length < found.ablated.wanted ? INTERRUPTED : 0;
}

function render({ plain, ablated: { experts, wanted, loss } }: Found, top: number, text: string): string {
  const { tokens, origin } = plain;
  const { moeLayers } = origin.model;
  const rows = experts
    .slice(0, top)
    .map(({ layer, expert, cost, share, worst }) => [
      `${layerLabel(moeLayers[layer]!)} E${expert}`,
      signed(cost, 3),
      signed(cost / loss.tokens, 5),
      percent(share),
      `"${visible(text.slice(tokens.start[worst.token], tokens.end[worst.token]), 20)}"`,
      signed(-worst.loss, 3),
    ]);
  const part = experts.length < wanted ? `Stopped early: ${experts.length} of ${wanted} experts were tried.\n` : '';
  const header = [
    'without',
    'costs, nats',
    'nats a token',
    'load share',
    'token that loses most',
    'change of log p, nats',
  ];
  return [
    summary(plain),
    `${part}What the text loses without each expert, measured: tokens that chose it go to the next best. ` +
      `${OTHERS_RISE} As it is, ${loss.perToken.toFixed(4)} nats a token.\n${table(header, rows, [4])}`,
  ].join('\n');
}

/** `moescope-ablation` version 1, as the README documents it. */
function ablateJson({ plain, ablated: { experts, wanted, loss } }: Found): string {
  const { origin, tokens } = plain;
  const { name, architecture, precision, moeLayers } = origin.model;
  return `${JSON.stringify({
    format: 'moescope-ablation',
    version: 1,
    ...writtenNow(__dirname),
    model: { name, architecture },
    precision,
    tokens: tokens.ids.length,
    before: loss,
    wanted,
    experts: experts.map(({ layer, expert, cost, share, worst }) => {
      const { layer: index, stack } = moeLayers[layer]!;
      return { layer: index, ...(stack ? { stack } : {}), expert, cost, share, worst };
    }),
  })}\n`;
}
