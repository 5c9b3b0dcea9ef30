/** The tour, on transformers' own routing and as its users run it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tourSteps } from '../../extension/cli/tourSteps.ts';
import { ROOT } from '../support/reference.ts';
import { moescope } from '../support/terminal.ts';
import { demoTrace } from '../webview/demoTrace.ts';

describe('tourSteps', () => {
  const [balanced, collapsed] = (['balanced', 'collapsed'] as const).map((name) => {
    const { trace, text } = demoTrace(name, 'router.ts');
    return { trace, text: text.join('') };
  });
  const steps = tourSteps(balanced!, collapsed!);

  it('tells of the collapse with the numbers of the text', () => {
    // The layer with the hottest expert of all, counted apart from the code.
    const hottest = collapsed!.trace.layers.map(({ chosen }) => {
      const counts = new Map<number, number>();
      for (const e of chosen) counts.set(e, (counts.get(e) ?? 0) + 1);
      const [expert, slots] = [...counts].reduce((most, entry) => (entry[1] > most[1] ? entry : most));
      return { expert, share: slots / chosen.length };
    });
    const worst = hottest.reduce((w, h, l) => (h.share > hottest[w]!.share ? l : w), 0);
    const told = steps.find(({ title }) => title === 'collapsed: left alone')!.text.replace(/\s+/gu, ' ');
    expect(told).toContain(
      `At L${worst} E${hottest[worst]!.expert} takes ${(100 * hottest[worst]!.share).toFixed(1)} % of the load of the same text`,
    );
    const side = steps.find(({ title }) => title === 'Side by side')!.text;
    for (const { share } of hottest) expect(side).toContain(`${(100 * share).toFixed(1)} %`);
  });

  it('speaks of memory that does no work only where an expert took nothing', () => {
    const inTurn = collapsed!.trace.layers.map((layer) => ({
      ...layer,
      chosen: layer.chosen.map((_, slot) => slot % layer.experts),
    }));
    const busy = { ...collapsed!, trace: { ...collapsed!.trace, layers: inTurn } };
    const told = [collapsed!, busy].map((run) => {
      const step = tourSteps(balanced!, run).find(({ title }) => title === 'collapsed: left alone')!;
      return step.text.replace(/\s+/gu, ' ').includes('took nothing: memory that does no work');
    });
    expect(told).toEqual([true, false]);
  });

  it('names what papers call the router, its choice and the loss', () => {
    const told = steps.map(({ text }) => text.replace(/\s+/gu, ' ')).join(' ');
    for (const term of ['router, or gate', '(top-2)', 'auxiliary loss', 'capacity factor'])
      expect(told).toContain(term);
  });

  it('keeps to the width of a terminal, without colours', () => {
    for (const { text } of steps) {
      expect(text).not.toContain(String.fromCharCode(27));
      for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(110);
    }
  });

  it('says when a text is too short for a test', () => {
    const short = [balanced!, collapsed!].map(({ trace, text }) => ({ trace: { ...trace, routed: 20 }, text }));
    expect(tourSteps(short[0]!, short[1]!)[3]!.text).toContain('too short');
  });
});

describe('moescope tour', () => {
  it('goes through without asking where nobody can answer, and finds in the samples what the README says', async () => {
    const { code, stdout, stderr } = await moescope(['tour']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('6 of 6');
    expect(stdout).not.toContain('Enter goes on');
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
    const said = (name: string): string[] =>
      /\|(?<cells>.*)\|/u
        .exec(readme.split('\n').find((line) => line.startsWith(`| ${name}`))!)!
        .groups!['cells']!.split('|')
        .slice(1)
        .map((cell) => cell.trim());
    // Of each token the chosen experts and the next one, which where the choice was closest weighs as much as the last chosen.
    const shares = [...stdout.split('2 of 6')[0]!.matchAll(/^ +E\d+ +([\d.]+) % .*?(not chosen)?$/gm)];
    expect(shares.map((row) => row[2])).toEqual([1, 2, 3, 1, 2, 3].map((j) => (j === 3 ? 'not chosen' : undefined)));
    expect(Number(shares[2]![1])).toBeLessThan(Number(shares[1]![1]) / 2);
    expect(shares[5]![1]).toBe(shares[4]![1]);
    expect(stdout).not.toContain('surest');
    const rows = stdout
      .split('\n')
      .filter((line) => /^ +L\d +\d/u.test(line))
      .map((line) => line.trim().split(/\s+/u));
    expect(rows.map((row) => row[1])).toEqual(said('balanced, hottest'));
    expect(rows.map((row) => row[3])).toEqual(said('collapsed, hottest'));
    expect(rows.map((row) => row[5])).toEqual(said('balanced, under'));
    expect(rows.map((row) => row[6])).toEqual(said('collapsed, under'));
  });

  it('wants a text', async () => {
    expect(await moescope(['tour', '-'], { input: ' \n' })).toMatchObject({
      code: 2,
      stderr: 'moescope: There is no text to route.\n',
    });
    expect(await moescope(['tour', 'nowhere.txt'])).toMatchObject({ code: 2 });
    expect(await moescope(['tour', '--fast'])).toMatchObject({ code: 2 });
  });
});
