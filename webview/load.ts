/** The load view: a side panel that shows how a layer's experts are loaded, across layers and at the cursor. */
import './language.ts';
import { render } from 'lit';
import './load.css';
import './toolkit.ts';
import type { ExpertRef } from '../extension/protocol/trace.ts';
import type { FromLoadView, LayerLoad, ToLoadView, ViewState, WrittenText } from '../extension/protocol/webview.ts';
import { Highlighter } from './highlight.ts';
import { Host } from './host.ts';
import { loadView, type CursorToken } from './loadView.ts';
import { toLoadView } from './messages.ts';
import { ScrollPlace } from './scrollPlace.ts';
import { Colors, onThemeChange, readTheme } from './theme.ts';

interface Saved {
  readonly scrollTop: number;
  readonly folded: readonly string[];
  readonly helped: readonly string[];
}

const host = new Host<{ to: ToLoadView; from: FromLoadView; saved: Saved }>();
const highlighter = new Highlighter((action) => {
  host.post(action);
});
const place = new ScrollPlace(host);
const root = document.body.appendChild(document.createElement('main'));

let theme = readTheme();
let state: ViewState | undefined;
let layers: readonly LayerLoad[] = [];
let cursor: CursorToken | undefined;
let written: WrittenText | undefined;
let pointed: ExpertRef | undefined;
let folded: readonly string[] = host.saved.folded ?? [];
let helped: readonly string[] = host.saved.helped ?? [];

function update(): void {
  if (!state) return;
  const colors = new Colors(theme, state.palette);
  render(loadView({ state, layers, cursor, written, pointed, folded, helped, theme, colors }, actions), root);
}

const actions = {
  run: (command: Extract<FromLoadView, { type: 'command' }>['command']) => {
    host.post({ type: 'command', command });
  },
  chooseLayer: (layer: number) => {
    host.post({ type: 'chooseLayer', layer });
  },
  chooseTint: (tint: ViewState['tint']) => {
    host.post({ type: 'chooseTint', tint });
  },
  fold: (section: string, fold: boolean) => {
    folded = fold ? [...folded.filter((s) => s !== section), section] : folded.filter((s) => s !== section);
    host.save({ folded });
  },
  help: (figure: string, open: boolean) => {
    helped = [...helped.filter((other) => other !== figure), ...(open ? [figure] : [])];
    host.save({ helped });
    update();
  },
  experts: {
    point: (expert: ExpertRef | undefined) => {
      pointed = expert;
      highlighter.point(expert);
      update();
    },
    toggle: (expert: ExpertRef) => {
      highlighter.toggle(expert);
    },
    clear: () => {
      highlighter.clear();
    },
  },
};

host.listen(toLoadView, (message) => {
  switch (message.type) {
    case 'state':
      ({ state } = message);
      highlighter.update(state);
      break;
    case 'load':
      ({ layers } = message);
      // The model may be another, which does not have what is pointed at.
      if (pointed && layers[pointed.layer]?.counts[pointed.expert] === undefined) pointed = undefined;
      break;
    case 'cursor':
      cursor = message.token;
      break;
    case 'written':
      written = message.written && {
        ...message.written,
        tokens: [...(written?.tokens.slice(0, message.from) ?? []), ...message.written.tokens],
      };
      break;
  }
  update();
  if (layers.length > 0) place.restore();
});

onThemeChange(() => {
  theme = readTheme();
  update();
});

host.post({ type: 'ready' });
