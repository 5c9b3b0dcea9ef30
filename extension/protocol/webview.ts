/**
 * Contract between the extension host and its webviews: the load view (side panel), the routing map, the model page and
 * the report page (editor tabs).
 * The load view gets small sums and computes its figures with extension/analysis; the map asks for the rows it shows, the
 * report page for the sections.
 */
import type { Inspection, TensorRows } from './model.ts';
import type { DataFormat, Parameters, Place, Section } from './report.ts';
import type { RouterFinding } from './routers.ts';
import type { ExpertRef, LayerShape, ModelInfo, Precision, Provider } from './trace.ts';

/** What a token's tint means. */
export const TINTS = ['expert', 'entropy', 'margin', 'load', 'surprise', 'dropped'] as const;
export type Tint = (typeof TINTS)[number];

/** What the load view, the map and the report share: which document and model, what is shown of it, and how current it is. */
export interface ViewState {
  /** Tells the document from others of the same name: its URI; undefined when nothing is analysed. */
  readonly key?: string;
  /** File name of the analysed document; undefined when nothing is analysed. */
  readonly document?: string;
  readonly model?: ModelInfo;
  /** Position of the chosen layer among the MoE layers. */
  readonly layer: number;
  readonly tint: Tint;
  /** Tokens of the text, and how many have routing. */
  readonly tokens: number;
  readonly routed: number;
  /** First token that an edit made stale; equals `tokens` when all is current. */
  readonly staleFrom: number;
  /** Routing that the user need not hear of makes current what is stale. */
  readonly following?: true;
  /** A run is under way: what it does, and how far it is (0 to 1, undefined where unknown). */
  readonly running?: { readonly label: string; readonly fraction?: number };
  /** The run was stopped before its end: the sentence that says so. */
  readonly partial?: string;
  /** The expert whose tokens are highlighted. */
  readonly highlight?: ExpertRef;
  /** No text is there whose tokens could be highlighted by expert: there is none of the model that is shown. */
  readonly leadsNowhere?: true;
  /** Token under the editor's cursor. */
  readonly cursor?: number;
  /** Palette of expert colours (setting `moescope.colors`). */
  readonly palette: PaletteName;
}

export const PALETTES = ['vivid', 'soft', 'colorBlind'] as const;
export type PaletteName = (typeof PALETTES)[number];

/** Load of one MoE layer over the routed tokens. */
export interface LayerLoad extends LayerShape {
  /** Slots routed to each expert; [E]. */
  readonly counts: Float64Array;
  /** Means over routed tokens, in nats and probability; NaN when there are none. */
  readonly meanEntropy: number;
  readonly meanMargin: number;
}

/** Experts of the cursor's token at one MoE layer, chosen ones only, highest weight first. */
export interface TokenLayer {
  readonly experts: readonly number[];
  readonly weights: readonly number[];
}

/** A token that the model wrote, with its routing. */
export interface WrittenToken {
  /** Empty where it completes no character. */
  readonly text: string;
  /** From the one before until this one was routed. */
  readonly milliseconds: number;
  /** In nats. */
  readonly logProb: number;
  /** By MoE layer. */
  readonly layers: readonly TokenLayer[];
}

/** What the model wrote on from the cursor last. */
export interface WrittenText {
  /** Name of the text that the model goes on from. */
  readonly document: string;
  /** Name of the model; empty until it is ready. */
  readonly model: string;
  /** While the text grows, so does this array. */
  readonly tokens: readonly WrittenToken[];
  readonly moeLayers: readonly LayerShape[];
  /** No more tokens come. */
  readonly done: boolean;
}

// ---- load view -----------------------------------------------------------------------------------------------------

