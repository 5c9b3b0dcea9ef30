import { describe, expect, test } from 'vitest';
import { expertColor } from '../../extension/analysis/palette.ts';
import { barCells, hoverMarkdown } from '../../extension/host/hoverText.ts';
import { inlineCode } from '../../extension/host/markdown.ts';
import { NO_EXPERT } from '../../extension/protocol/trace.ts';
import { PALETTES } from '../../extension/protocol/webview.ts';
import { routedTextOf, type LayerInput } from './routedTextOf.ts';

const options = { uri: 'file:///a%20(b).ts', layer: 1, palette: 'vivid', theme: 'dark' } as const;
const color = (expert: number): string => expertColor(expert, 'vivid', 'dark');

const layers: LayerInput[] = [
  {
    layer: 1,
    experts: 4,
    k: 2,
    slots: [
      [
        [3, 0.75],
        [0, 0.25],
      ],
      [
        [1, 1],
        [2, 0],
      ],
    ],
    entropy: [1.234, 0],
    margin: [0.1, NaN],
  },
  {
    layer: 2,
    experts: 4,
    k: 2,
    slots: [
      [
        [2, 0.5],
        [1, 0.5],
      ],
      [
        [NO_EXPERT, 0],
        [0, 1],
      ],
    ],
    entropy: [1, 2],
    margin: [0, 0.5],
  },
];
const routed = routedTextOf({
  text: 'a `b`',
  tokens: [
    [0, 1],
    [1, 5],
  ],
  logProb: [NaN, Math.log(0.25)],
  windows: [0, 1],
  layers,
});

/** WCAG 2.2: (L1 + 0.05) / (L2 + 0.05) of relative luminances. */
function contrast(a: string, b: string): number {
  const [dark, light] = [a, b]
    .map((hex) => {
      const [red, green, blue] = [1, 3, 5].map((at) => {
        const v = parseInt(hex.slice(at, at + 2), 16) / 255;
        return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
      }) as [number, number, number];
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    })
    .sort((x, y) => x - y) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

/** The data of the links in a text. */
function linkArguments(markdown: string): unknown[] {
  return [...markdown.matchAll(/\]\(command:(\w+\.\w+)\?([^ )]+)/gu)].map(([, command, argument]) => [
    command,
    ...(JSON.parse(decodeURIComponent(argument!)) as unknown[]),
  ]);
}

