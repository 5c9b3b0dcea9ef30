/** The model page: what is to be known of a model without running it. */
import './language.ts';
import { render } from 'lit';
import './model.css';
import './toolkit.ts';
import type { TensorRow } from '../extension/protocol/model.ts';
import type { RouterFinding } from '../extension/protocol/routers.ts';
import type { FromModelPage, ModelPageState, ToModelPage } from '../extension/protocol/webview.ts';
import { Host } from './host.ts';
import { toModelPage } from './modelMessages.ts';
import { modelView } from './modelView.ts';
import { ScrollPlace } from './scrollPlace.ts';

/** Tensors asked for at a time. */
const PAGE = 200;

interface Saved {
  readonly search: string;
  readonly scrollTop: number;
}

const host = new Host<{ to: ToModelPage; from: FromModelPage; saved: Saved }>();
const place = new ScrollPlace(host);
const root = document.body.appendChild(document.createElement('main'));

let name = '';
let page: ModelPageState | undefined;
let foreign: RouterFinding | undefined;
let failure: string | undefined;
let search = host.saved.search ?? '';
let query = 0;
/** The model was read anew since its tensors were asked for. */
let anew = false;
let tensorsFailure: string | undefined;
let tensors: { matching: number; rows: readonly TensorRow[] } | undefined;

function update(): void {
  render(modelView({ name, page, foreign, failure, search, tensors, tensorsFailure }, actions), root);
}

function ask(from: number): void {
  query += 1;
  host.post({ type: 'tensors', query, search, from, count: PAGE });
}

const actions = {
  run: (command: 'chooseModel' | 'openSettings') => {
    host.post({ type: 'command', command });
  },
  search: (text: string) => {
    search = text;
    host.save({ search });
    ask(0);
  },
  more: () => {
    ask(tensors?.rows.length ?? 0);
  },
};

host.listen(toModelPage, (message) => {
  switch (message.type) {
    case 'reading':
      // The same model is read anew: what is known of it stays until then.
      if (message.name !== name) page = foreign = undefined;
      ({ name } = message);
      failure = tensorsFailure = undefined;
      anew = true;
      break;
    case 'failed':
      ({ name } = message);
      page = foreign = undefined;
      failure = message.message;
      break;
    case 'foreign':
      ({ name, finding: foreign } = message);
      page = failure = undefined;
      break;
    case 'model': {
      const other = message.page.model.folder !== page?.model.folder;
      ({ page } = message);
      ({ name } = page.model);
      foreign = failure = undefined;
      if (other) tensors = tensorsFailure = undefined;
      if (anew) ask(0);
      anew = false;
      break;
    }
    case 'tensorsFailed':
      if (message.query !== query) return;
      tensorsFailure = message.message;
      break;
    case 'tensors': {
      if (message.query !== query) return;
      tensorsFailure = undefined;
      const { matching, rows } = message.found;
      tensors = { matching, rows: message.from === 0 ? rows : [...(tensors?.rows ?? []), ...rows] };
      break;
    }
  }
  update();
  if (message.type === 'model') place.restore();
});

host.post({ type: 'ready' });
