/** What package.json promises and what the code does: neither must have what the other lacks. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { HOVER_COMMANDS } from '../../extension/host/hoverCommands.ts';
import { REMEDIES } from '../../extension/host/remedies.ts';
import { PALETTES, TINTS } from '../../extension/protocol/webview.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

interface Manifest {
  readonly icon: string;
  readonly capabilities: {
    readonly untrustedWorkspaces: { readonly supported: string; readonly restrictedConfigurations: readonly string[] };
    readonly virtualWorkspaces: { readonly supported: string; readonly description: string };
  };
  readonly extensionKind: readonly string[];
  readonly browser?: string;
  readonly contributes: {
    readonly commands: readonly { readonly command: string }[];
    readonly menus: Readonly<Record<string, readonly { readonly command: string }[]>>;
    readonly configuration: {
      readonly properties: Readonly<Record<string, { readonly enum?: readonly string[]; readonly default: unknown }>>;
    };
    readonly walkthroughs: readonly {
      readonly steps: readonly {
        readonly description: string;
        readonly media: { readonly svg: string };
        readonly completionEvents: readonly string[];
      }[];
    }[];
  };
}
/** The manifest as VS Code shows it in a language: every %key% is replaced by its text. */
function manifestIn(texts: string): Manifest {
  const known = JSON.parse(read(texts)) as Readonly<Record<string, string>>;
  const resolve = (_: string, value: unknown): unknown =>
    typeof value === 'string' ? value.replace(/^%(.+)%$/u, (_, key: string) => known[key]!) : value;
  return JSON.parse(read('package.json'), resolve) as Manifest;
}
const languages = ['package.nls.json', 'package.nls.zh-cn.json'];
const manifest = manifestIn('package.nls.json');
const { commands, menus, configuration, walkthroughs } = manifest.contributes;
const contributed = new Set(commands.map(({ command }) => command));
const sources = readdirSync(new URL('extension/host/', root)).map((file) => read(`extension/host/${file}`));
const code = sources.join('\n');

describe('package.json', () => {
  test('contributes the commands that are registered, and no others', () => {
    const registered = [...code.matchAll(/#register\('([\w.]+)'/gu)].map((found) => found[1]!);
    expect([...registered, ...Object.values(HOVER_COMMANDS)].sort()).toEqual([...contributed].sort());
  });

  test.each(languages)('every menu entry, remedy and link runs a command that exists, with %s', (texts) => {
    const links = manifestIn(texts).contributes.walkthroughs.flatMap(({ steps }) =>
      steps.map(({ description }) => /\]\(command:(?:toSide:)?([\w.]+)\)$/u.exec(description)![1]!),
    );
    expect(links).toHaveLength(walkthroughs[0]!.steps.length);
    const remedies = Object.values(REMEDIES).flatMap((remedy) => (remedy ? [remedy.command] : []));
    const used = [...Object.values(menus).flatMap((menu) => menu.map(({ command }) => command)), ...links, ...remedies];
    expect(used.filter((command) => !contributed.has(command))).toEqual([]);
  });

  test.each(languages)('no step of the walkthrough opens something over the walkthrough, with %s', (texts) => {
    const over = manifestIn(texts).contributes.walkthroughs.flatMap(({ steps }) =>
      steps.flatMap(({ description }) => /\]\(command:(moescope\.\w+)\)$/u.exec(description)?.slice(1) ?? []),
    );
    // It asks in a list, and opens nothing.
    expect(over).toEqual(['moescope.chooseModel']);
  });

  test.each(languages)(
    'the walkthrough has no mark of Markdown that VS Code leaves standing there, with %s',
    (texts) => {
      // What its steps are drawn by knows **bold**, __italic__ and ``code`` alone.
      const left = manifestIn(texts).contributes.walkthroughs.flatMap(({ steps }) =>
        steps.flatMap(
          ({ description }) => description.replace(/(\*\*|__|``)[^*_`]+\1/gu, '').match(/\S*[*_`]\S*/gu) ?? [],
        ),
      );
      expect(left).toEqual([]);
    },
  );

  test('no two steps of the walkthrough are done by the same command, and each is by its button', () => {
    const steps = walkthroughs.flatMap(({ steps }) => steps);
    const events = steps.flatMap(({ completionEvents }) => completionEvents);
    expect(events).toEqual([...new Set(events)]);
    for (const { description, completionEvents } of steps) {
      const [, command] = /\]\(command:(?:toSide:)?([\w.]+)\)$/u.exec(description)!;
      expect(completionEvents).toContain(`onCommand:${command}`);
    }
  });

  test('has the settings that are read', () => {
    const schemas = /const SCHEMAS = \{([^}]*)\}/u.exec(code)![1]!;
    const names = [...schemas.matchAll(/^ {2}(\w+):/gmu)].map((found) => `moescope.${found[1]!}`);
    expect(names.sort()).toEqual(Object.keys(configuration.properties).sort());
  });

  test('lets an untrusted folder say nothing of what runs, with how much, or unasked', () => {
    const { supported, restrictedConfigurations } = manifest.capabilities.untrustedWorkspaces;
    expect(supported).toBe('limited');
    const own = ['model', 'precision', 'provider', 'threads', 'context', 'live', 'liveCache'].map(
      (name) => `moescope.${name}`,
    );
    expect(restrictedConfigurations).toEqual(own);
    // A server and its key are chosen, and kept outside of settings: a folder cannot have texts sent anywhere.
    const names = Object.keys(configuration.properties).map((name) => name.slice('moescope.'.length));
    expect(names.filter((name) => /server|url|host|key|proxy|path|command|exec|args|env/i.test(name))).toEqual([]);
  });

  test('runs beside the files, wherever the window is', () => {
    expect(manifest.extensionKind).toEqual(['workspace']);
    expect(manifest.browser).toBeUndefined();
    expect(manifest.capabilities.virtualWorkspaces.supported).toBe('limited');
    expect(manifest.capabilities.virtualWorkspaces.description).toContain('on the machine that runs the extension');
  });

  test('offers every tint and palette', () => {
    expect(configuration.properties['moescope.tint']?.enum).toEqual(TINTS);
    expect(configuration.properties['moescope.colors']?.enum).toEqual(PALETTES);
  });

  test('every picture is there', () => {
    const pictures = walkthroughs.flatMap(({ steps }) => steps.map(({ media }) => media.svg));
    expect([manifest.icon, ...pictures].filter((path) => !existsSync(new URL(path, root)))).toEqual([]);
  });
});

test('every sample that is offered is there, and every one that is there is offered', () => {
  const offered = [...code.matchAll(/\{ file: '([^']+)'/gu)].map((found) => found[1]!);
  expect(offered.sort()).toEqual(readdirSync(new URL('media/samples/', root)).sort());
});
