/** Recordings without tokens: the load that they tell, and what they cannot. */
import { balance, meanBalance, type Balance, type MeanBalance } from '../analysis/balance.ts';
import { reportJson } from '../analysis/export/json.ts';
import { reportOf } from '../analysis/export/report.ts';
import { layerLabel } from '../analysis/labels.ts';
import { coldShare } from '../analysis/load.ts';
import { fixed } from '../analysis/numbers.ts';
import { subjectOfCounts } from '../analysis/sections/subject.ts';
import type { RecordedCounts } from '../protocol/recording.ts';
import type { LayerShape } from '../protocol/trace.ts';
import { writtenNow } from '../protocol/writtenNow.ts';
import { writeOut } from './output.ts';
import { percent, table, visible } from './table.ts';
import { UsageError } from './usage.ts';

export interface CountsOptions {
  readonly json: string | undefined;
  /** Which of the counts that a recording may hold. */
  readonly part: string | undefined;
}

/** Those that are asked for. Throws UsageError naming those that there are. */
export function chosenCounts(all: readonly RecordedCounts[], part: string | undefined): readonly RecordedCounts[] {
  const chosen = part === undefined ? all : all.filter(({ name }) => name === part);
  const names = all.map(({ name }) => name).join('", "');
  if (chosen.length === 0) throw new UsageError(`The recording holds "${names}", not "${part ?? ''}".`);
  return chosen;
}

/** Throws UsageError when a part is asked for of what holds tokens. */
export function withoutPart(part: string | undefined): void {
  if (part !== undefined) throw new UsageError('The recording holds tokens, not parts to choose from with --part.');
}

/** Shows the load of recorded counts. Returns the exit code; throws UsageError. */
export async function showCounts(all: readonly RecordedCounts[], { json, part }: CountsOptions): Promise<number> {
  const chosen = chosenCounts(all, part);
  if (json !== undefined) {
    const reports = chosen.map((counts) => ({
      ...reportOf(subjectOfCounts(nameOf(counts), counts)),
      by: writtenNow(__dirname),
    }));
    await writeOut(json, reports.map(reportJson));
  }
  if (json !== '-') process.stdout.write(chosen.map(render).join('\n') + WITHOUT_TOKENS);
  return 0;
}

const WITHOUT_TOKENS =
  '\nThe recording counts slots and holds no tokens: what tokens did, limits of capacity and losses need a trace.\n';

function nameOf({ name, model }: RecordedCounts): string {
  return name === '' ? model.name : name;
}

/** What was counted, by what. */
export function aboutCounts(counts: RecordedCounts): string {
  const { model, loads, steps } = counts;
  const slots = loads.reduce((sum, { counts }) => sum + counts.reduce((all, c) => all + c, 0), 0);
  const lines = [
    `${visible(nameOf(counts))}: ${loads.length} layers with experts, ${Number(slots.toFixed(2))} slots`,
    `${visible(model.precision)}, recorded by ${visible(model.provider)}`,
    ...(steps ? [`${steps[0]!.length / loads[0]!.shape.experts} steps`] : []),
    ...(model.note === undefined ? [] : [visible(model.note, Infinity)]),
  ];
  return `${lines.join('\n')}\n`;
}

function render(counts: RecordedCounts): string {
  const judged = counts.loads.map(({ shape, counts }) => ({
    layer: shape,
    balance: balance(counts, coldShare(shape.experts)),
  }));
  return `${aboutCounts(counts)}\n${balanceTable(judged, meanBalance(judged.map((l) => l.balance)))}`;
}

/** The measures of each layer's load, their means, and what they are when the load is even. */
function balanceTable(
  load: readonly { readonly layer: LayerShape; readonly balance: Balance }[],
  mean: MeanBalance,
): string {
  const rows = load.map(({ layer, balance: b }) => [
    layerLabel(layer),
    `E${b.hottest}`,
    percent(b.shares[b.hottest]!),
    fixed(b.utilisation[b.hottest]!, 2),
    fixed(b.maxVio, 2),
    fixed(b.cv, 3),
    fixed(b.gini, 3),
    fixed(b.jain, 3),
    `${fixed(b.effectiveExperts, 1)} of ${layer.experts}`,
    percent(b.coldFraction),
    String(b.dead.length),
  ]);
  const means = [
    fixed(mean.maxVio, 2),
    fixed(mean.cv, 3),
    fixed(mean.gini, 3),
    fixed(mean.jain, 3),
    percent(mean.effectiveShare),
    percent(mean.coldFraction),
  ];
  const even = ['even', '', '', '1.00', '0.00', '0.000', '0.000', '1.000', 'all', percent(0), '0'];
  const header = ['layer', 'hottest', 'share', 'of even', 'MaxVio', 'CV', 'Gini', 'Jain', 'effective', 'cold', 'dead'];
  const lines = [...rows, ['mean', '', '', '', ...means, `Σ ${mean.dead}`], even];
  return (
    'Balance of the load. Cold: a load share under 5 %, or under 0.8 of the even share where that is less.\n' +
    table(header, lines)
  );
}
