/** Routes a folder's files, one after the other. What is done stays when it is stopped, and is not done again. */
import * as l10n from '@vscode/l10n';
import { addFile, emptyFolder, type FolderRouting } from '../analysis/folder/folderRouting.ts';
import type { Anew } from '../analysis/folder/sentences.ts';
import { ranText } from '../analysis/ranText.ts';
import { isUserError, messageOf, throwIfAborted, UserError, type ErrorCode } from '../protocol/errors.ts';
import type { FolderJournal, FolderState } from './folderJournal.ts';
import { readText, stampOf, type Read } from './folderText.ts';
import type { FolderTree } from './folderTree.ts';
import type { RoutingTrace } from '../protocol/trace.ts';
import type { TextRouter } from './textRouter.ts';

/** The journal is written this often, and when the run ends. */
const WRITTEN_EVERY_MS = 30_000;
/** Files on which the model may fail one after the other before the run gives up. */
const MOST_FAILURES = 3;

/** A file to route. */
export interface FolderFile {
  readonly path: string;
  readonly domain: string;
}

export interface Limits {
  /** Most files that are routed. */
  readonly files: number;
  /** UTF-16 units of a file from its beginning that are routed. */
  readonly characters: number;
}

/** Why a file was not routed. */
export type Skip = 'unreadable' | 'binary' | 'large' | 'empty' | 'failed';

export interface Tally {
  readonly routed: number;
  /** Files that were longer than the limit; they are among the routed. */
  readonly cut: number;
  readonly skipped: Readonly<Record<Skip, number>>;
  /** Files on which the model failed, each with a sentence that says why. */
  readonly failures: readonly { readonly path: string; readonly why: string }[];
  /** Files that were not looked at, because of the limit or because the run was stopped. */
  readonly left: number;
  readonly tokens: number;
}

export interface FolderProgress {
  readonly tally: Tally;
  /** Files that will be routed if none is skipped. */
  readonly files: number;
  /** The file under way. */
  readonly path: string;
  /** What the model is doing with it, as a fraction where that is known. */
  readonly stage: string;
  readonly fraction: number | undefined;
}

export interface FolderRun {
  /** In the order in which they are taken. */
  readonly files: readonly FolderFile[];
  readonly tree: FolderTree;
  readonly router: TextRouter;
  /** Of the router, as the journal goes by it. */
  readonly identity: string;
  readonly limits: Limits;
  readonly journal?: FolderJournal;
  readonly pause?: Pause;
  /** Is told what there is when the run begins to wait. */
  readonly waiting?: (outcome: FolderOutcome) => void;
  readonly progress: (progress: FolderProgress) => void;
  readonly signal: AbortSignal;
  /** Texts that are with the router at the same time; 1 unless told. What comes of it is the same. */
  readonly ahead?: number;
}

export interface FolderOutcome {
  /** Undefined when no file was routed. */
  readonly routing: FolderRouting | undefined;
  readonly tally: Tally;
  /** Files whose routing was there from an earlier run. */
  readonly resumed: number;
  /** Why an earlier run was not gone on with, where there was one. */
  readonly anew?: Anew;
  /** Nothing was stored, in favour of an earlier run that routed more files than the limit. */
  readonly aside?: boolean;
  /** Why the run ended before its end; `cancelled` when the user stopped it. */
  readonly ended?: Error;
  /** Why the next run will not go on from here, if so: the journal cannot be written. */
  readonly unsaved?: unknown;
}

/** Lets a run wait between two files. */
export class Pause {
  #paused = false;
  #goOn: (() => void) | undefined;

  get paused(): boolean {
    return this.#paused;
  }

  toggle(): void {
    this.#paused = !this.#paused;
    this.#goOn?.();
  }

  /** Resolves when the run may go on, or is cancelled. */
  async wait(signal: AbortSignal): Promise<void> {
    if (!this.#paused || signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#goOn = resolve;
      signal.addEventListener(
        'abort',
        () => {
          resolve();
        },
        { once: true },
      );
    });
    this.#goOn = undefined;
  }
}

/** Errors that are about this one text, or that the next file may be spared; a server may refuse a text, too. */
const OF_A_FILE: ReadonlySet<ErrorCode> = new Set([
  'text-empty',
  'engine-gone',
  'out-of-memory',
  'experts-physical',
  'internal',
]);

