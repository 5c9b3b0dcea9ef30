/** What the report page is told, and what it can ask for, where several texts are routed. */
import type { TextDocument, Uri, WebviewPanel } from 'vscode';
import { Emitter } from 'vscode-jsonrpc';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { subjectOf } from '../../extension/analysis/sections/subject.ts';
import type { Lens } from '../../extension/host/lens.ts';
import { Feed } from '../../extension/host/feed.ts';
import { ReportPage, type ReportParts } from '../../extension/host/reportPage.ts';
import type { Session } from '../../extension/host/session.ts';
import { Sessions } from '../../extension/host/sessions.ts';
import { Subjects } from '../../extension/host/subjects.ts';
import { ViewActions } from '../../extension/host/viewActions.ts';
import type { FromReportPage, ToReportPage } from '../../extension/protocol/webview.ts';
import { commands } from '../support/vscode.ts';
import { routedTextOf } from './routedTextOf.ts';

vi.mock('vscode', () => import('../support/vscode.ts'));

const PLACES = [{ start: 3, end: 7 }];
const SECTION = { id: 'losses', figures: [{ id: 'tokens', table: { columns: [], rows: [['two']], places: PLACES } }] };

let sessions: Sessions;
let subjects: Subjects;
let feed: Feed;
let page: ReportPage;
let posted: ToReportPage[];
let gone: { readonly session: Session; readonly token: number }[];
let problems: unknown[];
let exported: unknown[];
let messages: Emitter<unknown>;
let viewState: Emitter<void>;
let panel: { visible: boolean; readonly reveal: () => void };

beforeEach(() => {
  sessions = new Sessions();
  subjects = new Subjects(sessions);
  const look = { tint: 'expert', palette: 'vivid', layerOf: () => 0, onDidChange: new Emitter().event };
  const lens: unknown = look;
  feed = new Feed(sessions, lens as Lens);
  [posted, gone, problems, exported] = [[], [], [], []];
  [messages, viewState] = [new Emitter(), new Emitter()];
  const parts: unknown = {
    actions: new ViewActions(sessions, lens as Lens),
    analyst: { sections: () => Promise.resolve([]), ask: () => Promise.resolve(SECTION) },
    exporter: { run: (set: unknown) => exported.push(set) },
    feed,
    link: { goTo: (session: Session, token: number) => gone.push({ session, token }) },
    log: {},
    problems: { report: (_: string, error: unknown) => problems.push(error) },
    subjects,
  };
  page = new ReportPage('/extension' as unknown as Uri, parts as ReportParts);
  const webview = {
    onDidReceiveMessage: messages.event,
    postMessage: (message: ToReportPage) => posted.push(message),
    asWebviewUri: (uri: string) => uri,
    cspSource: '',
  };
  panel = { visible: true, reveal: () => undefined };
  Object.assign(panel, { webview, onDidDispose: new Emitter().event, onDidChangeViewState: viewState.event });
  page.restore(panel as unknown as WebviewPanel);
});
afterEach(() => {
  for (const part of [page, feed, subjects, sessions]) part.dispose();
});

function send(message: FromReportPage): void {
  messages.fire(message);
}

/** Routes "one two" in a document, which is current from then on. */
function route(path: string): Session {
  const document: unknown = { uri: { path, toString: () => `file://${path}` } };
  const session = sessions.open(document as TextDocument);
  const slots = [[[0, 1]], [[1, 1]]] as const;
  const tokens = [
    [0, 3],
    [3, 7],
  ] as const;
  const layers = [{ layer: 0, experts: 2, k: 1, slots, entropy: [0, 0], margin: [1, 1] }];
  session.show(routedTextOf({ text: 'one two', tokens, layers }), false);
  sessions.publish(session, 'routing');
  return session;
}

/** Adds recorded routing, which no editor shows, and has the report be on it. */
function addRecorded(): void {
  const { trace } = route('/recorded.txt').routed!;
  const model = { ...trace.origin.model, name: 'elsewhere' };
  subjects.add({ id: 'recording', name: 'recorded', detail: '', model, make: () => subjectOf('recorded', trace) });
}

/** Keeps the routing of a text, and has the report be on what was kept. */
function keep({ name, routed }: Session): void {
  const { trace } = routed!;
  subjects.add({ id: 'kept', name, detail: '', model: trace.origin.model, make: () => subjectOf(name, trace) });
}

const EXPERT = { layer: 0, expert: 1 };

test('rows lead into the text that the report is on, not into the current one', () => {
  const other = route('/b.txt');
  route('/a.txt');
  subjects.choose('text:file:///b.txt');
  send({ type: 'goto', place: { start: 3, end: 7 } });
  expect(gone).toEqual([{ session: other, token: 1 }]);
});

test('what is pointed at stands out in the text that the report is on, until the page is gone', () => {
  const other = route('/b.txt');
  const current = route('/a.txt');
  subjects.choose('text:file:///b.txt');
  send({ type: 'highlight', expert: EXPERT, preview: true });
  expect([other.highlight, current.highlight]).toEqual([EXPERT, undefined]);
  panel.visible = false;
  viewState.fire();
  expect(other.highlight).toBeUndefined();
});

