import { beforeEach, expect, test } from 'vitest';
import type { ViewAction } from '../../extension/protocol/webview.ts';
import { Highlighter } from '../../webview/highlight.ts';

const A = { layer: 3, expert: 10 };
const B = { layer: 3, expert: 13 };
let sent: ViewAction[];
let highlighter: Highlighter;

beforeEach(() => {
  sent = [];
  highlighter = new Highlighter((action) => sent.push(action));
  highlighter.update({ key: 'a' });
});

test('pointing previews, moving on previews the next, leaving ends it', () => {
  highlighter.point(A);
  highlighter.point(A);
  highlighter.point(B);
  highlighter.point(undefined);
  expect(sent).toEqual([
    { type: 'highlight', expert: A, preview: true },
    { type: 'highlight', expert: B, preview: true },
    { type: 'highlight', preview: true },
  ]);
});

test('a click pins the expert under the pointer although its preview came back as the highlight', () => {
  highlighter.point(A);
  highlighter.update({ key: 'a', highlight: A });
  highlighter.toggle(A);
  expect(sent.at(-1)).toEqual({ type: 'highlight', expert: A, preview: false });
});

test('a second click takes it away', () => {
  highlighter.toggle(A);
  highlighter.toggle(A);
  expect(sent.at(-1)).toEqual({ type: 'highlight', preview: false });
});

test('what another view has pinned is taken away by a click here', () => {
  highlighter.update({ key: 'a', highlight: A });
  highlighter.toggle(A);
  expect(sent).toEqual([{ type: 'highlight', preview: false }]);
});

test('what is pinned in another text is taken away by the first click there, although the pointer rested on an expert of the last', () => {
  highlighter.point(A);
  highlighter.update({ key: 'a', highlight: A });
  highlighter.update({ key: 'b', highlight: B });
  highlighter.point(undefined);
  highlighter.point(B);
  highlighter.update({ key: 'b', highlight: B });
  highlighter.toggle(B);
  expect(sent.at(-1)).toEqual({ type: 'highlight', preview: false });
});

test('what is pointed at ends with the text that was shown, also where the pointer stays', () => {
  highlighter.point(A);
  highlighter.update({ key: 'a', highlight: A });
  // A folder's report has no text of its own.
  highlighter.update({ highlight: A });
  expect(sent.at(-1)).toEqual({ type: 'highlight', preview: true });
  highlighter.point(undefined);
  expect(sent).toHaveLength(2);
});
