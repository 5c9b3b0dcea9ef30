/** Where tokens stand in a text, from what an engine says of them, as UTF-16 ranges. */

export interface Ranges {
  readonly start: Uint32Array;
  readonly end: Uint32Array;
}

/**
 * Ranges from a vocabulary's own spelling of tokens, of which there are two: bytes written as letters (GPT-2's, with Ġ for a
 * space), and text with ▁ for a space and <0x0A> for a byte. Undefined when the tokens do not add up to the text.
 *
 * A token that holds a part of a character gets all of it.
 */
export function rangesOfSpellings(text: string, spellings: readonly string[]): Ranges | undefined {
  const bytes = new TextEncoder().encode(text);
  return (
    rangesOfBytes(text, bytes, spellings.map(bytesOfLetters), false) ??
    rangesOfBytes(text, bytes, spellings.map(bytesOfPieces), true)
  );
}

/**
 * Ranges from the texts of tokens, each decoded alone: a token of a part of a character reads as U+FFFD, and of some nothing
 * is known. Such a run reaches to the next token that is known, and each of its tokens gets all of it. Undefined when the
 * tokens do not add up to the text, and when nothing is known of any of several.
 */
export function rangesOfTexts(text: string, texts: readonly (string | null)[]): Ranges | undefined {
  if (texts.length > 1 && texts.every((own) => own === null)) return undefined;
  const start = new Uint32Array(texts.length);
  const end = new Uint32Array(texts.length);
  let at = 0;
  for (let i = 0; i < texts.length;) {
    const own = texts[i];
    if (isKnown(own)) {
      if (!text.startsWith(own, at)) return undefined;
      start[i] = at;
      at += own.length;
      end[i] = at;
      i += 1;
      continue;
    }
    let next = i;
    while (next < texts.length && !isKnown(texts[next])) next++;
    // A part of a character is at least that character.
    const found = next < texts.length ? text.indexOf(texts[next]!, texts[i] === null ? at : at + 1) : text.length;
    if (found < 0) return undefined;
    start.fill(at, i, next);
    end.fill(found, i, next);
    at = found;
    i = next;
  }
  if (at !== text.length) return undefined;
  // Engines that decode as they go give a character to its last token, and nothing to the others.
  for (let i = texts.length - 2; i >= 0; i--) {
    if (texts[i] !== '' || !isWideCharacter(text.slice(start[i + 1], end[i + 1]))) continue;
    start[i] = start[i + 1]!;
    end[i] = end[i + 1]!;
  }
  return { start, end };
}

/** One character that takes more than a byte. */
function isWideCharacter(text: string): boolean {
  return text > '\x7f' && text.length === (text.codePointAt(0)! > 0xffff ? 2 : 1);
}

function isKnown(text: string | null | undefined): text is string {
  return text !== null && text !== undefined && !text.includes('\ufffd');
}

/** Ranges in code points, as Python counts, as UTF-16 ranges. */
export function rangesOfCodePoints(text: string, ranges: readonly (readonly [number, number])[]): Ranges | undefined {
  const units: number[] = [];
  let unit = 0;
  for (const character of text) {
    units.push(unit);
    unit += character.length;
  }
  units.push(unit);
  if (ranges.some(([from, to]) => !(from <= to && to < units.length && from >= 0))) return undefined;
  return {
    start: Uint32Array.from(ranges, ([from]) => units[from]!),
    end: Uint32Array.from(ranges, ([, to]) => units[to]!),
  };
}

/** @param added a space that the tokenizer put before the text may be missing in it */
function rangesOfBytes(
  text: string,
  bytes: Uint8Array,
  tokens: readonly (Uint8Array | undefined)[],
  added: boolean,
): Ranges | undefined {
  const start = new Uint32Array(tokens.length);
  const end = new Uint32Array(tokens.length);
  const places = new Uint32Array(tokens.length + 1);
  let at = 0;
  for (let i = 0; i < tokens.length; i++) {
    let token = tokens[i];
    places[i] = at;
    if (token && added && at === 0 && token[0] === SPACE && bytes[0] !== SPACE) token = token.subarray(1);
    if (token && token.every((byte, j) => bytes[at + j] === byte)) at += token.length;
    // A special token at the beginning or the end is no part of the text.
    else if (at !== 0 && at !== bytes.length) return undefined;
  }
  if (at !== bytes.length) return undefined;
  places[tokens.length] = at;
  const unit = unitsOf(text, bytes.length);
  for (let i = 0; i < tokens.length; i++) {
    start[i] = unit(places[i]!, false);
    end[i] = places[i + 1] === places[i] ? start[i]! : unit(places[i + 1]!, true);
  }
  return { start, end };
}

const SPACE = 0x20;

/** UTF-16 unit at a byte of a text; inside a character, where that begins, or ends. */
function unitsOf(text: string, length: number): (byte: number, up: boolean) => number {
  const first = new Uint32Array(length + 1);
  const after = new Uint32Array(length + 1);
  let byte = 0;
  let i = 0;
  for (const character of text) {
    const units = character.length;
    const point = character.codePointAt(0)!;
    const bytes = point < 0x80 ? 1 : point < 0x800 ? 2 : units > 1 ? 4 : 3;
    for (let j = 0; j < bytes; j++) {
      first[byte + j] = i;
      after[byte + j] = j === 0 ? i : i + units;
    }
    byte += bytes;
    i += units;
  }
  first[length] = text.length;
  after[length] = text.length;
  return (at, up) => (up ? after : first)[at]!;
}

/** GPT-2's letters: printable Latin-1 stands for itself, and the other 68 bytes are 256, 257, … in their order. */
const LETTERS: ReadonlyMap<string, number> = (() => {
  const letters = new Map<string, number>();
  let other = 256;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    letters.set(String.fromCharCode(printable ? byte : other++), byte);
  }
  return letters;
})();

function bytesOfLetters(token: string): Uint8Array | undefined {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = LETTERS.get(token[i]!);
    if (byte === undefined) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}

function bytesOfPieces(token: string): Uint8Array {
  const byte = /^<0x([\dA-F]{2})>$/.exec(token)?.[1];
  if (byte !== undefined) return Uint8Array.of(parseInt(byte, 16));
  return new TextEncoder().encode(token.replaceAll('▁', ' '));
}
