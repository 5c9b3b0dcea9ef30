/** Globs as VS Code's settings write them: `*` and `?` within a name, `**` across folders, `[a-z]`, `{one,other}`. */

/**
 * A pattern as an expression for a whole path with `/` between names. `**` between slashes stands for any number of folders, none
 * too. What cannot be understood, as an open bracket, stands for itself.
 */
export function globExpression(glob: string): RegExp {
  const pattern = glob.replace(/^\.?\//u, '').replace(/\/+$/u, '');
  return new RegExp(`^${translate(pattern)}$`, 'u');
}

/** Tells whether a path matches. A pattern without a slash is looked for in every folder. */
export function globMatcher(glob: string): (path: string) => boolean {
  const anywhere = !glob.includes('/') || (glob.endsWith('/') && glob.indexOf('/') === glob.length - 1);
  const expression = globExpression(anywhere ? `**/${glob}` : glob);
  return (path) => expression.test(path);
}

function translate(pattern: string): string {
  let out = '';
  for (let i = 0; i < pattern.length;) {
    const rest = pattern.slice(i);
    const piece = PIECES.flatMap(({ at, to }) => {
      const match = at.exec(rest);
      return match ? [{ length: match[0].length, text: to(match) }] : [];
    })[0]!;
    out += piece.text;
    i += piece.length;
  }
  return out;
}

interface Piece {
  readonly at: RegExp;
  readonly to: (match: RegExpExecArray) => string;
}

const PIECES: readonly Piece[] = [
  { at: /^\*\*\/(?:\*\*\/)*/u, to: () => '(?:[^/]+/)*' },
  { at: /^\/\*\*$/u, to: () => '(?:/.*)?' },
  { at: /^\*\*+/u, to: () => '.*' },
  { at: /^\*/u, to: () => '[^/]*' },
  { at: /^\?/u, to: () => '[^/]' },
  {
    at: /^\[([!^]?)([^\]/]+)\]/u,
    to: ([, not, set]) => `[${not ? '^/' : ''}${set!.replace(/[\\[\]^]/gu, String.raw`\$&`)}]`,
  },
  { at: /^\{([^{}]*)\}/u, to: ([, choices]) => `(?:${choices!.split(',').map(translate).join('|')})` },
  { at: /^[^]/u, to: ([character]) => character.replace(/[\\^$.*+?()[\]{}|/]/gu, String.raw`\$&`) },
];