/** Runs until all files are done, the limit is reached, or it is stopped; then says what came of it. Throws nothing. */
export async function runFolder(run: FolderRun): Promise<FolderOutcome> {
  const { files, tree, limits, pause, progress, signal, waiting, ahead = 1 } = run;
  const begun = new AbortController();
  const abandon = (): void => {
    begun.abort();
  };
  signal.addEventListener('abort', abandon, { once: true });
  let { journal } = run;
  let state: FolderState = { routing: undefined, done: new Map(), cut: 0, tokens: 0 };
  /** Files that were done, routed or skipped, when it began. */
  let before = 0;
  let resumed = 0;
  const routed = (): number => state.routing?.files.length ?? 0;
  let aside = false;
  let anew: Anew | undefined;
  let ended: Error | undefined;
  let written = Date.now();
  let unsaved: unknown;
  let stored = false;
  // What cannot be stored can be done again: the run goes on all the same.
  const write = async (): Promise<void> => {
    // A run that has come to nothing leaves alone what another came to.
    if (!stored && state.done.size === before && routed() === resumed) return;
    stored = true;
    unsaved = await journal?.write(state).catch((error: unknown) => error);
    written = Date.now();
  };
  const outcome = (): FolderOutcome => ({
    routing: state.routing,
    tally: tallyOf(state, files.length),
    resumed,
    ...(anew ? { anew } : {}),
    ...(aside ? { aside } : {}),
    ...(ended === undefined ? {} : { ended }),
    ...(unsaved === undefined ? {} : { unsaved }),
  });
  const tellOf =
    ({ path }: FolderFile): Started['tell'] =>
    (stage, fraction) => {
      const tally = tallyOf(state, files.length);
      progress({ tally, files: Math.min(files.length, limits.files), path, stage, fraction });
    };
  try {
    const earlier = signal.aborted ? undefined : await journal?.read();
    anew = earlier && (await otherwise(earlier, files, tree));
    if (earlier && !anew) {
      // A run with a lower limit leaves alone what one with a higher limit came to.
      aside = (earlier.routing?.files.length ?? 0) > limits.files;
      if (aside) journal = undefined;
      else state = earlier;
    }
    // What was said of them stands until more is known.
    const again = unlucky(state);
    before = state.done.size;
    resumed = routed();
    // Files that failed one after the other.
    const failing: string[] = [];
    const left = files
      .filter(({ path }) => !state.done.has(path) || again.has(path))
      // What may bring the model down once more comes last.
      .toSorted((a, b) => Number(again.has(a.path)) - Number(again.has(b.path)))
      .values();
    const started: Started[] = [];
    for (;;) {
      if (pause?.paused && started.length === 0) {
        await write();
        // Whoever hears of it keeps it, and the run goes on adding to its own.
        waiting?.({ ...outcome(), routing: structuredClone(state.routing) });
        await pause.wait(signal);
      }
      throwIfAborted(signal);
      while (!pause?.paused && started.length < ahead && routed() + started.length < limits.files) {
        const file: FolderFile | undefined = left.next().value;
        if (!file) break;
        started.push(start(run, file, begun.signal, tellOf(file)));
      }
      const next = started.shift();
      // A pause that began while files were under way lets these end.
      if (!next && pause?.paused) continue;
      if (!next) break;
      const { path, domain } = next.file;
      const read = await next.read;
      if (read.skip) {
        state.done.set(path, { stamp: read.stamp, domain, skip: read.skip });
        continue;
      }
      try {
        const trace = logical(await next.trace);
        await requireSameModel(run, state, trace);
        state.routing ??= emptyFolder({ ...trace.origin.model });
        addFile(state.routing, path, domain, trace, read.text);
        state.done.set(path, { stamp: read.stamp, domain });
        state.tokens += trace.routed;
        if (read.cut) state.cut += 1;
        failing.length = 0;
      } catch (error) {
        // What has failed in an earlier run says nothing of the model now.
        if (!again.has(path)) failing.push(path);
        if (!isOfAFile(error, state) || failing.length === MOST_FAILURES) {
          // It was not about them: the next run takes them again.
          for (const file of failing) state.done.delete(file);
          throw error;
        }
        const why =
          error.code === 'text-empty' ? { skip: 'empty' as const } : { skip: 'failed' as const, why: error.message };
        state.done.set(path, { stamp: read.stamp, domain, ...why });
      }
      if (Date.now() - written > WRITTEN_EVERY_MS) await write();
    }
  } catch (error) {
    ended = error instanceof Error ? error : new Error(messageOf(error));
  } finally {
    // What was begun beyond what was wanted ends with the run.
    begun.abort();
    signal.removeEventListener('abort', abandon);
  }
  await write();
  return outcome();
}

function isOfAFile(error: unknown, { routing }: FolderState): error is UserError {
  if (!isUserError(error)) return false;
  // A server that has routed nothing yet does not do at all.
  return error.code === 'server-unfit' ? routing !== undefined : OF_A_FILE.has(error.code);
}

