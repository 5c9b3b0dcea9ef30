/**
 * Globs as VS Code's settings write them: `*` and `?` within a name, `**` across folders, `[a-z]`, `{one,other}`. A folder's own
 * settings hold globs, too, and name its files: so that no pair of them takes long, a path is gone through once for each part of
 * the glob, with all places at once that the parts before may end at.
 */

/** From where in a path the parts before a part may end to where this one may: a flag for each place between its units. */
type Part = (path: string, from: Uint8Array) => Uint8Array;

/**
 * Tells whether a whole path with `/` between names matches. `**` between slashes stands for any number of folders, none too. What
 * cannot be understood, as an open bracket, stands for itself.
 */
export function pathMatcher(glob: string): (path: string) => boolean {
  const parts = partsOf(glob.replace(/^\.?\//u, '').replace(/\/+$/u, ''));
  return (path) => {
    const start = new Uint8Array(path.length + 1);
    start[0] = 1;
    return through(parts, path, start)[path.length] === 1;
  };
}

/** As above; but a pattern without a slash, or with one at its end alone, is looked for in every folder. */
export function globMatcher(glob: string): (path: string) => boolean {
  return pathMatcher(anywhere(glob));
}

/** A glob that means the same to `pathMatcher` as the given one to `globMatcher`. */
export function anywhere(glob: string): string {
  return /^[^/]*\/?$/u.test(glob) ? `**/${glob}` : glob;
}

function through(parts: readonly Part[], path: string, start: Uint8Array): Uint8Array {
  return parts.reduce((from, part) => (from.includes(1) ? part(path, from) : from), start);
}

function partsOf(pattern: string): Part[] {
  const parts: Part[] = [];
  for (let i = 0; i < pattern.length;) {
    const rest = pattern.slice(i);
    for (const { at, to } of SIGNS) {
      const match = at.exec(rest);
      const part = match && to(match);
      if (!part) continue;
      parts.push(part);
      i += match[0].length;
      break;
    }
  }
  return parts;
}

interface Sign {
  readonly at: RegExp;
  /** Undefined where it looks like the sign and is none. */
  readonly to: (match: RegExpExecArray) => Part | undefined;
}

const SIGNS: readonly Sign[] = [
  { at: /^\*\*\/(?:\*\*\/)*/u, to: () => folders },
  { at: /^\/\*\*$/u, to: () => everythingIn },
  { at: /^\*\*+/u, to: () => many(() => true) },
  { at: /^\*/u, to: () => many((unit) => unit !== '/') },
  { at: /^\?/u, to: () => one(/[^/]/u) },
  { at: /^\[([!^]?)([^\]/]+)\]/u, to: ([, not, set]) => setOf(not !== '', set!) },
  { at: /^\{([^{}]*)\}/u, to: ([, choices]) => anyOf(choices!.split(',').map(partsOf)) },
  { at: /^[^*?[{/]+/u, to: ([text]) => literal(text) },
  { at: /^[^]/u, to: ([text]) => literal(text) },
];

function literal(text: string): Part {
  return (path, from) => {
    const to = new Uint8Array(from.length);
    for (let i = from.indexOf(1); i >= 0; i = from.indexOf(1, i + 1)) {
      if (path.startsWith(text, i)) to[i + text.length] = 1;
    }
    return to;
  };
}

function one(expression: RegExp): Part {
  return (path, from) => {
    const to = new Uint8Array(from.length);
    for (let i = from.indexOf(1); i >= 0; i = from.indexOf(1, i + 1)) {
      const point = path.codePointAt(i);
      if (point === undefined) break;
      const character = String.fromCodePoint(point);
      if (expression.test(character)) to[i + character.length] = 1;
    }
    return to;
  };
}

function setOf(not: boolean, set: string): Part | undefined {
  try {
    return one(new RegExp(`[${not ? '^/' : ''}${set.replace(/[\\[\]^]/gu, String.raw`\$&`)}]`, 'u'));
  } catch {
    return undefined; // A range from high to low.
  }
}

function many(test: (unit: string) => boolean): Part {
  return (path, from) => {
    const to = from.slice();
    for (let i = 0; i < path.length; i++) if (to[i] && test(path[i]!)) to[i + 1] = 1;
    return to;
  };
}

function anyOf(choices: readonly (readonly Part[])[]): Part {
  return (path, from) => {
    const to = new Uint8Array(from.length);
    for (const parts of choices) through(parts, path, from).forEach((reached, i) => (to[i]! |= reached));
    return to;
  };
}

/** Any number of names, each with the slash after it. */
function folders(path: string, from: Uint8Array): Uint8Array {
  const to = from.slice();
  // Whether a name may have begun before the unit that is looked at.
  let begun = false;
  for (let i = 0; i < path.length; i++) {
    const slash = path[i] === '/';
    if (slash && begun) to[i + 1] = 1;
    begun = !slash && (begun || to[i] === 1);
  }
  return to;
}

/** A folder and all that stands in it. */
function everythingIn(path: string, from: Uint8Array): Uint8Array {
  const to = from.slice();
  let inside = false;
  for (let i = 0; i < path.length; i++) {
    inside ||= from[i] === 1 && path[i] === '/';
    if (inside) to[i + 1] = 1;
  }
  return to;
}
