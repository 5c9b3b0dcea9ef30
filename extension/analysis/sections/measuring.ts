/** What sections have in common whose figures the model is run for. */
import * as l10n from '@vscode/l10n';
import type { Figure, Place, Table } from '../../protocol/report.ts';
import type { RoutingTrace } from '../../protocol/trace.ts';
import { NO_LOSS, suffering } from '../lossChange.ts';
import { visibleText } from '../tokenText.ts';
import { CLEAR, OUTLINE } from './changeControls.ts';
import { known } from './parts.ts';
import type { Subject } from './subject.ts';

/** Why the model cannot be run on this subject once more; undefined where it can. */
export function cannotRun({ trace, text, model, source, detached }: Subject): string | undefined {
  if (source === 'recorded')
    return l10n.t`Somebody else ran the model: to run it once more, analyze a text with a checkpoint of it here.`;
  if (!trace || text === undefined)
    return l10n.t`The model is run once more on one text at a time: open one of the files, and analyze it.`;
  if (model.folder === '')
    return l10n.t`A server ran the model, and it only routes: what needs the model itself takes one that this machine runs.`;
  return detached
    ? l10n.t`The model is run once more on the text of an editor: open this text, and analyze it.`
    : undefined;
}

/** Why the model cannot be run with a change for this subject; undefined where it can. */
export function cannotMeasure(subject: Subject): string | undefined {
  const { trace } = subject;
  const cannot = cannotRun(subject);
  if (cannot !== undefined || !trace) return cannot;
  if (trace.routed < trace.tokens.ids.length) return l10n.t`The whole text has to be routed first.`;
  return isAlone(trace) ? NO_LOSS : undefined;
}

/** Whether every token is alone in its window, and none has a probability. */
function isAlone({ tokens: { ids, logProb }, windows }: RoutingTrace): boolean {
  return ids.length === windows.length && logProb.every(Number.isNaN);
}

/** Tokens listed that lose most. */
const LISTED = 20;

/** The tokens that lose most, with their places. */
function sufferingTable({ trace, text }: Subject, byToken: Float32Array): Table {
  const tokens = trace?.tokens;
  const listed = tokens ? suffering(byToken, LISTED) : [];
  return {
    columns: [
      { label: l10n.t`token`, unit: 'count' },
      { label: l10n.t`text`, unit: 'text' },
      { label: l10n.t`loss, nats`, unit: 'nats' },
      { label: l10n.t`log p as it is, nats`, unit: 'nats' },
    ],
    rows: listed.map((t) => [
      t,
      visibleText((text ?? '').slice(tokens!.start[t], tokens!.end[t])),
      known(byToken[t]),
      known(tokens!.logProb[t]),
    ]),
    places: listed.map((t): Place => ({ start: tokens!.start[t]!, end: tokens!.end[t]! })),
  };
}

/** The same as a figure of its own. */
export function sufferingFigure(subject: Subject, id: string, what: string, byToken: Float32Array): Figure {
  const table = sufferingTable(subject, byToken);
  const worst = table.rows[0];
  return {
    id,
    title: l10n.t`Tokens that lose most: ${what}`,
    basis: 'measured',
    help: {
      meaning: l10n.t`How much less probable the model finds a token than without the change, given the same tokens before it. In the editor, a solid outline marks tokens that lose half a nat or more, a dotted one those that gain as much.`,
      formula: l10n.t`ln p(token | before) as it is − ln p(token | before) with the change`,
      judge: l10n.t`0.69 nats are half of the probability, 2.3 nats a tenth of it.`,
    },
    text: worst
      ? l10n.t`“${String(worst[1])}” loses most, ${Number(worst[2]).toFixed(2)} nats.`
      : l10n.t`No token loses anything.`,
    table,
    actions: [
      { kind: 'action', id: OUTLINE, label: l10n.t`Outline in the Editor` },
      { kind: 'action', id: CLEAR, label: l10n.t`Clear Outlines` },
    ],
  };
}
