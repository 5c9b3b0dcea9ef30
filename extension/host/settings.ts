import { EventEmitter, workspace, type Event } from 'vscode';
import * as v from 'valibot';
import { CACHE_LIMIT, FOLDER_LIMITS, MAX_THREADS } from '../protocol/defaults.ts';
import { PRECISIONS, PROVIDERS, type Precision, type Provider } from '../protocol/trace.ts';
import { PALETTES, TINTS, type PaletteName, type Tint } from '../protocol/webview.ts';
import { Disposables } from './disposables.ts';
import { LOG_LEVELS, type LogLevelName } from './log.ts';

const SECTION = 'moescope';
/** Megabytes: some ten texts of 4,000 tokens in a small model, one in a model of 30 billion parameters. */
const LIVE_CACHE = 512;
const noGroups: Readonly<Record<string, string>> = {};

/** One validator a setting: settings.json may hold anything. What does not fit counts as the default. */
const SCHEMAS = {
  model: v.fallback(v.pipe(v.string(), v.trim()), ''),
  layer: v.fallback(v.pipe(v.number(), v.integer(), v.minValue(-1)), -1),
  tint: v.fallback(v.picklist(TINTS), 'expert'),
  colors: v.fallback(v.picklist(PALETTES), 'vivid'),
  threads: v.fallback(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_THREADS)), 0),
  context: v.fallback(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
  precision: v.fallback(v.picklist(['auto', ...PRECISIONS]), 'auto'),
  provider: v.fallback(v.picklist(['auto', ...PROVIDERS]), 'auto'),
  cacheLimit: v.fallback(v.pipe(v.number(), v.minValue(0)), CACHE_LIMIT),
  live: v.fallback(v.boolean(), false),
  continueTokens: v.fallback(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1000)), 40),
  continueTemperature: v.fallback(v.pipe(v.number(), v.minValue(0), v.maxValue(10)), 0),
  continueSeed: v.fallback(v.pipe(v.number(), v.integer()), 1),
  liveCache: v.fallback(v.pipe(v.number(), v.minValue(0)), LIVE_CACHE),
  folderGroups: v.fallback(v.record(v.string(), v.string()), noGroups),
  folderFiles: v.fallback(v.pipe(v.number(), v.integer(), v.minValue(1)), FOLDER_LIMITS.files),
  folderCharacters: v.fallback(v.pipe(v.number(), v.integer(), v.minValue(1)), FOLDER_LIMITS.characters),
  folderConcurrency: v.fallback(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(32)), 4),
  logLevel: v.fallback(v.picklist(LOG_LEVELS), 'default'),
} as const;

/** The user's settings as typed values. In an untrusted workspace VS Code itself leaves the workspace's model folder out. */
export class Settings {
  readonly #disposables = new Disposables();
  /** Read since the last change: VS Code puts a configuration together anew each time it is asked. */
  readonly #known = new Map<keyof typeof SCHEMAS, unknown>();
  readonly #changed = this.#disposables.add(new EventEmitter<void>());
  readonly onDidChange: Event<void> = this.#changed.event;

  constructor() {
    this.#disposables.add(
      workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration(SECTION)) this.#change();
      }),
    );
    // Trust brings settings of the workspace back that were left out before.
    this.#disposables.add(
      workspace.onDidGrantWorkspaceTrust(() => {
        this.#change();
      }),
    );
  }

  /** Absolute path of a model folder, `~` allowed, or the name of a bundled model; empty for the first of these. */
  get model(): string {
    return this.#read('model');
  }

  /** Index of a layer in the model; -1 for the middle MoE layer. */
  get layer(): number {
    return this.#read('layer');
  }

  get tint(): Tint {
    return this.#read('tint');
  }

  get colors(): PaletteName {
    return this.#read('colors');
  }

  get threads(): number {
    return this.#read('threads');
  }

  get context(): number {
    return this.#read('context');
  }

  get precision(): Precision | 'auto' {
    return this.#read('precision');
  }

  get provider(): Provider | 'auto' {
    return this.#read('provider');
  }

  /** Gigabytes; 0 for no limit. */
  get cacheLimit(): number {
    return this.#read('cacheLimit');
  }

  /** Whether routing follows edits. */
  get live(): boolean {
    return this.#read('live');
  }

  /** Megabytes that the engine may keep of texts that are edited. */
  get liveCache(): number {
    return this.#read('liveCache');
  }

  /** What counts as a kind of text in a folder, by glob; the first that matches counts. */
  get folderGroups(): Readonly<Record<string, string>> {
    return this.#read('folderGroups');
  }

  /** Most files of a folder that are routed. */
  get folderFiles(): number {
    return this.#read('folderFiles');
  }

  /** Characters of each that are routed. */
  get folderCharacters(): number {
    return this.#read('folderCharacters');
  }

  /** Files of a folder that are with each server at the same time. */
  get folderConcurrency(): number {
    return this.#read('folderConcurrency');
  }

  /** Most tokens that Continue with Routing adds. */
  get continueTokens(): number {
    return this.#read('continueTokens');
  }

  /** 0 takes the likeliest token each time. */
  get continueTemperature(): number {
    return this.#read('continueTemperature');
  }

  get continueSeed(): number {
    return this.#read('continueSeed');
  }

  get logLevel(): LogLevelName {
    return this.#read('logLevel');
  }

  dispose(): void {
    this.#disposables.dispose();
  }

  #change(): void {
    this.#known.clear();
    this.#changed.fire();
  }

  #read<K extends keyof typeof SCHEMAS>(key: K): v.InferOutput<(typeof SCHEMAS)[K]> {
    const schema: v.GenericSchema<unknown, v.InferOutput<(typeof SCHEMAS)[K]>> = SCHEMAS[key];
    if (!this.#known.has(key)) this.#known.set(key, v.parse(schema, workspace.getConfiguration(SECTION).get(key)));
    return this.#known.get(key) as v.InferOutput<(typeof SCHEMAS)[K]>;
  }
}
