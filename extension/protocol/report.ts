/**
 * What an analysis says, as data: sections of figures, each figure a chart, its table and its explanation. One renderer draws
 * them in the report page, in exported files and in the terminal, so that an analysis is written once, as a pure function.
 * All of it is plain JSON: an unknown number is null, never NaN.
 */
import type { ExpertRef } from './trace.ts';

/** Of `moescope-report`, the report as JSON: a change that would break a reader raises it. */
export const REPORT_VERSION = 2;

/** How a number came to be. It is shown with every figure. */
export const BASES = ['measured', 'counted', 'simulated', 'recorded'] as const;
/**
 * `measured`: the model ran. `counted`: arithmetic on the routing of a run. `simulated`: computed with assumptions about
 * hardware or policy, which are stated. `recorded`: read from a file.
 */
export type Basis = (typeof BASES)[number];

export interface Section {
  readonly id: string;
  readonly title: string;
  /** What the figures say, in plain words with the numbers that they rest on. */
  readonly verdict?: string;
  /** What is missing for figures, or for more of them, and what to do about it. */
  readonly lacking?: string;
  readonly controls: readonly Control[];
  readonly figures: readonly Figure[];
}

export interface Figure {
  /** Unique in its report; the name of its files when it is exported. Lower case, digits and dashes. */
  readonly id: string;
  readonly title: string;
  readonly basis: Basis;
  readonly help: Help;
  /** The figure in a sentence, for who does not see the chart: the shape and the numbers that matter. */
  readonly text: string;
  /** Absent where a table says it best. */
  readonly chart?: Chart;
  /** The data of the chart, or what there is to read. */
  readonly table: Table;
  /** Actions on this figure's subject, `Export biases…` for one. */
  readonly actions?: readonly Action[];
}

/** What a figure's data are written in for programs. */
export const DATA_FORMATS = ['csv', 'json'] as const;
export type DataFormat = (typeof DATA_FORMATS)[number];

/** What stands behind the "?" of a figure. Sentences; no markup. */
export interface Help {
  readonly meaning: string;
  readonly formula?: string;
  /** Paper or program, as in `arXiv 2408.15664` or `Megatron-LM, get_capacity`. */
  readonly source?: string;
  /** What is good, what is bad, what is usual. */
  readonly judge?: string;
}

// ---- tables --------------------------------------------------------------------------------------------------------

/** How numbers of a column or an axis are written. `nats`, `ms`, `times` (×) and `bytes` carry their unit. */
export const UNITS = ['count', 'number', 'percent', 'times', 'nats', 'bytes', 'ms', 'text'] as const;
/** `percent` is of fractions: 0.5 is written 50 %. */
export type Unit = (typeof UNITS)[number];

export interface Column {
  readonly label: string;
  readonly unit: Unit;
}

export type Cell = string | number | null;

export interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
  /** The expert that a row is about; as many as rows. */
  readonly experts?: readonly (ExpertRef | null)[];
  /** The place in a text or a file that a row is about; as many as rows. */
  readonly places?: readonly (Place | null)[];
}

/** A place to go to. */
export interface Place {
  /** Index of the file among those of a folder; absent for the text of the session. */
  readonly file?: number;
  /** UTF-16 offset, and one past the end. */
  readonly start: number;
  readonly end: number;
}

// ---- charts --------------------------------------------------------------------------------------------------------

export interface Axis {
  readonly label: string;
  readonly unit: Unit;
  /** Where the axis ends; otherwise the data say. */
  readonly min?: number;
  readonly max?: number;
  readonly log?: boolean;
}

/** A value that others are measured by, drawn as a line across: the even share, say. */
export interface Yardstick {
  readonly value: number;
  readonly label: string;
}

/** A stretch of the x axis that is of note: capacity factors in common use. */
export interface Band {
  readonly from: number;
  readonly to: number;
  readonly label: string;
}

export type Chart = BarChart | LineChart | PointChart | HeatChart;

/** Horizontal bars, a row a label. Several series stand side by side, or on one another when stacked. */
export interface BarChart {
  readonly kind: 'bars';
  readonly labels: readonly string[];
  readonly series: readonly { readonly label: string; readonly values: readonly (number | null)[] }[];
  readonly stacked?: boolean;
  readonly axis: Axis;
  readonly yardstick?: Yardstick;
  /** The expert that a bar is about, whose colour it then has; as many as labels. */
  readonly experts?: readonly ExpertRef[];
}

export interface LineChart {
  readonly kind: 'lines';
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Line[];
  readonly yardstick?: Yardstick;
  readonly band?: Band;
  /** Where the user's choice stands on the x axis. */
  readonly at?: number;
}

export interface Line {
  readonly label: string;
  readonly x: readonly number[];
  readonly y: readonly (number | null)[];
  /** Ends of the interval around each y. */
  readonly low?: readonly (number | null)[];
  readonly high?: readonly (number | null)[];
  /** Of less weight than the others: one layer among its mean. */
  readonly faint?: boolean;
}

export interface PointChart {
  readonly kind: 'points';
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly { readonly label: string; readonly x: readonly number[]; readonly y: readonly number[] }[];
}

/** A colour a cell. */
export interface HeatChart {
  readonly kind: 'heat';
  readonly rows: { readonly label: string; readonly names: readonly string[] };
  readonly columns: { readonly label: string; readonly names: readonly string[] };
  /** Row by row; null where there is no value. */
  readonly values: readonly (number | null)[];
  readonly unit: Unit;
  /** `diverging` has its middle at `middle`. */
  readonly scale: 'sequential' | 'diverging';
  readonly min: number;
  readonly middle?: number;
  readonly max: number;
  /** Rows are MoE layers by position and columns are experts: a cell is one of them. */
  readonly experts?: boolean;
}

// ---- controls ------------------------------------------------------------------------------------------------------

/** What the user set of a section, by control. A section checks what it reads: it may be of an older version, or hostile. */
export type Parameters = Readonly<Record<string, string | number | boolean>>;

/** The parameter for the position of the layer at which the user looks, which is nobody's control. */
export const SHOWN_LAYER = 'shownLayer';

export type Control = Slider | NumberBox | Choice | Toggle | Action;

interface ControlBase {
  /** Unique in its section. */
  readonly id: string;
  readonly label: string;
}

export interface Slider extends ControlBase {
  readonly kind: 'slider';
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly value: number;
  readonly unit: Unit;
  readonly band?: Band;
}

export interface NumberBox extends ControlBase {
  readonly kind: 'number';
  readonly min: number;
  readonly max: number;
  readonly value: number;
  /** As a user writes it: `GB/s`, `µs`. */
  readonly unit?: string;
}

export interface Choice extends ControlBase {
  readonly kind: 'choice';
  readonly options: readonly { readonly value: string; readonly label: string }[];
  readonly value: string;
  /** It is the layer that everything is looked at: a page that has one sets it as `SHOWN_LAYER`, in all sections alike. */
  readonly layer?: true;
}

export interface Toggle extends ControlBase {
  readonly kind: 'toggle';
  readonly value: boolean;
}

/** Something that the host does: run the model with a change, write a file. What came of it shows in the section. */
export interface Action extends ControlBase {
  readonly kind: 'action';
  /** The one that the section is about. */
  readonly primary?: boolean;
}
