import { describe, expect, it } from 'vitest';
import { makeFile } from '../../../extension/analysis/sections/all.ts';
import { placementSection } from '../../../extension/analysis/sections/placement.ts';
import { subjectOfFolder } from '../../../extension/analysis/sections/subject.ts';
import type { Figure } from '../../../extension/protocol/report.ts';
import { NO_EXPERT } from '../../../extension/protocol/trace.ts';
import { folderOfText } from '../../support/folderTrace.ts';
import { layerTrace } from '../../support/layerTrace.ts';
import { subject } from '../../support/subject.ts';

/** Eight tokens that take experts 0 and 1 of 8, but for the last. */
const HOT = layerTrace({
  experts: 8,
  k: 2,
  chosen: [...Array.from({ length: 7 }, () => [0, 1]), [6, 7]],
});

const figure = (figures: readonly Figure[], id: string): Figure => figures.find((f) => f.id === id)!;

describe('the section on placement', () => {
  it('compares placements, of which EPLB is the better for its own load', () => {
    const { figures, verdict } = placementSection.make(subject([HOT]), {
      devices: 4,
      nodes: 2,
      redundant: 4,
      policy: 'flat',
    });
    const { rows } = figure(figures, 'placement-overload').table;
    // In order, two experts a device: device 0 has 14 of 16 slots, mean 4.
    expect(rows[0]!.slice(0, 3)).toEqual(['contiguous', 3.5, 3.5]);
    // Twelve slots, three a device: four copies of 0 and 1 more, so that both weigh 7/3 a slot.
    expect(rows[1]!.slice(0, 2)).toEqual(['EPLB flat', expect.closeTo((2 * 7) / 3 / 4, 9)]);
    expect(verdict).toContain('3.50× the even load');
    expect(verdict).toContain('EPLB flat (12 slots for 8 experts)');
    expect(verdict).toContain('this very load, so that a new text may do worse');
  });

  it.each(['contiguous', 'flat'])('has nobody wait on one device: %s', (policy) => {
    const { verdict } = placementSection.make(subject([HOT]), { devices: 1, redundant: 0, policy });
    expect(verdict).toMatch(/^One device holds all experts, so no other waits for it\. Routing is that of text/);
    expect(verdict).not.toMatch(/worse|times the even/);
  });

  it('places by another text’s load, and judges by this one’s', () => {
    const other = subject([{ ...HOT, chosen: HOT.chosen.map((e) => 7 - e) }], { name: 'other text' });
    const { figures, controls, verdict } = placementSection.make(subject([HOT], { evidence: { other } }), {
      ...{ devices: 4, redundant: 0 },
      from: 'other',
    });
    expect(controls.map(({ id }) => id)).toContain('from');
    expect(verdict).toContain('other text');
    // EPLB takes 0 and 1, of which the other text has one token, for cold ones.
    const { rows } = figure(figures, 'placement-overload').table;
    expect(rows[1]![1]).toBeGreaterThan(1.5);
  });

  it('has as much traffic of a folder as of its text where a limit of the model’s own dropped slots', () => {
    const chosen = [[0], [0], [7], [7], ...Array.from({ length: 8 }, () => [null])];
    const text = subject([layerTrace({ experts: 8, k: 1, chosen })]);
    const folder = subjectOfFolder('docs', folderOfText('a.md', text.trace!, text.text!));
    const rows = [text, folder].map((of) => {
      const { figures } = placementSection.make(of, { devices: 2, nodes: 1, redundant: 0 });
      return figure(figures, 'placement-traffic').table.rows;
    });
    expect(rows[1]).toEqual(rows[0]);
  });

  it('leaves out a layer where nothing was routed', () => {
    const none = { ...HOT, chosen: HOT.chosen.map(() => NO_EXPERT), entropy: HOT.entropy.map(() => NaN) };
    const [{ trace: routed, ...counts }, { trace: alone, ...countsAlone }] = [subject([HOT, none]), subject([HOT])];
    const cases = [
      [
        { ...counts, trace: routed! },
        { ...countsAlone, trace: alone! },
      ],
      [counts, countsAlone],
    ] as const;
    for (const [both, one] of cases) {
      const { verdict, figures } = placementSection.make(both, { devices: 4, nodes: 1 });
      expect(JSON.stringify([verdict, figures.map(({ text }) => text)])).not.toContain('NaN');
      const expected = placementSection.make(one, { devices: 4, nodes: 1 }).figures;
      for (const id of ['placement-traffic', 'placement-time']) {
        expect(figure(figures, id).table.rows).toEqual(figure(expected, id).table.rows);
      }
    }
  });

  it('says of a layer where nothing was routed that there is no load', () => {
    const none = { ...HOT, chosen: HOT.chosen.map(() => NO_EXPERT), entropy: HOT.entropy.map(() => NaN) };
    const { figures } = placementSection.make(subject([HOT, none]), { devices: 4, layer: '1' });
    expect(figure(figures, 'placement-devices').text).toBe('Nothing was routed.');
  });

  it('offers no other text that does not fit', () => {
    const other = subject([layerTrace({ experts: 4, k: 2, chosen: [[0, 1]] })]);
    const { controls } = placementSection.make(subject([HOT], { evidence: { other } }), { from: 'other' });
    expect(controls.map(({ id }) => id)).not.toContain('from');
  });

  it('says of nodes and groups what it cannot do as asked', () => {
    const { lacking } = placementSection.make(subject([HOT]), {
      devices: 8,
      nodes: 3,
      policy: 'hierarchical',
      groups: 1,
    });
    expect(lacking).toContain('8 devices do not spread evenly over 3 nodes: 2 it is.');
    expect(lacking).toContain('EPLB takes its flat way');
  });

  it('says that experts do not fall into the groups that were asked for', () => {
    const set = { devices: 4, nodes: 2, policy: 'hierarchical' };
    const { lacking } = placementSection.make(subject([HOT]), { ...set, groups: 6 });
    expect(lacking).toBe('8 experts do not fall into 6 equal groups: their hierarchical placement is the flat one.');
    expect(placementSection.make(subject([HOT]), { ...set, groups: 4 }).lacking).toBeUndefined();
  });

  it('offers to save what engines can start from', () => {
    const even = placementSection.make(subject([HOT]), { devices: 4 });
    expect(figure(even.figures, 'placement-devices').actions?.map(({ id }) => id)).toEqual([
      'save-sglang',
      'save-vllm-ascend',
    ]);
    const uneven = placementSection.make(subject([HOT]), { devices: 3, policy: 'contiguous' });
    expect(figure(uneven.figures, 'placement-devices').actions).toBeUndefined();
    expect(uneven.lacking).toContain('as many experts on every device');
    // The layers of an ONNX export that numbers none need not be those of the model; those of recordings are.
    const counted = placementSection.make(subject([HOT], { model: { layers: 0 } }), { devices: 4 });
    expect(figure(counted.figures, 'placement-devices').actions?.map(({ id }) => id)).toEqual(['save-vllm-ascend']);
    expect(counted.lacking).toContain('cannot be saved for SGLang');
    const { trace, ...counts } = subject([HOT], { model: { layers: 0 } });
    expect(trace).toBeDefined();
    const recorded = placementSection.make({ ...counts, source: 'recorded' }, { devices: 4 });
    expect(figure(recorded.figures, 'placement-devices').actions?.map(({ id }) => id)).toContain('save-sglang');
  });

  it('saves the placement that it shows', () => {
    const set = { devices: 4, redundant: 0, policy: 'flat' };
    const { text } = makeFile('placement', 'save-sglang', subject([HOT]), set)!;
    const { physical_to_logical_map: map } = JSON.parse(text) as { physical_to_logical_map: number[][] };
    const { figures } = placementSection.make(subject([HOT]), set);
    const shown = figure(figures, 'placement-devices').table.rows.map((row) => row[4]);
    expect(shown).toEqual([0, 2, 4, 6].map((slot) => `E${map[0]![slot]!} E${map[0]![slot + 1]!}`));
    expect(makeFile('placement', 'save-nothing', subject([HOT]), set)).toBeUndefined();
  });

  it('counts what it can and expects the rest', () => {
    const { trace, ...counts } = subject([HOT]);
    expect(trace).toBeDefined();
    const counted = placementSection.make(subject([HOT]), { devices: 8, policy: 'contiguous' });
    const expected = placementSection.make(counts, { devices: 8, policy: 'contiguous' });
    expect(expected.lacking).toContain('Only counts are known');
    const devices = (section: typeof counted): string => figure(section.figures, 'placement-traffic').text;
    expect(devices(counted)).toContain('goes to 2.00 devices');
    expect(devices(expected)).toMatch(/goes to 2\.00 devices/);
  });

  it('counts transfers alone where the hidden size is not known', () => {
    const set = { devices: 8, nodes: 2, policy: 'contiguous' };
    const { figures, lacking, controls } = placementSection.make(subject([HOT], { model: { hiddenSize: 0 } }), set);
    expect(lacking).toBe('The hidden size of the model is not known: transfers are counted, without bytes and times.');
    const { title, text, table, chart } = figure(figures, 'placement-traffic');
    expect(title).toContain('transfers of a token');
    // Two experts a token, each on a device of its own: 7/8 of them are elsewhere, half in the other node.
    expect(text).toContain('Sent once for each expert: 1.75 transfers');
    expect(table.rows[0]).toEqual(['once for each expert', 0.75, 1]);
    expect(JSON.stringify([text, table, chart])).not.toContain('bytes');
    expect(figures.map(({ id }) => id)).not.toContain('placement-time');
    expect(controls.map(({ id }) => id)).not.toContain('format');
  });

  it('holds its own against parameters that are none, and a text of nothing', () => {
    const hostile = {
      devices: 'many',
      nodes: -1,
      redundant: NaN,
      groups: 1.5,
      policy: 'best',
      batch: Infinity,
      layer: '9',
    };
    const { figures } = placementSection.make(subject([HOT]), hostile);
    expect(JSON.stringify(figures)).not.toContain('NaN');
    const nothing = layerTrace({ experts: 8, k: 2, chosen: [[null, null]], entropy: [NaN] });
    expect(placementSection.make(subject([nothing]), {}).verdict).toBe('Nothing was routed.');
  });
});
