import { Range, type TextDocument, type TextEditor } from 'vscode';
import type { RoutedText } from './routedText.ts';
import { drawnColumns } from './tintSpans.ts';

/** The text to analyse, and where in its document it stands. */
export interface TextPart {
  readonly document: TextDocument;
  readonly text: string;
  /** Document offset of the text's first unit. */
  readonly base: number;
  /** The text is the whole document. */
  readonly whole: boolean;
}

/** Documents that nobody means by the text of an editor. */
const NOT_TEXTS = new Set(['output', 'vscode-scm', 'comment', 'vscode-interactive-input', 'chatSessionInput']);

/** Whether a document is one that somebody means by the text of an editor: not a log or a panel's input. */
export function isText({ uri }: Pick<TextDocument, 'uri'>): boolean {
  return !NOT_TEXTS.has(uri.scheme);
}

/** The whole document. */
export function wholeText(document: TextDocument): TextPart {
  return { document, text: document.getText(), base: 0, whole: true };
}

/** The editor's selection, or the whole document when nothing is selected. */
export function selectedText({ document, selection }: TextEditor): TextPart {
  return selection.isEmpty ? wholeText(document) : rangeText(document, selection);
}

/** What the editor shows: whole lines, but for very long ones. */
export function visibleText({ document, visibleRanges }: TextEditor): TextPart {
  const start = visibleRanges[0]?.start ?? document.lineAt(0).range.start;
  const end = visibleRanges.at(-1)?.end ?? start;
  const drawn = (line: number): { readonly from: number; readonly to: number } =>
    drawnColumns(line, document.lineAt(line).text.length, { start, end });
  return rangeText(document, new Range(start.line, drawn(start.line).from, end.line, drawn(end.line).to));
}

/** The part of the document that was analysed, as it reads now. */
export function samePart(document: TextDocument, { edits }: Pick<RoutedText, 'edits'>): TextPart {
  const { start, end, whole } = edits.region;
  return whole
    ? wholeText(document)
    : rangeText(document, new Range(document.positionAt(start), document.positionAt(end)));
}

/** Of a document, in UTF-16 units. */
export function lengthOf(document: TextDocument): number {
  return document.offsetAt(document.lineAt(document.lineCount - 1).range.end);
}

function rangeText(document: TextDocument, range: Range): TextPart {
  return { document, text: document.getText(range), base: document.offsetAt(range.start), whole: false };
}
