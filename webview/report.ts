/** The report page: what the analyses say of a text, a folder or a recording, a section at a time. */
import './language.ts';
import * as l10n from '@vscode/l10n';
import { render } from 'lit';
import './report.css';
import './toolkit.ts';
import { CHART_SHEET, colorSheet } from '../extension/analysis/charts/colors.ts';
import { tableTsv } from '../extension/analysis/export/csv.ts';
import { expertsOf } from '../extension/analysis/export/svg.ts';
import { SHOWN_LAYER, type Control, type Figure, type Parameters, type Section } from '../extension/protocol/report.ts';
import type {
  FromReportPage,
  SectionEntry,
  SubjectEntry,
  ToReportPage,
  ViewState,
} from '../extension/protocol/webview.ts';
import { Highlighter } from './highlight.ts';
import { Host } from './host.ts';
import { Asker } from './report/asker.ts';
import { chartFile, type ChartKind } from './report/files.ts';
import { toReportPage } from './reportMessages.ts';
import { reportView, type ReportActions } from './reportView.ts';
import { ScrollPlace } from './scrollPlace.ts';
import { onThemeChange, shownKind } from './theme.ts';

interface Saved {
  readonly section: string;
  /** What is set, by section. */
  readonly set: Readonly<Record<string, Parameters>>;
  /** Layer at which all sections look, and the editor's when it was chosen. */
  readonly layer: number;
  readonly editorLayer: number;
  /** Parts of figures that are open, each as figure:part. */
  readonly open: readonly string[];
  readonly scrollTop: number;
}

const host = new Host<{ to: ToReportPage; from: FromReportPage; saved: Saved }>();
const highlighter = new Highlighter((action) => {
  host.post(action);
});
const asker = new Asker((request, { id, set }) => {
  host.post({ type: 'section', request, id, set });
});
const place = new ScrollPlace(host);
const root = document.body.appendChild(document.createElement('main'));

let state: ViewState | undefined;
let subjects: readonly SubjectEntry[] = [];
let current: string | undefined;
let sections: readonly SectionEntry[] = [];
let chosen = host.saved.section;
let set: Readonly<Record<string, Parameters>> = host.saved.set ?? {};
let layer: number | undefined = host.saved.layer;
let editorLayer: number | undefined = host.saved.editorLayer;
let open: readonly string[] = host.saved.open ?? [];
/** Sections of this subject as they came last. */
const known = new Map<string, Section>();
let failure: string | undefined;
let done: { figure: string; text: string } | undefined;

// ---- colours -------------------------------------------------------------------------------------------------------

const colors = new CSSStyleSheet();
const forms = new CSSStyleSheet();
forms.replaceSync(CHART_SHEET);
document.adoptedStyleSheets.push(forms, colors);
let colored = '';
/** Colours of as many experts as a section has shown; asked for again when palette or theme change. */
let experts = 0;

function color(): void {
  const theme = shownKind();
  const palette = state?.palette ?? 'vivid';
  const wanted = `${experts} ${palette} ${theme}`;
  if (wanted === colored) return;
  colored = wanted;
  colors.replaceSync(colorSheet(experts, palette, theme));
}

// ---- what is shown -------------------------------------------------------------------------------------------------

/** The section that is shown, with what the user has set and has no answer yet. */
function shown(): Section | undefined {
  const section = chosen === undefined ? undefined : known.get(chosen);
  if (!section || !asker.waiting) return section;
  const own = settingsOf(section.id);
  const controls = section.controls.map((control) => {
    const value = own[isLayer(control) ? SHOWN_LAYER : control.id];
    return value !== undefined && takes(control, value) ? { ...control, value } : control;
  });
  return { ...section, controls: controls as Section['controls'] };
}

function isLayer(control: Control): boolean {
  return control.kind === 'choice' && control.layer === true;
}

/** What is set for a section, its own and what all share. */
function settingsOf(id: string): Parameters {
  return { ...set[id], ...(layer === undefined ? {} : { [SHOWN_LAYER]: String(layer) }) };
}

/** The same for every section, also those that have not been looked at. */
function settings(): Record<string, Parameters> {
  const ids = new Set([...Object.keys(set), ...sections.map(({ id }) => id)]);
  return Object.fromEntries([...ids].map((id) => [id, settingsOf(id)]));
}

function lookAt(wanted: number): void {
  layer = wanted;
  host.save({ layer });
}

/** The layer chosen last counts, be it here or for the editor. What has no editor has no layer there, either. */
function follow({ model, layer: wanted }: ViewState): boolean {
  if (!model || wanted === editorLayer) return false;
  editorLayer = wanted;
  host.save({ editorLayer });
  lookAt(wanted);
  return true;
}

