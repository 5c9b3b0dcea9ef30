/** What reports ask of the model, on the real engine. */
import { join } from 'node:path';
import type { TextDocument } from 'vscode';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { makeSection } from '../../extension/analysis/sections/all.ts';
import type { Evidence } from '../../extension/analysis/sections/subject.ts';
import { EditTracker } from '../../extension/host/editTracker.ts';
import { Intervener } from '../../extension/host/intervener.ts';
import type { Models } from '../../extension/host/models.ts';
import { ReportActions } from '../../extension/host/reportActions.ts';
import { RoutedText } from '../../extension/host/routedText.ts';
import type { Session } from '../../extension/host/session.ts';
import { Sessions } from '../../extension/host/sessions.ts';
import { Subjects } from '../../extension/host/subjects.ts';
import type { ModelRequest } from '../../extension/protocol/engine.ts';
import type { Parameters } from '../../extension/protocol/report.ts';
import { TestEngine } from '../support/analyze.ts';
import { FIXTURES, ROOT } from '../support/reference.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

const BALANCED = join(ROOT, 'media/demo-models/balanced');

let engine: TestEngine;
beforeAll(() => {
  engine = new TestEngine();
});
afterAll(() => {
  engine.dispose();
});

let sessions: Sessions;
let subjects: Subjects;
let actions: ReportActions;
let intervener: Intervener;
let precision: ModelRequest['precision'];
beforeEach(() => {
  precision = 'auto';
  sessions = new Sessions();
  subjects = new Subjects(sessions);
  actions = new ReportActions();
  const models: unknown = { request: (folder: string) => engine.model(folder, { precision }) };
  intervener = new Intervener(engine.client, models as Models, sessions, subjects, actions);
});
afterEach(() => {
  intervener.dispose();
  subjects.dispose();
  sessions.dispose();
});

async function route(text: string, model = BALANCED): Promise<Session> {
  const document: unknown = { uri: { path: '/a.txt', toString: () => 'file:///a.txt' } };
  const session = sessions.open(document as TextDocument);
  const trace = await engine.analyze(model, text);
  session.show(new RoutedText(1, text, new EditTracker(text, 0, true), trace), false);
  return session;
}

/** Has an action of the report carried out; what is known of the text then. */
async function act(session: Session, section: string, action: string, set: Parameters): Promise<Evidence> {
  const subject = subjects.ofSession(session)!;
  await actions.run(section, action, { session, subject, set });
  return subjects.evidence(subject.id);
}

describe('a text of which no token stands after another', () => {
  test.each([
    ['what-if', 'measure'],
    ['balance-it', 'balance'],
    ['ablation', 'ablate'],
    ['expert', 'ablate'],
  ])('is refused: %s', async (section, action) => {
    const session = await route('a');
    await expect(act(session, section, action, { layer: '0' })).rejects.toThrow(
      'The text is too short: it has only one token, or only one in each window.',
    );
    const { controls, lacking } = makeSection(section, subjects.ofSession(session)!.make(), {})!;
    expect(controls.map(({ id }) => id)).not.toContain(action);
    if (section !== 'expert') expect(lacking).toContain('too short');
  });

  test('is measured all the same where the model has a probability of the first token', async () => {
    const session = await route('a', join(FIXTURES, 'checkpoints/switch_transformers'));
    const { outcomes } = await act(session, 'what-if', 'measure', { change: 'temperature', temperature: 2 });
    expect(outcomes![0]!.loss.before.tokens).toBe(session.routed!.trace.tokens.ids.length);
  });
});

test('a text of whose second half no token has a probability is too short for biases', async () => {
  // Two tokens, the second of which begins before the middle.
  const session = await route('a the');
  expect([...session.routed!.trace.tokens.start]).toEqual([0, 1]);
  await expect(act(session, 'balance-it', 'balance', {})).rejects.toMatchObject({
    code: 'text-empty',
    message: 'The text is too short to be cut in two.',
  });
});

test('a change is not measured in another precision than that of the routing that is shown', async () => {
  const session = await route('The router sends each token on.');
  const measure = (): Promise<Evidence> => act(session, 'what-if', 'measure', { change: 'k', k: 1 });
  precision = 'int8';
  await expect(measure()).rejects.toThrow('have changed since the text was analyzed');
  precision = 'float32';
  expect((await measure()).outcomes).toHaveLength(1);
});

describe('what the experts of a layer are worth', () => {
  test.each<[where: string, set: Parameters, layer: number]>([
    ['the layer that the page shows', { shownLayer: '3', expert: '5' }, 3],
    ['the section’s own where the page shows none', { layer: '2' }, 2],
    ['the first where none is set', {}, 0],
  ])('is measured of %s', async (_, set, layer) => {
    const { ablated } = await act(await route('The router sends each token on.'), 'expert', 'ablate', set);
    expect(ablated!.wanted).toBe(16);
    expect(ablated!.experts.map((one) => one.layer)).toEqual(new Array<number>(16).fill(layer));
  });
});
