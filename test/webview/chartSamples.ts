/** A section with a chart of each kind, and every kind of control. */
import type { Chart, Figure, Section } from '../../extension/protocol/report.ts';

const factors = [0.5, 1, 1.1, 1.2, 1.25, 1.3, 1.5, 2, 3, 4];
const layers = Array.from({ length: 12 }, (_, i) => `L${i}`);
const wave = (i: number, phase: number): number => 0.5 + 0.4 * Math.sin(i / 3 + phase);

const samples: readonly (readonly [id: string, title: string, chart: Chart])[] = [
  [
    'capacity',
    'Dropped slots by capacity factor',
    {
      kind: 'lines',
      x: { label: 'capacity factor', unit: 'number' },
      y: { label: 'slots dropped', unit: 'percent', min: 0 },
      series: [
        ...[0.8, 0.9, 1.2].map((m, i) => ({
          label: `L${i}`,
          x: factors,
          y: factors.map((f) => Math.exp(-f) * m),
          faint: true,
        })),
        {
          label: 'by position',
          x: factors,
          y: factors.map((f) => Math.exp(-f)),
          low: factors.map((f) => Math.exp(-f) * 0.85),
          high: factors.map((f) => Math.exp(-f) * 1.15),
        },
        { label: 're-routed', x: factors, y: factors.map((f) => Math.exp(-1.6 * f)) },
        { label: 'by weight', x: factors, y: factors.map((f) => 0.95 * Math.exp(-f)) },
      ],
      band: { from: 1.1, to: 1.3, label: 'in common use' },
      yardstick: { value: 0.1, label: 'a tenth' },
      at: 1.25,
    },
  ],
  [
    'depth',
    'Entropy by layer',
    {
      kind: 'lines',
      x: { label: 'layer', unit: 'count' },
      y: { label: 'entropy', unit: 'nats', min: 0 },
      series: [
        { label: 'entropy', x: layers.map((_, i) => i), y: layers.map((_, i) => (i === 5 ? null : 2 * wave(i, 1))) },
      ],
      yardstick: { value: Math.log(16), label: 'ln E, no preference' },
    },
  ],
  [
    'grouped',
    'Share of the load by kind of text',
    {
      kind: 'bars',
      labels: ['prose', 'code', 'numbers', 'names of functions and of variables', '专家'],
      series: [
        { label: 'before', values: [0.3, 0.5, 0.1, 0.22, 0.05] },
        { label: 'after', values: [0.2, 0.3, null, 0.18, 0.12] },
        { label: 'on the other half', values: [0.25, 0.31, 0.16, 0.2, 0.08] },
      ],
      axis: { label: 'share of the slots', unit: 'percent', min: 0 },
      yardstick: { value: 0.25, label: 'even' },
    },
  ],
  [
    'signed',
    'Loss without an expert',
    {
      kind: 'bars',
      labels: ['E1', 'E7', 'E12', 'E3'],
      series: [{ label: 'change of the loss', values: [0.31, 0.12, 0.004, -0.08] }],
      axis: { label: 'change of the loss', unit: 'nats' },
      experts: [1, 7, 12, 3].map((expert) => ({ layer: 2, expert })),
    },
  ],
  [
    'stacked',
    'Time of a step',
    {
      kind: 'bars',
      labels: layers.slice(0, 5),
      series: [
        { label: 'compute', values: [4, 5, 6, 3, 4] },
        { label: 'all-to-all', values: [2, 2.5, 1, 3, 2] },
        { label: 'waiting', values: [1, 4, 0.5, 0.2, 1] },
      ],
      stacked: true,
      axis: { label: 'time', unit: 'ms', min: 0 },
    },
  ],
  [
    'points',
    'Load against entropy',
    {
      kind: 'points',
      x: { label: 'tokens', unit: 'count', log: true },
      y: { label: 'entropy', unit: 'nats' },
      series: [0, 1, 2].map((s) => ({
        label: ['prose', 'code', 'numbers'][s]!,
        x: layers.map((_, i) => 10 ** (1 + i / 4 + s / 5)),
        y: layers.map((_, i) => wave(i, s) + s / 4),
      })),
    },
  ],
  [
    'small-heat',
    'Agreement of layers',
    {
      kind: 'heat',
      rows: { label: 'layer', names: layers.slice(0, 7) },
      columns: { label: 'layer', names: layers.slice(0, 7) },
      values: Array.from({ length: 49 }, (_, i) => (i % 8 === 0 ? null : wave(i, 0) - 0.5)),
      unit: 'number',
      scale: 'diverging',
      min: -0.5,
      middle: 0,
      max: 0.5,
    },
  ],
  [
    'large-heat',
    'Load of 256 experts at 58 layers',
    {
      kind: 'heat',
      rows: { label: 'layer', names: Array.from({ length: 58 }, (_, i) => `L${i + 3}`) },
      columns: { label: 'expert', names: Array.from({ length: 256 }, (_, i) => `E${i}`) },
      values: Array.from({ length: 58 * 256 }, (_, i) => 3 * wave(i * 1.7, i % 11) ** 2),
      unit: 'times',
      scale: 'sequential',
      min: 0,
      max: 2,
      experts: true,
    },
  ],
  [
    'columns',
    'Load of 256 experts',
    {
      kind: 'bars',
      labels: Array.from({ length: 256 }, (_, i) => `E${i}`),
      series: [{ label: 'share', values: Array.from({ length: 256 }, (_, i) => wave(i * 1.7, i % 11) ** 2 / 60) }],
      axis: { label: 'share of the load', unit: 'percent', min: 0 },
      yardstick: { value: 1 / 256, label: 'even' },
      experts: Array.from({ length: 256 }, (_, expert) => ({ layer: 1, expert })),
    },
  ],
];

export const charts: Section = {
  id: 'charts',
  title: 'Charts',
  verdict:
    'At a capacity of 1.25 the model would drop 20.7 % of its slots; a third of those find room with a runner-up.',
  lacking: 'The cost of it is not known: run the ablation to have it.',
  controls: [
    {
      kind: 'slider',
      id: 'factor',
      label: 'Capacity factor',
      min: 0.5,
      max: 4,
      step: 0.05,
      value: 1.25,
      unit: 'number',
      band: { from: 1.1, to: 1.3, label: 'in common use' },
    },
    { kind: 'number', id: 'bandwidth', label: 'Bandwidth', min: 1, max: 1000, value: 50, unit: 'GB/s' },
    {
      kind: 'choice',
      id: 'policy',
      label: 'Policy',
      options: [
        { value: 'position', label: 'by position' },
        { value: 'weight', label: 'by weight' },
      ],
      value: 'weight',
    },
    { kind: 'toggle', id: 'faint', label: 'Each layer', value: true },
    { kind: 'action', id: 'run', label: 'Measure', primary: true },
    { kind: 'action', id: 'stop', label: 'Export Placement…' },
  ],
  figures: samples.map(([id, title, chart]): Figure => ({
    id,
    title,
    basis: 'counted',
    help: { meaning: `What ${title} means.`, formula: 'x = y', source: 'arXiv 2408.15664', judge: 'Less is better.' },
    text: `${title}, in a sentence.`,
    chart,
    table: { columns: [{ label: 'layer', unit: 'text' }], rows: [['L0']] },
    ...(id === 'signed' ? { actions: [{ kind: 'action', id: 'biases', label: 'Export Biases…' }] } : {}),
  })),
};