export type ToLoadView =
  /** Everything but the load; sent whole whenever any of it changes. */
  | { readonly type: 'state'; readonly state: ViewState }
  /** The load by MoE layer; sent when a run ends, and at intervals while it is under way. */
  | { readonly type: 'load'; readonly layers: readonly LayerLoad[] }
  /** The cursor's token: its text and its experts at each MoE layer; undefined when it stands on none. */
  | { readonly type: 'cursor'; readonly token?: { readonly text: string; readonly layers: readonly TokenLayer[] } }
  /** What the model writes on from the cursor: its tokens from the `from`th on, of which the view has those before. */
  | { readonly type: 'written'; readonly from: number; readonly written?: WrittenText };

export type FromLoadView =
  /** The view is up and wants its state. */
  { readonly type: 'ready' } | ViewAction;

/** What a user can ask of the host from the load view, the map and the report. */
export type ViewAction =
  | { readonly type: 'chooseLayer'; readonly layer: number }
  | { readonly type: 'chooseTint'; readonly tint: Tint }
  /** Highlights an expert's tokens in the editor; without `expert` clears. `preview` is pointing, undone on leaving. */
  | { readonly type: 'highlight'; readonly expert?: ExpertRef; readonly preview: boolean }
  | { readonly type: 'command'; readonly command: ViewCommand };

/** `analyzeAgain` and `cancel` are about the text of the view, `analyze` about the one in the editor. */
export const VIEW_COMMANDS = [
  'analyze',
  'analyzeAgain',
  'cancel',
  'openSample',
  'openMap',
  'openReport',
  'compareBundled',
  'chooseModel',
] as const;
export type ViewCommand = (typeof VIEW_COMMANDS)[number];

// ---- routing map ---------------------------------------------------------------------------------------------------

/** Tokens [from, to) with their routing at every MoE layer. */
export interface MapRows {
  readonly from: number;
  readonly to: number;
  /** Text of each token as it stands in the document; the views make white space visible. */
  readonly text: readonly string[];
  readonly ids: Int32Array;
  readonly logProb: Float32Array;
  /** One entry a MoE layer; k chosen slots a token, row-major [(to − from)·k]. */
  readonly layers: readonly {
    readonly chosen: Uint16Array;
    readonly weight: Float32Array;
    readonly entropy: Float32Array;
    readonly margin: Float32Array;
    /** Share of the token's slots that the chosen capacity limit drops, [to − from]; absent while the tint is another. */
    readonly dropped?: Float32Array;
  }[];
}

export type ToMap =
  | { readonly type: 'state'; readonly state: ViewState }
  /** A new trace or more of it: earlier rows are void from `from` on. `windows` as in RoutingTrace. */
  | { readonly type: 'trace'; readonly generation: number; readonly from: number; readonly windows: Uint32Array }
  /** Answer to `rows`; void if its generation is not the current one. */
  | { readonly type: 'rows'; readonly generation: number; readonly rows: MapRows }
  /** Load by MoE layer, for the tint `load` and the details of a cell. */
  | { readonly type: 'load'; readonly layers: readonly LayerLoad[] }
  /** Bring this token into view (the editor's cursor or scroll moved). `select` also moves the map's cell to it. */
  | { readonly type: 'reveal'; readonly token: number; readonly select: boolean };

export type FromMap =
  | { readonly type: 'ready' }
  /** Rows [from, to) are wanted; the newest request matters most. */
  | { readonly type: 'rows'; readonly generation: number; readonly from: number; readonly to: number }
  /** The user moved to this token in the map: the editor reveals it. `select` also moves the editor's cursor. */
  | { readonly type: 'goto'; readonly token: number; readonly select: boolean }
  | ViewAction;

// ---- model page ----------------------------------------------------------------------------------------------------

/** A model, and how this window runs it. */
export interface ModelPageState {
  readonly model: Inspection;
  /** What the settings ask for. */
  readonly wanted: { readonly precision: Precision | 'auto'; readonly provider: Provider | 'auto' };
  /** What ran last, if this model did; `note` says why on that provider, where it had to prove itself or others failed. */
  readonly ran?: { readonly precision: string; readonly provider: string; readonly note?: string };
}

