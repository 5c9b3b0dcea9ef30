import type { TextDocument } from 'vscode';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { AnalystClient, SubjectSource } from '../../extension/client/analystClient.ts';
import type { Lens } from '../../extension/host/lens.ts';
import { Limits } from '../../extension/host/limits.ts';
import type { Log } from '../../extension/host/log.ts';
import { Sessions } from '../../extension/host/sessions.ts';
import { Subjects } from '../../extension/host/subjects.ts';
import type { DroppedLayer } from '../../extension/protocol/analyst.ts';
import { routedTextOf } from './routedTextOf.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

const lens = {
  tint: 'dropped',
  limit: { factor: 1, policy: 'position' },
  onDidChange: () => ({ dispose: () => undefined }),
};
const error = vi.fn();
/** Questions that the analyst has not answered yet. */
let asked: { readonly id: string; readonly answer: (layers: DroppedLayer[]) => void; readonly fail: () => void }[];
const analyst = {
  ask: ({ id }: SubjectSource) =>
    new Promise((answer, reject) =>
      asked.push({
        id,
        answer,
        fail: () => {
          reject(new Error('a bug'));
        },
      }),
    ),
};

let sessions: Sessions;
let limits: Limits;
beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  sessions = new Sessions();
  const parts: unknown[] = [analyst, lens, sessions, new Subjects(sessions), { error }];
  limits = new Limits(...(parts as [AnalystClient, Lens, Sessions, Subjects, Log]));
  for (const name of ['a', 'b']) {
    const session = sessions.open(documentOf(name));
    session.routed = routedTextOf({ text: 'x', tokens: [[0, 1]], layers: [] });
  }
});
afterEach(() => {
  limits.dispose();
  sessions.dispose();
  vi.useRealTimers();
});

function documentOf(name: string): TextDocument {
  const document: unknown = { uri: { path: `/${name}`, toString: () => name } };
  return document as TextDocument;
}

/** Shows one text, and another while the first is being counted. */
async function switchWhileCounting(): Promise<void> {
  sessions.open(documentOf('a'));
  await vi.advanceTimersByTimeAsync(1000);
  sessions.open(documentOf('b'));
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked.map(({ id }) => id)).toEqual(['text:a']);
}

test('a text that is switched to while another is counted is counted next', async () => {
  await switchWhileCounting();
  asked[0]!.answer([]);
  await vi.advanceTimersByTimeAsync(0);
  expect(asked.map(({ id }) => id)).toEqual(['text:a', 'text:b']);
  asked[1]!.answer([]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(limits.of(sessions.current!.routed)).toEqual([]);
  expect(asked).toHaveLength(2);
});

test('it is counted though the other one could not be, which is not asked again and again', async () => {
  await switchWhileCounting();
  asked[0]!.fail();
  await vi.advanceTimersByTimeAsync(0);
  expect(error).toHaveBeenCalledTimes(1);
  expect(asked.map(({ id }) => id)).toEqual(['text:a', 'text:b']);
  asked[1]!.fail();
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked).toHaveLength(2);
});

test('of an edited text nothing is counted before all of it is routed again, and what was counted before stands in', async () => {
  const session = sessions.open(documentOf('a'));
  const before = session.routed!;
  await vi.advanceTimersByTimeAsync(1000);
  const [layer]: unknown[] = [{ dropped: Float32Array.of(1) }];
  asked[0]!.answer([layer as DroppedLayer]);
  await vi.advanceTimersByTimeAsync(1000);
  const tokens = [
    [0, 1],
    [1, 2],
  ] as const;
  const edited = routedTextOf({ text: 'yx', tokens, layers: [], routed: 1 });
  session.show(edited, true);
  sessions.publish(session, 'routing');
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked).toHaveLength(1);
  expect([limits.of(edited), limits.of(before)]).toEqual([undefined, [layer]]);

  edited.grow({ ...edited.trace, routed: 2 });
  sessions.publish(session, 'growth');
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked).toHaveLength(2);
});
