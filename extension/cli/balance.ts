import { cutInHalf, judgeBiases, type Balanced } from '../analysis/balanced.ts';
import { layerLabel } from '../analysis/labels.ts';
import { signed } from '../analysis/numbers.ts';
import { measuredTrace } from '../client/measuredTrace.ts';
import { biasFile } from '../formats/biasFile.ts';
import type { Began } from '../protocol/engine.ts';
import { messageOf } from '../protocol/errors.ts';
import type { Measured } from '../protocol/intervention.ts';
import type { RoutingTrace } from '../protocol/trace.ts';
import { writtenNow } from '../protocol/writtenNow.ts';
import type { BalanceOptions } from './measuring.ts';
import { writeOrRemove, writeOut } from './output.ts';
import { inEngine, readOneText } from './route.ts';
import { count, summary, table } from './table.ts';
import { UsageError } from './usage.ts';

interface Found {
  readonly plain: RoutingTrace;
  readonly balanced: Balanced;
}

/** Fits biases on half of a text and tries them on the rest. Returns the exit code; throws UserError and UsageError. */
export async function balance(options: BalanceOptions): Promise<number> {
  const text = await readOneText(options.files);
  const cut = cutInHalf(text);
  const { plain, balanced } = await inEngine(options, async ({ client, model, signal, progress }): Promise<Found> => {
    const biases = await client.balance(
      model,
      { text: text.slice(0, cut), target: options.target },
      { progress },
      signal,
    );
    let began: Began | undefined;
    const measured: Measured[] = [];
    await client.measure(
      model,
      {
        text,
        interventions: [{}, { bias: biases.map(({ layer, values }) => ({ layer, values })) }],
        logProb: true,
        routing: true,
      },
      { progress, began: (b) => (began = b), measured: (m) => (measured[m.index] = m) },
      signal,
    );
    const [before, after] = measured.map((m) => measuredTrace(began!, m));
    return { plain: before!, balanced: judgeBiases(biases, cut, before!, after!) };
  });
  if (options.out !== undefined) {
    const bytes = biasFile(
      balanced.layers.map(({ shape, bias }) => ({ shape, values: bias })),
      plain.origin.model,
    );
    await writeOrRemove(options.out, [bytes]).catch((error: unknown) => {
      throw new UsageError(`${options.out!} cannot be written: ${messageOf(error)}.`, { cause: error });
    });
  }
  if (options.json !== undefined) await writeOut(options.json, [balanceJson(plain, balanced)]);
  if (options.json !== '-') process.stdout.write(render(plain, balanced));
  return 0;
}

function render(plain: RoutingTrace, { from, layers, loss }: Balanced): string {
  const rows = layers.map(({ shape, bias, fitted, held }) => [
    layerLabel(shape),
    fitted.before.toFixed(2),
    fitted.after.toFixed(2),
    held.before.maxVio.toFixed(2),
    held.after.maxVio.toFixed(2),
    held.before.gini.toFixed(3),
    held.after.gini.toFixed(3),
    Math.max(...bias.map(Math.abs)).toPrecision(2),
    String(fitted.updates),
  ]);
  const header = [
    'layer',
    'fitted: MaxVio',
    'then',
    'the rest: MaxVio',
    'then',
    'Gini',
    'then',
    'largest bias',
    'updates',
  ];
  const { before, after } = loss;
  return [
    summary(plain),
    `Biases fitted on the first ${count(from, 'token')}, and measured on the ${count(before.tokens, 'token')} after them\n` +
      table(header, rows),
    `Loss of the rest, measured: ${before.perToken.toFixed(4)} nats a token, and ${after.perToken.toFixed(4)} with the biases ` +
      `(${signed(after.perToken - before.perToken, 4)}); perplexity ${before.perplexity.toFixed(3)} and ${after.perplexity.toFixed(3)}.\n`,
  ].join('\n');
}

/** `moescope-balance` version 1, as the README documents it. */
function balanceJson({ origin }: RoutingTrace, { from, layers, loss }: Balanced): string {
  const { name, architecture, precision } = origin.model;
  return `${JSON.stringify({
    format: 'moescope-balance',
    version: 1,
    ...writtenNow(__dirname),
    model: { name, architecture },
    precision,
    fittedTokens: from,
    loss,
    layers: layers.map(({ shape: { layer, stack, experts, k }, bias, fitted, held }) => ({
      layer,
      ...(stack ? { stack } : {}),
      experts,
      k,
      bias: Array.from(bias),
      fitted,
      held,
    })),
  })}\n`;
}
