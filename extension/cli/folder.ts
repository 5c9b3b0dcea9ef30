/** `moescope folder`: which experts do which kind of text, over the files of a folder. */
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { FolderRouting } from '../analysis/folder/folderRouting.ts';
import { domainsOf, type Grouping } from '../analysis/folder/groups.ts';
import { languageOf } from '../analysis/folder/languages.ts';
import { folderSentences } from '../analysis/folder/sentences.ts';
import { SECTIONS } from '../analysis/sections/all.ts';
import { subjectOfFolder } from '../analysis/sections/subject.ts';
import { EngineClient } from '../client/engineClient.ts';
import { FileJournal } from '../client/folderJournal.ts';
import { inTurn, runFolder, type FolderOutcome, type Limits } from '../client/folderRun.ts';
import { DiskTree, outerRules, walk } from '../client/folderTree.ts';
import { digest, EngineRouter } from '../client/textRouter.ts';
import { CACHE_LIMIT } from '../protocol/engine.ts';
import { isUserError } from '../protocol/errors.ts';
import { folderJournals, modelCache } from './cacheFolder.ts';
import { folderJson } from './folderJson.ts';
import { writeOut } from './output.ts';
import { chooseRouter } from './routers.ts';
import { DEFAULT_MODEL, ENGINE, INTERRUPTED, showProgress, type RouteOptions } from './route.ts';
import { sectionText } from './sectionText.ts';
import { visible } from './table.ts';
import { UsageError } from './usage.ts';

export interface FolderOptions extends Omit<RouteOptions, 'generate'> {
  readonly folders: readonly string[];
  readonly group: Grouping;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly limits: Limits;
  readonly json: string | undefined;
}

/** What a folder of code has that nobody wrote, as VS Code's search leaves it out. */
const LEFT_OUT = ['**/.svn', '**/CVS', '**/node_modules', '**/bower_components', '**/*.code-search'];
/** Sections that are printed; JSON has all. */
const SHOWN = ['specialisation', 'coactivation'];

/** Routes the files of a folder and shows which experts do what. Returns the exit code; throws UserError and UsageError. */
export async function folder(options: FolderOptions): Promise<number> {
  const root = await folderOf(options.folders);
  const stop = new AbortController();
  const onInterrupt = (): void => {
    stop.abort();
  };
  process.once('SIGINT', onInterrupt);
  const client = new EngineClient({
    entry: ENGINE,
    log: ({ level, message }) => {
      if (level === 'error' || level === 'warn') console.error(message);
    },
  });
  try {
    const outcome = await analyse(root, options, client, stop.signal);
    const { routing, ended } = outcome;
    if (ended !== undefined && !(isUserError(ended) && ended.code === 'cancelled')) throw ended;
    if (options.json !== undefined) await writeOut(options.json, folderJson(basename(root), outcome));
    if (options.json !== '-') process.stdout.write(render(basename(root), routing, outcome, options.limits));
    return ended === undefined ? 0 : INTERRUPTED;
  } finally {
    process.removeListener('SIGINT', onInterrupt);
    client.dispose();
    showProgress('');
  }
}

async function folderOf(folders: readonly string[]): Promise<string> {
  const [named, ...more] = folders;
  if (named === undefined) throw new UsageError('Which DIR?');
  if (more.length > 0) throw new UsageError('One DIR at a time.');
  const found = await stat(named).catch(() => undefined);
  if (!found) throw new UsageError(`There is no folder ${named}.`);
  if (!found.isDirectory()) throw new UsageError(`${named} is not a folder; moescope analyze takes a file.`);
  return resolve(named);
}

async function analyse(
  root: string,
  options: FolderOptions,
  client: EngineClient,
  signal: AbortSignal,
): Promise<FolderOutcome> {
  const { limits, group, include, exclude, threads, context, precision, provider } = options;
  const tree = new DiskTree(root);
  showProgress('looking for files');
  const found = await walk(
    tree,
    {
      include,
      exclude: [...LEFT_OUT, ...exclude.map(anywhere)].map((glob) => ({ glob })),
      outer: await outerRules(root),
    },
    signal,
  );
  const domains = domainsOf(found.paths, group, languageOf);
  const files = found.paths.flatMap((path, i) => (domains[i] === undefined ? [] : [{ path, domain: domains[i] }]));
  if (files.length === 0) throw new UsageError(`No file of ${root} is left to route: what is ignored is left out.`);
  const model = resolve(options.model ?? DEFAULT_MODEL);
  const chosen = await chooseRouter(model, options.router, signal);
  const router = new EngineRouter(client, {
    folder: model,
    ...(chosen === undefined ? {} : { router: chosen }),
    cache: modelCache(),
    cacheLimit: CACHE_LIMIT,
    ...{ threads, context, precision, provider },
  });
  const key = digest([root, await router.identity(), limits.characters, JSON.stringify(group)]);
  return runFolder({
    files: inTurn(files, (path) => digest([path])),
    tree,
    router,
    limits,
    journal: new FileJournal(folderJournals(), key),
    progress: ({ tally, files: all, path, stage, fraction }) => {
      const part = fraction === undefined ? '' : ` ${Math.floor(100 * fraction)} %`;
      showProgress(`${tally.routed + 1} of ${all}: ${visible(path)}, ${stage}${part}`);
    },
    signal,
  });
}

/** A pattern without a slash leaves out what is called so anywhere. */
function anywhere(glob: string): string {
  return glob.includes('/') ? glob : `**/${glob}`;
}

function render(name: string, routing: FolderRouting | undefined, outcome: FolderOutcome, limits: Limits): string {
  const head = folderSentences(outcome.tally, limits, outcome);
  if (!routing) return `${head.join('\n')}\n`;
  const { model } = routing;
  const lines = [
    `${visible(model.name)} (${visible(model.architecture)}), ${visible(model.precision)} on ${visible(model.provider)}`,
    ...head,
  ];
  const subject = subjectOfFolder(name, routing);
  const sections = SECTIONS.filter(({ id }) => SHOWN.includes(id)).map(({ id, title, make }) =>
    sectionText({ id, title, ...make(subject, {}) }),
  );
  return [`${lines.join('\n')}\n`, ...sections].join('\n');
}