test('what is asked for of the text that the report is on names that text; what is asked for of the editor does not', () => {
  route('/b.txt');
  route('/a.txt');
  subjects.choose('text:file:///b.txt');
  const execute = vi.spyOn(commands, 'executeCommand');
  for (const command of ['analyzeAgain', 'cancel', 'analyze'] as const) send({ type: 'command', command });
  expect(execute.mock.calls).toEqual([
    ['moescope.analyze', { uri: 'file:///b.txt' }],
    ['moescope.cancel', { uri: 'file:///b.txt' }],
    ['moescope.analyze'],
  ]);
  execute.mockRestore();
});

test('where the report is on a recording nothing stands out in a text', () => {
  const text = route('/a.txt');
  addRecorded();
  send({ type: 'highlight', expert: EXPERT, preview: false });
  expect(sessions.all.map(({ highlight }) => highlight)).toEqual([undefined, undefined]);
  expect(text.pinned).toBeUndefined();
});

test('experts of what was kept stand out in the current text, as long as that is of the same model', () => {
  const kept = route('/kept.txt');
  const text = route('/a.txt');
  keep(kept);
  send({ type: 'highlight', expert: EXPERT, preview: false });
  expect([kept.pinned, text.pinned]).toEqual([undefined, EXPERT]);
});

test('a preview ends wherever it was when the report turns to another text meanwhile', () => {
  const other = route('/b.txt');
  route('/a.txt');
  subjects.choose('text:file:///b.txt');
  send({ type: 'highlight', expert: EXPERT, preview: true });
  subjects.choose('text:file:///a.txt');
  send({ type: 'highlight', preview: true });
  expect(other.highlight).toBeUndefined();
});

/** The state that the page was told last. */
async function state() {
  // The feed rests between two of them.
  await vi.waitFor(() => {
    expect(posted.at(-1)?.type).toBe('state');
  });
  return posted.flatMap((message) => (message.type === 'state' ? [message.state] : [])).at(-1)!;
}

test('what is stale, partial or under way is said of the text that the report is on', async () => {
  const other = route('/b.txt');
  other.partial = 'Stopped.';
  route('/a.txt');
  expect(await state()).toMatchObject({ document: 'a.txt' });
  posted = [];
  subjects.choose('text:file:///b.txt');
  expect(await state()).toMatchObject({ document: 'b.txt', partial: 'Stopped.' });
  posted = [];
  other.partial = undefined;
  sessions.publish(other, 'run');
  expect(await state()).not.toHaveProperty('partial');
});

test('of a recording nothing of the kind is said', async () => {
  route('/a.txt');
  addRecorded();
  sessions.current!.partial = 'Stopped.';
  sessions.publish(sessions.current!, 'run');
  expect(await state()).toMatchObject({ tokens: 0, staleFrom: 0, leadsNowhere: true });
  expect(await state()).not.toHaveProperty('partial');
});

test('of what was kept nothing is stale, and the expert that stands out in the current text does so in the report', async () => {
  const text = route('/a.txt');
  keep(text);
  text.pinned = EXPERT;
  sessions.publish(text, 'highlight');
  const told = await state();
  expect(told).toMatchObject({ tokens: 0, highlight: EXPERT });
  expect(told).not.toHaveProperty('leadsNowhere');
});

async function comeUp(): Promise<void> {
  posted = [];
  panel.visible = true;
  viewState.fire();
  send({ type: 'ready', set: { losses: { layer: '1' } } });
  await vi.waitUntil(() => posted.some(({ type }) => type === 'subjects'));
}

const revealed = () => posted.flatMap((message) => (message.type === 'reveal' ? [message.section] : []));

test('a section that was asked for while the tab was behind another is shown when its page comes up, once', async () => {
  await comeUp();
  page.show('losses');
  expect(revealed()).toEqual(['losses']);
  panel.visible = false;
  viewState.fire();
  page.show('compare');
  await comeUp();
  expect(revealed()).toEqual(['compare']);
  panel.visible = false;
  viewState.fire();
  await comeUp();
  expect(revealed()).toEqual([]);
});

test('a section that is asked for once a page is gone, which was still coming up, is kept for the next one', async () => {
  posted = [];
  send({ type: 'ready', set: {} });
  panel.visible = false;
  viewState.fire();
  await new Promise((resolve) => setTimeout(resolve));
  page.show('compare');
  await comeUp();
  expect(revealed()).toEqual(['compare']);
});

/** The places of the rows that the page gets. */
async function places() {
  posted = [];
  send({ type: 'section', request: 1, id: 'losses', set: {} });
  await vi.waitUntil(() => posted.some(({ type }) => type === 'section'));
  return posted.flatMap((message) => (message.type === 'section' ? [message.section.figures[0]!.table.places] : []))[0];
}

test('rows lead to places only where they can be opened', async () => {
  route('/a.txt');
  expect(await places()).toEqual(PLACES);
  addRecorded();
  expect(await places()).toBeUndefined();
});

test('a place that cannot be opened is a problem to be told', async () => {
  const { trace } = route('/a.txt').routed!;
  const lost = new Error('gone');
  const goTo = () => Promise.reject(lost);
  const { model } = trace.origin;
  subjects.add({ id: 'folder', name: 'folder', detail: '', model, make: () => subjectOf('folder', trace), goTo });
  send({ type: 'goto', place: { file: 0, start: 0, end: 3 } });
  await vi.waitUntil(() => problems.length > 0);
  expect(problems).toEqual([lost]);
});

test('the report is exported as the page has it set, also what it has kept over a reload', async () => {
  await comeUp();
  await page.export();
  expect(exported).toEqual([{ losses: { layer: '1' } }]);
});
