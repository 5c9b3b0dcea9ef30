/** A language that is English in letters of its own: what nobody translated stands out in it, and every word of it can be read back. */

/** From A to Ａ, as East Asian texts write it between their own letters. */
const WIDER = 0xff21 - 'A'.charCodeAt(0);

/** A sentence in that language; places for values stay as they are, digits and signs as well. */
export function inOtherLetters(sentence: string): string {
  return sentence.replace(/[A-Za-z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + WIDER));
}

/** The English of it. */
export function inEnglish(text: string): string {
  return text.replace(/[Ａ-Ｚａ-ｚ]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) - WIDER));
}

/** Words of a text that are in plain letters, but for some; `E3` and `L0` are none. */
export function plainWords(text: string, but: readonly string[]): string[] {
  const names = new Set(but);
  return (text.match(/[A-Za-z][A-Za-z0-9]+/g) ?? []).filter((word) => /[A-Za-z]{2}/.test(word) && !names.has(word));
}

/** A text that has no plain letter: as many characters, and words where words were. */
export function inCyrillic(text: string): string {
  return text.replace(/[A-Za-z]/g, (letter) =>
    String.fromCharCode(letter.toLowerCase().charCodeAt(0) - 'a'.charCodeAt(0) + (letter < 'a' ? 0x410 : 0x430)),
  );
}
