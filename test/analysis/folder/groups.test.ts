import { describe, expect, it } from 'vitest';
import { globMatcher, pathMatcher } from '../../../extension/analysis/folder/glob.ts';
import { domainsOf, MOST_DOMAINS, OTHERS } from '../../../extension/analysis/folder/groups.ts';
import { languageOf } from '../../../extension/analysis/folder/languages.ts';

describe('globs', () => {
  it.each([
    // What VS Code documents of its globs.
    ['**/*.js', ['a.js', 'src/a.js'], ['a.jsx', 'src/a.ts']],
    ['**/node_modules', ['node_modules', 'a/node_modules'], ['node_modules/x', 'my_node_modules']],
    ['**/*.{html,txt}', ['a.html', 'b/c.txt'], ['a.htm']],
    ['example.[0-9]', ['example.0'], ['example.a', 'example.']],
    ['example.[!0-9]', ['example.a'], ['example.0']],
    ['src/**', ['src', 'src/a', 'src/a/b'], ['a/src/b']],
    ['src/**/test.ts', ['src/test.ts', 'src/a/b/test.ts'], ['src/atest.ts']],
    ['a?c', ['abc'], ['ac', 'a/c']],
    ['*', ['a', '.a'], ['a/b']],
    ['a.b+c(d)', ['a.b+c(d)'], ['aXb+c(d)']],
    ['[unclosed', ['[unclosed'], ['u']],
    ['{a,b', ['{a,b'], ['a']],
    ['./docs/', ['docs'], ['docs/a']],
    ['[z-a]', ['[z-a]'], ['b']],
    ['?[🙂🙃]', ['🙃🙂'], ['🙂', '🙂a']],
    ['a/**/**/b', ['a/b', 'a/c/b'], ['a//b']],
  ])('%s', (glob, match, differ) => {
    const matches = pathMatcher(glob);
    expect(match.filter((path) => !matches(path))).toEqual([]);
    expect(differ.filter((path) => matches(path))).toEqual([]);
  });

  it('without a slash are looked for in every folder', () => {
    expect(globMatcher('*.py')('a/b/c.py')).toBe(true);
    expect(globMatcher('docs/*.md')('a/docs/c.md')).toBe(false);
  });

  // A folder may bring its own settings and file names: an expression would try 255 over 9 ways, which is for ever.
  it.each(['*a*a*a*a*a*a*a*a*ab', '**/a/**/a/**/a/**/a/**/a/**/b', '{a,aa}'.repeat(60) + 'b'])(
    'that can match in many ways do not take long: %s',
    (glob) => {
      expect(globMatcher(glob)('a'.repeat(255))).toBe(false);
      expect(globMatcher(glob)('a/'.repeat(2000) + 'a')).toBe(false);
    },
  );
});

describe('kinds of text', () => {
  it('by folder are those of the first folder in which paths differ', () => {
    const paths = ['lib/src/a/x.ts', 'lib/src/a/c/y.ts', 'lib/src/b/z.ts', 'lib/src/index.ts'];
    expect(domainsOf(paths, { by: 'folder' }, languageOf)).toEqual(['a', 'a', 'b', '(top)']);
  });

  it('by rules are those of the first that matches, and nothing else', () => {
    const rules = [
      { glob: '**/*.test.ts', name: 'tests' },
      { glob: '*.ts', name: 'code' },
    ];
    expect(domainsOf(['a.ts', 'b/a.test.ts', 'c.md'], { by: 'rules', rules }, languageOf)).toEqual([
      'code',
      'tests',
      undefined,
    ]);
  });

  it('by language go by the name', () => {
    const paths = ['a.ts', 'b.PY', 'Makefile', 'x/CMakeLists.txt', 'README', 'constructor', 'x.__proto__'];
    expect(domainsOf(paths, { by: 'language' }, languageOf)).toEqual([
      'typescript',
      'python',
      'makefile',
      'cmake',
      'plaintext',
      'plaintext',
      'plaintext',
    ]);
  });

  it('are so many at most: the smallest go together', () => {
    const paths = Array.from({ length: 40 }, (_, i) => `d${i < 20 ? 0 : i}/f${i}.ts`);
    const domains = domainsOf(paths, { by: 'folder' }, languageOf);
    expect(new Set(domains).size).toBe(MOST_DOMAINS);
    expect(domains.filter((name) => name === 'd0')).toHaveLength(20);
    expect(domains.filter((name) => name === OTHERS)).toHaveLength(40 - 20 - (MOST_DOMAINS - 2));
  });
});