/** The trace, if its experts can be counted with those of other files. Throws UserError `experts-physical`. */
function logical(trace: RoutingTrace): RoutingTrace {
  if (!trace.origin.model.physicalIds) return trace;
  throw new UserError(
    'experts-physical',
    l10n.t`Its experts are physical ids beyond the model's own, under which load balancing (EPLB) keeps copies: of which expert each is a copy is not known, and files cannot be added up.`,
  );
}

/**
 * Training may write the next checkpoint over the last meanwhile, a server may have been started anew with another model, and `auto`
 * may choose otherwise when a model opens again.
 * Throws UserError `model-changed`.
 */
async function requireSameModel(
  { router, identity }: FolderRun,
  { routing }: FolderState,
  { origin }: RoutingTrace,
): Promise<void> {
  const now = origin.model;
  const before = routing?.model ?? now;
  if (now.name !== before.name) {
    throw new UserError(
      'model-changed',
      l10n.t`The server now runs "${now.name}" instead of "${before.name}". What was routed so far is of "${before.name}"; another run starts anew with "${now.name}".`,
    );
  }
  if ((await router.identity()) !== identity) {
    throw new UserError(
      'model-changed',
      l10n.t`The model’s files have changed since the run began: what was routed is of the model as it was, and another run begins anew with the new one.`,
    );
  }
  const [ran, runs] = [ranText(before), ranText(now)];
  // Servers of one model stand in several places, and may be of several versions.
  if (now.weightless || runs === ran) return;
  throw new UserError(
    'model-changed',
    l10n.t`The model now runs in ${runs} instead of ${ran}, and the two cannot be added up. A run continues once it runs in ${ran} again; if you choose another precision or provider, it starts anew.`,
  );
}

/** A file that was handed to the router. */
interface Started {
  readonly file: FolderFile;
  readonly tell: (stage: string, fraction?: number) => void;
  readonly read: Promise<Read>;
  /** Of a file that is not skipped. */
  readonly trace: Promise<RoutingTrace>;
}

function start(
  { tree, router, limits }: FolderRun,
  file: FolderFile,
  signal: AbortSignal,
  tell: Started['tell'],
): Started {
  tell('read');
  const read = readText(tree, file.path, limits.characters);
  const trace = read.then((found) => {
    if (found.skip) throw new Error(`${file.path} is skipped`);
    return router.route(found.text, signal, ({ stage, done, total }) => {
      tell(stage, total > 0 ? done / total : undefined);
    });
  });
  // Whoever takes the file hears of it; a run that ends takes no more.
  trace.catch(() => undefined);
  return { file, tell, read, trace };
}

/**
 * The first file that an earlier run routed and that is not as it was: its counts stand among the others'. What was only skipped
 * is forgotten then.
 */
async function otherwise(
  { done }: FolderState,
  files: readonly FolderFile[],
  tree: FolderTree,
): Promise<Anew | undefined> {
  const domains = new Map(files.map((file) => [file.path, file.domain]));
  for (const [path, { stamp, domain, skip }] of done) {
    const changed = (await stampOf(tree, path)) !== stamp;
    if (domains.get(path) === domain && !changed) continue;
    if (skip) done.delete(path);
    else return { path, why: !domains.has(path) ? 'gone' : changed ? 'changed' : 'kind' };
  }
  return undefined;
}

/** Files that another run may have more luck with: the file was locked, say, or memory was short. */
function unlucky({ done }: FolderState): ReadonlySet<string> {
  return new Set([...done].flatMap(([path, { skip }]) => (skip === 'failed' || skip === 'unreadable' ? [path] : [])));
}

function tallyOf({ routing, done, cut, tokens }: FolderState, files: number): Tally {
  const skipped: Record<Skip, number> = { unreadable: 0, binary: 0, large: 0, empty: 0, failed: 0 };
  const failures: { path: string; why: string }[] = [];
  for (const [path, { skip, why }] of done) {
    if (skip) skipped[skip] += 1;
    if (why !== undefined) failures.push({ path, why });
  }
  return { routed: routing?.files.length ?? 0, cut, skipped, failures, left: files - done.size, tokens };
}

/**
 * The order in which files are taken: each domain in turn, in each by chance, but always by the same. What is routed when a run
 * is stopped, or at the limit, is then a sample of every domain.
 */
export function inTurn(files: readonly FolderFile[], chance: (path: string) => string): FolderFile[] {
  const drawn = files.map((file) => ({ file, chance: chance(file.path), rank: 0 }));
  drawn.sort((a, b) => (a.chance < b.chance ? -1 : 1));
  const ranks = new Map<string, number>();
  for (const one of drawn) {
    one.rank = ranks.get(one.file.domain) ?? 0;
    ranks.set(one.file.domain, one.rank + 1);
  }
  // Sorting is stable: among equal ranks chance has decided already.
  return drawn.sort((a, b) => a.rank - b.rank).map(({ file }) => file);
}