describe('hoverMarkdown', () => {
  test('says what token it is and how likely it was', () => {
    const text = hoverMarkdown(routed, [1], options);
    expect(text.split('\n')[0]).toBe(
      '`` ·`b` `` &nbsp; token 1 · id 101 · <span title="how unlikely the model found the token">surprise</span> **1.39** nats · probability 25.0 %',
    );
    expect(text).toContain('A context window starts here');
    expect(hoverMarkdown(routed, [0], options)).toContain('first of its context, nothing predicts it');
  });

  test('has a row a layer, with weights, figures and the chosen layer in bold', () => {
    const rows = hoverMarkdown(routed, [0], options)
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .map((line) => line.replaceAll(/\]\([^)]*\)/gu, ']').replaceAll(/color:#[^;]*;">E/gu, 'color:…">E'));
    const cells = (n: number, expert: number): string =>
      `<span style="background-color:${color(expert)};">${'&nbsp;'.repeat(n)}</span>`;
    const name = (expert: number): string => `[<span style="color:…">E${expert}</span>]`;
    expect(rows).toEqual([
      '| | <span title="how much each chosen expert counts">weights</span> | experts ' +
        '| <span title="how evenly the router spreads its probability">entropy</span> ' +
        '| &nbsp;<span title="how far the last chosen expert is ahead of the first not chosen">margin</span> |',
      `| L1 | ${cells(27, 3)}${cells(9, 0)} | ${name(3)} 0.75 &nbsp;${name(0)} 0.25 | 1.23 | 0.10 |`,
      `| **L2** | ${cells(18, 2)}${cells(18, 1)} | ${name(2)} 0.50 &nbsp;${name(1)} 0.50 | 1.00 | 0.00 |`,
    ]);
  });

  test.each([
    ['dark', '#252526'],
    ['light', '#f3f3f3'],
    ['highContrast', '#000000'],
    ['highContrastLight', '#ffffff'],
  ] as const)('names of experts are read in every palette, %s', (theme, background) => {
    const named = Array.from({ length: 16 }, (_, token) => [0, 1, 2, 3].map((j) => [4 * token + j, 0.25] as const));
    const layer = {
      layer: 0,
      experts: 64,
      k: 4,
      slots: named,
      entropy: named.map(() => 1),
      margin: named.map(() => 1),
    };
    const many = routedTextOf({
      text: 'abcdefghijklmnop',
      tokens: named.map((_, t) => [t, t + 1]),
      layers: [layer],
    });
    for (const palette of PALETTES) {
      const colors = named.flatMap((_, token) =>
        [
          ...hoverMarkdown(many, [token], { ...options, palette, theme, layer: 0 }).matchAll(/[" ]color:(#\w+);">E/gu),
        ].map(([, hex]) => hex!),
      );
      expect(colors).toHaveLength(64);
      expect(Math.min(...colors.map((hex) => contrast(hex, background)))).toBeGreaterThanOrEqual(4.5);
    }
  });

  test('an unknown margin is a dash and a dropped slot is said', () => {
    const text = hoverMarkdown(routed, [1], options);
    expect(text).toMatch(/\| 0\.00 \| – \|/u);
    expect(text).toMatch(/ 1\.00 &nbsp;1 dropped \| 2\.00 \| 0\.50 \|/u);
  });

  test('links carry document, layer and expert, whatever stands in the name of the file', () => {
    const found = linkArguments(hoverMarkdown(routed, [0], options));
    const { uri } = options;
    expect(found).toEqual([
      ['moescope.highlightExpert', { uri, layer: 0, expert: 3 }],
      ['moescope.highlightExpert', { uri, layer: 0, expert: 0 }],
      ['moescope.highlightExpert', { uri, layer: 1, expert: 2 }],
      ['moescope.highlightExpert', { uri, layer: 1, expert: 1 }],
      ['moescope.highlightExpert', { uri, layer: 1, expert: 2 }],
      ['moescope.showInMap', { uri, token: 0 }],
    ]);
  });

  test('tokens of one character are all there', () => {
    const text = hoverMarkdown(routed, [0, 1], options);
    expect(text).toMatch(/^2 tokens share this character\./u);
    expect(text.match(/token \d/gu)).toEqual(['token 0', 'token 1']);
  });

  test('a token that is not routed yet says so', () => {
    const running = routedTextOf({
      text: 'ab',
      tokens: [
        [0, 1],
        [1, 2],
      ],
      routed: 1,
      layers,
    });
    expect(hoverMarkdown(running, [1], options)).toBe(
      '`b` &nbsp; token 1 · id 101\n\nNo routing: the run has not come this far.',
    );
  });

  test('a deep model shows the chosen layer and its neighbours, and the way to the rest', () => {
    const deep = routedTextOf({
      text: 'a',
      tokens: [[0, 1]],
      layers: Array.from({ length: 58 }, (_, i) => ({ ...layers[0]!, layer: i + 3, slots: [layers[0]!.slots[0]!] })),
    });
    const shown = (layer: number): string[] =>
      [...hoverMarkdown(deep, [0], { ...options, layer }).matchAll(/^\| \**L(\d+)/gmu)].map((row) => row[1]!);
    expect(shown(30)).toEqual(['29', '30', '31', '32', '33', '34', '35', '36', '37']);
    expect(shown(0)).toEqual(['3', '4', '5', '6', '7', '8', '9', '10', '11']);
    expect(shown(57)).toEqual(['52', '53', '54', '55', '56', '57', '58', '59', '60']);
    expect(hoverMarkdown(deep, [0], options)).toContain('[Show all 58 layers in the map]');
  });

  test('many experts of a token are counted, not listed', () => {
    const slots = Array.from({ length: 8 }, (_, e): [number, number] => [e, 0.125]);
    const wide = routedTextOf({
      text: 'a',
      tokens: [[0, 1]],
      layers: [{ layer: 0, experts: 8, k: 8, slots: [slots], entropy: [2], margin: [NaN] }],
    });
    const text = hoverMarkdown(wide, [0], { ...options, layer: 0 });
    expect(text).toContain('0.13 &nbsp;+4 |');
    expect(text.match(/background-color/gu)).toHaveLength(8);
  });

  test.each([
    [0.5, '0.50'],
    [0.01, '0.01'],
    [0.0042, '0.004'],
    [0.00006, '0.00006'],
    [1e-9, '&lt;0.000001'],
    [0, '0.00'],
  ])('a margin of %s is not rounded away: %s', (margin, shown) => {
    const near = routedTextOf({
      text: 'a',
      tokens: [[0, 1]],
      layers: [{ layer: 0, experts: 2, k: 1, slots: [[[0, 1]]], entropy: [2], margin: [margin] }],
    });
    expect(hoverMarkdown(near, [0], { ...options, layer: 0 })).toContain(`| ${shown} |`);
  });

  test('after an edit it says that the figures are old', () => {
    const edited = routedTextOf({
      text: 'ab',
      tokens: [
        [0, 1],
        [1, 2],
      ],
      layers,
    });
    edited.edits.apply([{ offset: 1, removed: 0, inserted: 1 }], (from, to) => 'axb'.slice(from, to));
    expect(hoverMarkdown(edited, [0], options)).not.toContain('old figures');
    expect(hoverMarkdown(edited, [1], options)).toContain('*The text has changed since: these are the old figures.*');
  });
});

test('bars are full, whatever the weights', () => {
  expect(barCells([0.75, 0.25])).toEqual([27, 9]);
  expect(barCells([0.999, 0.001])).toEqual([35, 1]);
  expect(barCells([2, 2, 2])).toEqual([12, 12, 12]);
  expect(barCells([1, 0])).toEqual([36, 0]);
  expect(barCells([0, 0])).toEqual([0, 0]);
  expect(barCells([])).toEqual([]);
});

test('inline code holds any backticks', () => {
  expect(inlineCode('a')).toBe('`a`');
  expect(inlineCode('a``b`')).toBe('``` a``b` ```');
});

test('routing without weights names the experts, each as wide as the others, and says what is unknown', () => {
  const served = routedTextOf({
    text: 'ab',
    tokens: [
      [0, 1],
      [1, 2],
    ],
    layers: [
      {
        layer: 0,
        experts: 4,
        k: 2,
        slots: [
          [
            [3, NaN],
            [0, NaN],
          ],
          [
            [NO_EXPERT, NaN],
            [NO_EXPERT, NaN],
          ],
        ],
        entropy: [NaN, NaN],
        margin: [NaN, NaN],
      },
    ],
  });
  const [first, second] = [0, 1].map((token) => hoverMarkdown(served, [token], { ...options, layer: 0 }));
  expect(first).toContain('| | weights unknown | experts |');
  expect(first).not.toMatch(/NaN/);
  const bars = [...first!.matchAll(/background-color:(#\w+);">((?:&nbsp;)+)</gu)];
  expect(bars.map(([, ofExpert]) => ofExpert)).toEqual([color(3), color(0)]);
  expect(bars[0]![2]).toHaveLength(bars[1]![2]!.length);
  // A row that came without data was not dropped by any limit.
  expect(second).toContain('no data');
  expect(second).not.toContain('dropped');
  expect(second).toContain('its probability is not known');
  // Which of its slots are the lightest nothing tells.
  const limit = { factor: 1, policy: 'weight' } as const;
  expect(hoverMarkdown(served, [0], { ...options, layer: 0, limit, fates: [[[]]] })).not.toContain('Capacity factor');
});
