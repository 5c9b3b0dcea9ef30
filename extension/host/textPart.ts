import { Range, type TextDocument, type TextEditor } from 'vscode';
import type { TextPart } from './analyzer.ts';
import type { RoutedText } from './routedText.ts';

/** The whole document. */
export function wholeText(document: TextDocument): TextPart {
  return { document, text: document.getText(), base: 0, whole: true };
}

/** The editor's selection, or the whole document when nothing is selected. */
export function selectedText({ document, selection }: TextEditor): TextPart {
  return selection.isEmpty ? wholeText(document) : rangeText(document, selection);
}

/** What the editor shows. */
export function visibleText({ document, visibleRanges }: TextEditor): TextPart {
  const first = visibleRanges[0]?.start ?? document.lineAt(0).range.start;
  const last = visibleRanges.at(-1)?.end ?? first;
  return rangeText(document, new Range(first.with({ character: 0 }), last));
}

/** The part of the document that was analysed, as it reads now. */
export function samePart(document: TextDocument, { edits }: Pick<RoutedText, 'edits'>): TextPart {
  const { start, end, whole } = edits.region;
  return whole
    ? wholeText(document)
    : rangeText(document, new Range(document.positionAt(start), document.positionAt(end)));
}

function rangeText(document: TextDocument, range: Range): TextPart {
  return { document, text: document.getText(range), base: document.offsetAt(range.start), whole: false };
}
