/** What is measured of a text's model, and kept. */
import type { TextDocument } from 'vscode';
import { afterAll, expect, test, vi } from 'vitest';
import { subjectOf } from '../../extension/analysis/sections/subject.ts';
import { profileText, type ProfilerParts } from '../../extension/host/profiler.ts';
import { Session } from '../../extension/host/session.ts';
import { Sessions } from '../../extension/host/sessions.ts';
import { cancelled } from '../../extension/protocol/errors.ts';
import type { RoutingTrace } from '../../extension/protocol/trace.ts';
import { routedTextOf } from './routedTextOf.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

const sessions = new Sessions();
afterAll(() => {
  sessions.dispose();
});

function routed(folder = '/models/tiny') {
  const layer = { layer: 0, experts: 2, k: 1, slots: [[[0, 1]]], entropy: [0], margin: [1] } as const;
  const text = routedTextOf({ text: 'one', tokens: [[0, 3]], layers: [layer] });
  const { origin, ...trace } = text.trace;
  const elsewhere: RoutingTrace = { ...trace, origin: { ...origin, model: { ...origin.model, folder } } };
  text.grow(elsewhere);
  return text;
}

/** Profiles a text, and has something happen meanwhile; what was kept. */
async function kept(session: Session, meanwhile: () => void = () => undefined): Promise<unknown[]> {
  const found: unknown[] = [];
  const profile = (_model: unknown, _what: unknown, _sink: unknown, signal: AbortSignal) => {
    meanwhile();
    return signal.aborted ? Promise.reject(cancelled()) : Promise.resolve({});
  };
  const addEvidence = (_: string, evidence: unknown) => found.push(evidence);
  const models = { request: () => ({}) };
  const parts: unknown = { client: { profile }, models, sessions, subjects: { addEvidence } };
  const subject = { id: 'text', version: 1, make: () => subjectOf('a', session.routed!.trace, 'one') };
  await profileText(parts as ProfilerParts, { session, subject, set: {} });
  return found;
}

function sessionOf(text = routed()): Session {
  const document: unknown = { uri: { path: '/a.txt', toString: () => 'file:///a.txt' } };
  const session = new Session(document as TextDocument);
  session.show(text, false);
  return session;
}

test('is kept as long as the same model routes the text', async () => {
  expect(await kept(sessionOf())).toEqual([{ profile: {} }]);
  const session = sessionOf();
  const again = (folder?: string) => () => {
    session.show(routed(folder), false);
    sessions.publish(session, 'routing');
  };
  expect(await kept(session, again())).toEqual([{ profile: {} }]);
  // It is ended, which nobody is told.
  expect(await kept(session, again('/models/other'))).toEqual([]);
});

test('of a text that a server routed it says that the model ran there', async () => {
  await expect(kept(sessionOf(routed('')))).rejects.toMatchObject({
    message: expect.stringContaining('A server ran the model') as string,
  });
});
