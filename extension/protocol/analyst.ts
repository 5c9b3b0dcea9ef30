/** Contract between the extension host and the analyst, a worker thread that makes sections of reports from subjects. */
import type { CapacityLimit } from '../protocol/intervention.ts';
import type { ExportedFile, ExportFormat } from '../analysis/export/files.ts';
import type { Settings } from '../analysis/export/report.ts';
import type { SectionFile } from '../analysis/sections/kind.ts';
import type { Subject } from '../analysis/sections/subject.ts';
import type { DataFormat, Parameters, Section } from './report.ts';
import type { PaletteName } from './webview.ts';

export type Question =
  /** A section, with what the user set of it. */
  | { readonly kind: 'section'; readonly id: string; readonly set: Parameters }
  /** The file that an action of a section saves. */
  | { readonly kind: 'file'; readonly id: string; readonly action: string; readonly set: Parameters }
  /** One figure's data as a file; with what is set of its section. */
  | {
      readonly kind: 'figure';
      readonly section: string;
      readonly figure: string;
      readonly format: DataFormat;
      readonly set: Parameters;
    }
  /** The whole report as files; what is set, by section. */
  | {
      readonly kind: 'export';
      readonly format: ExportFormat;
      readonly settings: Settings;
      readonly palette: PaletteName;
    }
  /** What a capacity limit does to the subject's tokens, at each MoE layer. */
  | { readonly kind: 'dropped'; readonly limit: CapacityLimit }
  /** What it does to one token's slots, and why. */
  | { readonly kind: 'fate'; readonly limit: CapacityLimit; readonly token: number };

export interface SectionTitle extends Pick<Section, 'id' | 'title'> {
  /** What it stands among. */
  readonly group: string;
  /** Its actions that save a file. */
  readonly files: readonly string[];
}

/** Slots of each token that a limit drops or moves, [T] each and absent where nothing tells, and slots that an expert takes at most. */
export interface DroppedLayer {
  readonly capacity: number;
  readonly dropped?: Uint8Array;
  readonly moved?: Uint8Array;
}

/** A slot at the limit. */
export interface SlotFate {
  readonly expert: number;
  readonly fate: 'kept' | 'dropped' | 'moved';
  /** Place in the expert's queue, from 0. */
  readonly place: number;
  readonly capacity: number;
  readonly movedTo?: number;
}

export interface Answers {
  readonly section: Section;
  readonly file: SectionFile;
  readonly figure: ExportedFile;
  readonly export: readonly ExportedFile[];
  readonly dropped: readonly DroppedLayer[];
  /** By MoE layer, the token's slots whose expert is known. */
  readonly fate: readonly (readonly SlotFate[])[];
}

/** The analyst keeps the subjects that it was sent, by id, until a newer one of that id comes. */
export type ToAnalyst =
  | { readonly type: 'subject'; readonly id: string; readonly subject: Subject }
  | { readonly type: 'forget'; readonly id: string }
  | { readonly type: 'ask'; readonly request: number; readonly subject: string; readonly question: Question };

export type FromAnalyst =
  /** It is up; which sections a report has, in order. */
  | { readonly type: 'ready'; readonly sections: readonly SectionTitle[] }
  | { readonly type: 'answer'; readonly request: number; readonly answer: Answers[Question['kind']] }
  /** A bug: its stack. */
  | { readonly type: 'failed'; readonly request: number; readonly stack: string };