export type ToModelPage =
  | { readonly type: 'model'; readonly page: ModelPageState }
  /** An ONNX model: all that its graph tells. */
  | { readonly type: 'foreign'; readonly name: string; readonly finding: RouterFinding }
  /** The model is being read, or why it could not be. */
  | { readonly type: 'reading'; readonly name: string }
  | { readonly type: 'failed'; readonly name: string; readonly message: string }
  /** Answer to `tensors` of the same number. */
  | { readonly type: 'tensors'; readonly query: number; readonly from: number; readonly found: TensorRows }
  /** Why the tensors of that number cannot be listed. */
  | { readonly type: 'tensorsFailed'; readonly query: number; readonly message: string };

export type FromModelPage =
  | { readonly type: 'ready' }
  /** Tensors are wanted whose names or types have all words of the search; the newest query matters. */
  | {
      readonly type: 'tensors';
      readonly query: number;
      readonly search: string;
      readonly from: number;
      readonly count: number;
    }
  | { readonly type: 'command'; readonly command: ModelPageCommand };

export const MODEL_PAGE_COMMANDS = ['chooseModel', 'openSettings'] as const;
export type ModelPageCommand = (typeof MODEL_PAGE_COMMANDS)[number];

// ---- report page ---------------------------------------------------------------------------------------------------

/** What a report can be about: the text of an editor, a folder that was routed, a recording. */
export interface SubjectEntry {
  readonly id: string;
  readonly name: string;
  /** Model, precision and size, in a few words. */
  readonly detail: string;
}

/** A section by name, and what it stands among. */
export interface SectionEntry {
  readonly id: string;
  readonly title: string;
  readonly group: string;
}

/** Answers come in order; a page that has asked anew drops the answer to what it asked before. */
export type ToReportPage =
  /** As for the other views; the report needs the palette, the highlight, and whether a run is under way. */
  | { readonly type: 'state'; readonly state: ViewState }
  /** What there is to report on, and which of it is shown; without `current` there is nothing. */
  | { readonly type: 'subjects'; readonly subjects: readonly SubjectEntry[]; readonly current?: string }
  /** Which sections the report has, in order, those of a group together. */
  | { readonly type: 'sections'; readonly sections: readonly SectionEntry[] }
  /** What is known of the subject changed: sections that are shown are to be asked for again. */
  | { readonly type: 'changed' }
  /** Bring this section into view. */
  | { readonly type: 'reveal'; readonly section: string }
  /** Answer to `section` of the same number. */
  | { readonly type: 'section'; readonly request: number; readonly section: Section }
  | { readonly type: 'failed'; readonly request: number; readonly message: string };

export type FromReportPage =
  /** The page is up; `set` is what it kept of what the user set, by section. */
  | { readonly type: 'ready'; readonly set: Readonly<Record<string, Parameters>> }
  | { readonly type: 'chooseSubject'; readonly id: string }
  /** A section is wanted, with what the user set of it. */
  | { readonly type: 'section'; readonly request: number; readonly id: string; readonly set: Parameters }
  /** An action of a section, by the ids of both. */
  | { readonly type: 'act'; readonly section: string; readonly action: string; readonly set: Parameters }
  /** Go to a place that a row names. */
  | { readonly type: 'goto'; readonly place: Place }
  /** Save one figure's data; by its id, and with what the user set of its section. */
  | {
      readonly type: 'saveData';
      readonly section: string;
      readonly figure: string;
      readonly format: DataFormat;
      readonly set: Parameters;
    }
  /** Save one figure's chart: SVG, or PNG (then in base64). */
  | { readonly type: 'save'; readonly name: string; readonly content: string; readonly encoding: 'utf8' | 'base64' }
  /** Export the whole report; `set` by section. */
  | { readonly type: 'export'; readonly set: Readonly<Record<string, Parameters>> }
  | ViewAction;
