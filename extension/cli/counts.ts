/** Recordings without tokens: the load that they tell, and what they cannot. */
import { balance, meanBalance } from '../analysis/balance.ts';
import { coldShare } from '../analysis/load.ts';
import type { RecordedCounts } from '../protocol/recording.ts';
import { writeOut } from './output.ts';
import { balanceTable } from './report.ts';
import { countsJson } from './reportJson.ts';
import { visible } from './table.ts';
import { UsageError } from './usage.ts';

export interface CountsOptions {
  readonly json: string | undefined;
  /** Which of the counts that a recording may hold. */
  readonly part: string | undefined;
}

/** Shows the load of recorded counts. Returns the exit code; throws UsageError. */
export async function showCounts(all: readonly RecordedCounts[], { json, part }: CountsOptions): Promise<number> {
  const names = all.map(({ name }) => name).join('", "');
  const chosen = part === undefined ? all : all.filter(({ name }) => name === part);
  if (chosen.length === 0) throw new UsageError(`The recording holds "${names}", not "${part ?? ''}".`);
  if (json !== undefined) {
    const [only, ...more] = chosen;
    if (more.length > 0) throw new UsageError(`The recording holds "${names}": --part says which to write.`);
    await writeOut(json, [countsJson(only!)]);
  }
  if (json !== '-') process.stdout.write(chosen.map(render).join('\n') + WITHOUT_TOKENS);
  return 0;
}

const WITHOUT_TOKENS =
  '\nThe recording counts slots and holds no tokens: what tokens did, limits of capacity and losses need a trace.\n';

function render({ name, model, loads, steps }: RecordedCounts): string {
  const slots = loads.reduce((sum, { counts }) => sum + counts.reduce((all, c) => all + c, 0), 0);
  const lines = [
    `${visible(name === '' ? model.name : name)}: ${loads.length} layers with experts, ${slots} slots`,
    `${visible(model.precision)}, recorded by ${visible(model.provider)}`,
    ...(steps ? [`${steps.length} steps`] : []),
    ...(model.note === undefined ? [] : [visible(model.note, Infinity)]),
  ];
  const judged = loads.map(({ shape, counts }) => ({
    layer: shape,
    balance: balance(counts, coldShare(shape.experts)),
  }));
  return `${lines.join('\n')}\n\n${balanceTable(judged, meanBalance(judged.map((l) => l.balance)))}`;
}
