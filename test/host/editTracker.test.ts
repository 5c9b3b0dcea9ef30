import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EditTracker } from '../../extension/host/editTracker.ts';

/** A document and the tracker of a part of it. */
class Edited {
  readonly tracker: EditTracker;

  constructor(
    public text: string,
    from = 0,
    to = text.length,
    whole = true,
  ) {
    this.tracker = new EditTracker(text.slice(from, to), from, whole);
  }

  replace(offset: number, removed: number, inserted: string): this {
    this.text = this.text.slice(0, offset) + inserted + this.text.slice(offset + removed);
    this.tracker.apply([{ offset, removed, inserted: inserted.length }], (from, to) => this.text.slice(from, to));
    return this;
  }
}

describe('EditTracker of a whole document', () => {
  test('what is before an edit stays, what is after it moves, what it cut is gone', () => {
    const { tracker } = new Edited('one two three').replace(4, 3, 'zwei');
    expect(tracker.edited).toBe(true);
    expect(tracker.currentTo).toBe(4);
    expect(tracker.shiftOf(0, 4)).toBe(0);
    expect(tracker.shiftOf(4, 7)).toBeUndefined();
    expect(tracker.shiftOf(7, 13)).toBe(1);
    expect(tracker.ownOffset(3)).toBe(3);
    expect(tracker.ownOffset(5)).toBeUndefined();
    expect(tracker.ownOffset(9)).toBe(8);
  });

  test('every place of the text has one in the document; what an edit took, the end of the edit', () => {
    const { tracker } = new Edited('one two three', 0, 13).replace(4, 3, 'zwei');
    expect([0, 4, 5, 7, 8, 13].map((own) => tracker.documentOffset(own))).toEqual([0, 4, 8, 8, 9, 14]);
    const part = new Edited('one two three', 4, 13, false).replace(0, 0, '>> ').replace(7, 3, '');
    // "two three" stands behind ">> one " and has lost its first word.
    expect([0, 1, 3, 9].map((own) => part.tracker.documentOffset(own))).toEqual([7, 7, 7, 13]);
  });

  test('an undone edit leaves nothing stale', () => {
    const edited = new Edited('one two three').replace(4, 0, 'x').replace(8, 1, '');
    expect(edited.tracker.edited).toBe(true);
    edited.replace(8, 0, ' ').replace(4, 1, '');
    expect(edited.text).toBe('one two three');
    expect(edited.tracker.edited).toBe(false);
    expect(edited.tracker.currentTo).toBe(13);
  });

  test('text added at the end makes the document another, but none of its tokens stale', () => {
    const { tracker } = new Edited('abc').replace(3, 0, 'def');
    expect(tracker.edited).toBe(true);
    expect(tracker.currentTo).toBe(3);
    expect(tracker.region).toEqual({ start: 0, end: 6, whole: true });
  });

  test('text added at the start makes all of it stale', () => {
    const { tracker } = new Edited('abc').replace(0, 0, 'x');
    expect(tracker.currentTo).toBe(0);
    expect(tracker.shiftOf(0, 3)).toBe(1);
  });

  test('other line ends are an edit that can be taken back', () => {
    const tracker = new EditTracker('a\nb\n', 0, true);
    const reset = (text: string, places: readonly number[]): void => {
      tracker.reset(
        (offset) => places[offset]!,
        (from, to) => text.slice(from, to),
      );
    };
    reset('a\r\nb\r\n', [0, 1, 3, 4, 6]);
    expect(tracker.currentTo).toBe(1);
    reset('a\nb\n', [0, 1, 1, 2, 3, 3, 4]);
    expect(tracker.edited).toBe(false);
  });
});

describe('EditTracker of a selection', () => {
  test('edits before it move it and edits after it do not matter', () => {
    const edited = new Edited('head BODY tail', 5, 9, false).replace(0, 4, 'HEADER').replace(12, 4, '');
    expect(edited.tracker.edited).toBe(false);
    expect(edited.tracker.shiftOf(0, 4)).toBe(7);
    expect(edited.tracker.region).toEqual({ start: 7, end: 11, whole: false });
    expect(edited.tracker.ownOffset(6)).toBeUndefined();
  });

  test('insertions at its borders are outside', () => {
    const edited = new Edited('head BODY tail', 5, 9, false).replace(5, 0, 'x').replace(10, 0, 'y');
    expect(edited.text).toBe('head xBODYy tail');
    expect(edited.tracker.edited).toBe(false);
  });

  test('what comes where all of it was deleted takes its place', () => {
    const edited = new Edited('head BODY tail', 5, 9, false).replace(5, 4, '').replace(5, 0, 'BODY');
    expect(edited.text).toBe('head BODY tail');
    expect(edited.tracker.region).toEqual({ start: 5, end: 9, whole: false });
    expect(edited.tracker.edited).toBe(false);
  });

  test('other line ends before it move it', () => {
    const { tracker } = new Edited('one\ntwo\nBODY\ntail', 8, 12, false);
    const text = 'one\r\ntwo\r\nBODY\r\ntail';
    tracker.reset(
      (offset) => offset + 2,
      (from, to) => text.slice(from, to),
    );
    expect(tracker.region).toEqual({ start: 10, end: 14, whole: false });
    expect(tracker.edited).toBe(false);
  });

  test('an edit across its start keeps its end', () => {
    const { tracker, text } = new Edited('head BODY tail', 5, 9, false).replace(3, 4, '-');
    expect(text).toBe('hea-DY tail');
    expect(tracker.currentTo).toBe(0);
    expect(tracker.shiftOf(2, 4)).toBe(2);
    expect(tracker.region).toEqual({ start: 3, end: 6, whole: false });
  });
});

test('what counts as unchanged reads as before, after any edits', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 });
  const edit = fc.tuple(fc.nat(15), fc.nat(4), letters);
  fc.assert(
    fc.property(
      letters,
      fc.array(edit, { maxLength: 5 }),
      fc.nat(6),
      fc.nat(6),
      fc.boolean(),
      (text, edits, a, b, part) => {
        const from = part ? Math.min(a, text.length) : 0;
        const to = part ? Math.max(from, text.length - b) : text.length;
        const own = text.slice(from, to);
        const edited = new Edited(text, from, to, !part);
        for (const [offset, removed, inserted] of edits) {
          const at = Math.min(offset, edited.text.length);
          edited.replace(at, Math.min(removed, edited.text.length - at), inserted);
        }
        const { tracker } = edited;
        for (let start = 0; start < own.length; start++) {
          const shift = tracker.shiftOf(start, start + 1);
          if (shift === undefined) continue;
          expect(edited.text[start + shift]).toBe(own[start]);
          expect(tracker.ownOffset(start + shift)).toBe(start);
          expect(tracker.ownRange(start + shift, start + shift + 1)).toEqual({ start, end: start + 1 });
        }
        const { start, end } = tracker.region;
        expect(tracker.edited).toBe(edited.text.slice(start, end) !== own);
      },
    ),
    { numRuns: 2000 },
  );
});
