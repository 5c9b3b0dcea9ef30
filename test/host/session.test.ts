/** What is known of a document while its runs come and go. */
import type { TextDocument } from 'vscode';
import { expect, test, vi } from 'vitest';
import type { Agreement } from '../../extension/analysis/agreement.ts';
import { EditTracker } from '../../extension/host/editTracker.ts';
import { RoutedText } from '../../extension/host/routedText.ts';
import { Session, type Run } from '../../extension/host/session.ts';
import { traceOf } from './routedTextOf.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

const TEXT = 'one two';
const slots = [[[0, 1]], [[1, 1]]] as const;
const document: unknown = {};

function run(): Run {
  return {
    ...{ label: '', fraction: undefined, model: 'tiny', request: '{}', abort: new AbortController(), live: true },
    ...{ edits: new EditTracker(TEXT, 0, true), quiet: true, lasting: false, shown: false },
  };
}

/** Two tokens, of which so many have routing. */
function routedBy({ edits }: Pick<Run, 'edits'>, routed: number): RoutedText {
  const layers = [{ layer: 0, experts: 2, k: 1, slots, entropy: [0, 0], margin: [1, 1] }];
  const tokens = [
    [0, 3],
    [3, 7],
  ] as const;
  return new RoutedText(1, TEXT, edits, traceOf({ text: TEXT, tokens, layers, routed }));
}

test('an edit while a run shows what it has come to is counted once', () => {
  const session = new Session(document as TextDocument);
  session.run = run();
  session.show(routedBy(session.run, 1), false);
  for (const edits of session.trackers) {
    edits.apply([{ offset: 0, removed: 0, inserted: 1 }], (from, to) => `x${TEXT}`.slice(from, to));
  }
  expect(session.routed?.placeOf(1)).toEqual({ start: 4, end: 8 });
});

test('an earlier text stands in for what a run has not come to, and for nothing once it has come to all', () => {
  const session = new Session(document as TextDocument);
  const before = routedBy(run(), 2);
  session.show(before, false);
  session.show(routedBy(run(), 1), true);
  expect(session.behind).toBe(before);
  session.show(routedBy(run(), 2), true);
  expect(session.behind).toBeUndefined();
});

test('of flips and losses, what was asked for last stands out alone', () => {
  const session = new Session(document as TextDocument);
  session.show(routedBy(run(), 2), false);
  const flips = { flips: [1] } as unknown as Agreement;
  const loss = { change: 'k 1', byToken: new Float32Array([0, 1]) };
  session.compared = flips;
  session.measured = loss;
  expect([session.flips, session.loss]).toEqual([undefined, loss]);
  session.compared = flips;
  expect([session.flips, session.loss]).toEqual([flips, undefined]);
  // Measurements that are forgotten take no comparison along.
  session.measured = undefined;
  expect(session.flips).toBe(flips);
});
