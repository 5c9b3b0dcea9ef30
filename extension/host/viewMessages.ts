import * as v from 'valibot';
import { DATA_FORMATS } from '../protocol/report.ts';
import {
  MODEL_PAGE_COMMANDS,
  TINTS,
  VIEW_COMMANDS,
  type FromLoadView,
  type FromMap,
  type FromModelPage,
  type FromReportPage,
} from '../protocol/webview.ts';

/** What arrives from a webview is checked before it is believed: its page is ours, but it is another world. */
const index = v.pipe(v.number(), v.integer(), v.minValue(0));
export const expertRef = v.object({ layer: index, expert: index });
const ready = v.object({ type: v.literal('ready') });

const actions = [
  v.object({ type: v.literal('chooseLayer'), layer: index }),
  v.object({ type: v.literal('chooseTint'), tint: v.picklist(TINTS) }),
  v.object({ type: v.literal('highlight'), expert: v.exactOptional(expertRef), preview: v.boolean() }),
  v.object({ type: v.literal('command'), command: v.picklist(VIEW_COMMANDS) }),
] as const;

export const fromLoadViewSchema: v.GenericSchema<unknown, FromLoadView> = v.variant('type', [ready, ...actions]);
export const fromMapSchema: v.GenericSchema<unknown, FromMap> = v.variant('type', [
  ready,
  v.object({ type: v.literal('rows'), generation: v.number(), from: index, to: index }),
  v.object({ type: v.literal('goto'), token: index, select: v.boolean() }),
  ...actions,
]);

/** Longer than any tensor's name. */
const MAX_SEARCH = 1000;

export const fromModelPageSchema: v.GenericSchema<unknown, FromModelPage> = v.variant('type', [
  ready,
  v.object({
    type: v.literal('tensors'),
    query: v.number(),
    search: v.pipe(v.string(), v.maxLength(MAX_SEARCH)),
    from: index,
    count: index,
  }),
  v.object({ type: v.literal('command'), command: v.picklist(MODEL_PAGE_COMMANDS) }),
]);

/** Longer than any that a section makes. */
const MAX_ID = 200;
/** A figure as an image, in base64. */
const MAX_FILE = 100_000_000;

const id = v.pipe(v.string(), v.maxLength(MAX_ID));
const parameters = v.record(id, v.union([v.pipe(v.string(), v.maxLength(MAX_ID)), v.number(), v.boolean()]));

export const fromReportPageSchema: v.GenericSchema<unknown, FromReportPage> = v.variant('type', [
  // A page without its settings is better than none.
  v.object({ type: v.literal('ready'), set: v.fallback(v.record(id, parameters), {}) }),
  v.object({ type: v.literal('chooseSubject'), id: v.string() }),
  v.object({ type: v.literal('section'), request: v.number(), id, set: parameters }),
  v.object({ type: v.literal('act'), section: id, action: id, set: parameters }),
  v.object({
    type: v.literal('goto'),
    place: v.object({ file: v.exactOptional(index), start: index, end: index }),
  }),
  v.object({ type: v.literal('saveData'), section: id, figure: id, format: v.picklist(DATA_FORMATS), set: parameters }),
  v.object({
    type: v.literal('save'),
    // A file's name, and no path to elsewhere.
    name: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9.-]*$/u), v.maxLength(MAX_ID)),
    content: v.pipe(v.string(), v.maxLength(MAX_FILE)),
    encoding: v.picklist(['utf8', 'base64']),
  }),
  v.object({ type: v.literal('export'), set: v.record(id, parameters) }),
  ...actions,
]);