/** Whether a control can show what was set: it may have been set for another subject. */
function takes(control: Control, value: string | number | boolean): boolean {
  switch (control.kind) {
    case 'slider':
    case 'number':
      return typeof value === 'number' && value >= control.min && value <= control.max;
    case 'choice':
      return control.options.some((option) => option.value === value);
    case 'toggle':
      return typeof value === 'boolean';
    case 'action':
      return false;
  }
}

function update(): void {
  color();
  const view = {
    state,
    subjects,
    current,
    sections,
    id: chosen,
    section: shown(),
    waiting: asker.waiting,
    failure,
    isOpen: (figure: string, part: string) => open.includes(`${figure}:${part}`),
    done,
  };
  render(reportView(view, actions), root);
}

/** Asks for the chosen section; `anew` when what is awaited would be out of date. */
function ask(anew: boolean): void {
  // Which layer to look at is not known before the state has come.
  if (chosen === undefined || current === undefined || state === undefined) return;
  const wanted = { id: chosen, set: settingsOf(chosen) };
  if (anew) asker.askAnew(wanted);
  else asker.ask(wanted);
}

function choose(id: string): void {
  if (id === chosen) return;
  chosen = id;
  failure = undefined;
  host.save({ section: id });
  ask(true);
  place.toBeginning();
  update();
}

function say(figure: string, text: string): void {
  done = { figure, text };
  update();
}

const actions: ReportActions = {
  run: (command) => {
    host.post({ type: 'command', command });
  },
  chooseSubject: (id) => {
    host.post({ type: 'chooseSubject', id });
  },
  chooseSection: choose,
  set: (control, value) => {
    if (chosen === undefined) return;
    if (known.get(chosen)?.controls.some((one) => one.id === control && isLayer(one))) lookAt(Number(value));
    else {
      set = { ...set, [chosen]: { ...set[chosen], [control]: value } };
      host.save({ set });
    }
    ask(false);
    update();
  },
  act: (action) => {
    if (chosen !== undefined) host.post({ type: 'act', section: chosen, action, set: settingsOf(chosen) });
  },
  again: () => {
    failure = undefined;
    ask(true);
    update();
    // The button is gone, and the focus would be with it.
    root.querySelector('h2')?.focus();
  },
  export: () => {
    host.post({ type: 'export', set: settings() });
  },
  open: (figure, part, opened) => {
    const key = `${figure}:${part}`;
    open = [...open.filter((other) => other !== key), ...(opened ? [key] : [])];
    host.save({ open });
    done = undefined;
    update();
  },
  save: (figure, kind) => {
    if (kind === 'svg' || kind === 'png') void saveChart(figure, kind);
    else if (chosen !== undefined) {
      host.post({ type: 'saveData', section: chosen, figure: figure.id, format: kind, set: settingsOf(chosen) });
    }
  },
  copy: (figure) => {
    navigator.clipboard.writeText(tableTsv(figure.table)).then(
      () => {
        say(figure.id, l10n.t`Copied`);
      },
      () => {
        say(figure.id, l10n.t`The clipboard cannot be used; save the table as CSV`);
      },
    );
  },
  goTo: (place) => {
    host.post({ type: 'goto', place });
  },
  experts: {
    point: (expert) => {
      highlighter.point(expert);
    },
    toggle: (expert) => {
      highlighter.toggle(expert);
    },
    clear: () => {
      highlighter.clear();
    },
  },
};

async function saveChart(figure: Figure, kind: ChartKind): Promise<void> {
  const file = await chartFile(figure, kind, state?.palette ?? 'vivid');
  if (file) host.post(file);
}

// ---- messages ------------------------------------------------------------------------------------------------------

host.listen(toReportPage, (message) => {
  switch (message.type) {
    case 'state': {
      const first = state === undefined;
      ({ state } = message);
      highlighter.update(state);
      if (follow(state) || first) ask(true);
      break;
    }
    case 'subjects':
      ({ subjects } = message);
      if (message.current !== current) {
        ({ current } = message);
        known.clear();
        failure = undefined;
        ask(true);
      }
      break;
    case 'sections':
      ({ sections } = message);
      if (!sections.some(({ id }) => id === chosen)) chosen = sections[0]?.id;
      if (chosen !== undefined && !known.has(chosen)) ask(false);
      break;
    case 'changed':
      ask(true);
      break;
    case 'reveal':
      choose(message.section);
      // Also where it is shown already.
      place.toBeginning();
      break;
    case 'section':
      if (!asker.answered(message.request)) return;
      failure = undefined;
      known.set(message.section.id, message.section);
      for (const { chart } of message.section.figures) experts = Math.max(experts, expertsOf(chart));
      break;
    case 'failed':
      if (!asker.answered(message.request)) return;
      failure = message.message;
      break;
  }
  update();
  if (message.type === 'section') place.restore();
});

onThemeChange(update);

host.post({ type: 'ready', set: settings() });
