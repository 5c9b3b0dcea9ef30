/** `moescope folder`: which experts do which kind of text, over the files of a folder. */
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { reportsHtml } from '../analysis/export/html.ts';
import { reportOf, type Report } from '../analysis/export/report.ts';
import { anywhere } from '../analysis/folder/glob.ts';
import { domainsOf, type Grouping } from '../analysis/folder/groups.ts';
import { languageOf } from '../analysis/folder/languages.ts';
import { folderAccount, folderSentences, unseenSentences, type Unseen } from '../analysis/folder/sentences.ts';
import { subjectOfFolder } from '../analysis/sections/subject.ts';
import { FileJournal } from '../client/folderJournal.ts';
import { inTurn, runFolder, type FolderOutcome, type Limits } from '../client/folderRun.ts';
import { DiskTree, outerRules, walk } from '../client/folderTree.ts';
import { digest, engineRouter } from '../client/textRouter.ts';
import { isUserError } from '../protocol/errors.ts';
import { writtenNow } from '../protocol/writtenNow.ts';
import { folderJournals } from './cacheFolder.ts';
import { folderJson } from './folderJson.ts';
import { writeOut } from './output.ts';
import { inEngine, INTERRUPTED, showProgress, type EngineWork, type RouteOptions } from './route.ts';
import { sectionText } from './sectionText.ts';
import { visible } from './table.ts';
import { UsageError } from './usage.ts';

export interface FolderOptions extends RouteOptions {
  readonly folders: readonly string[];
  readonly group: Grouping;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly limits: Limits;
  /** Texts that are with a server at the same time. */
  readonly concurrency: number;
  /** Files; "-" is standard output, and then nothing is printed. */
  readonly json: string | undefined;
  readonly html: string | undefined;
}

/** What a folder of code has that nobody wrote, as VS Code's search leaves it out. */
const LEFT_OUT = ['**/.svn', '**/CVS', '**/node_modules', '**/bower_components', '**/*.code-search'];
/** Sections that are printed; files have all. */
const PRINTED = ['specialisation', 'coactivation'];

/** Routes the files of a folder and shows which experts do what. Returns the exit code; throws UserError and UsageError. */
export async function folder(options: FolderOptions): Promise<number> {
  const root = await folderOf(options.folders);
  if (options.server && options.model === undefined) {
    throw new UsageError('Many texts take a server and --model DIR: its config.json says how many experts there are.');
  }
  const { outcome, unseen } = await inEngine(options, (engine) => routeFiles(root, options, engine));
  const { routing, ended } = outcome;
  const stopped = isUserError(ended, 'cancelled');
  const changed = isUserError(ended, 'model-changed');
  if (ended && !stopped && !changed) throw ended;
  const account = folderAccount(options.limits, unseen, outcome);
  const said = folderSentences(account);
  const by = writtenNow(__dirname);
  const report = routing && { ...reportOf(subjectOfFolder(basename(root), routing, account)), by };
  if (options.json !== undefined)
    await writeOut(options.json, [folderJson(basename(root), outcome, unseen, report, by)]);
  if (options.html !== undefined && report) await writeOut(options.html, [reportsHtml([report], 'vivid')]);
  else if (options.html !== undefined)
    console.error(`moescope: no file was routed, and ${options.html} is not written.`);
  if (options.json !== '-' && options.html !== '-') process.stdout.write(render(report, said));
  if (changed) throw ended;
  return stopped ? INTERRUPTED : 0;
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

async function routeFiles(
  root: string,
  options: FolderOptions,
  engine: EngineWork,
): Promise<{ readonly outcome: FolderOutcome; readonly unseen: Unseen }> {
  const { limits, group, include, exclude } = options;
  const { signal } = engine;
  const tree = new DiskTree(root);
  showProgress('looking for files');
  const leftOut = [...LEFT_OUT, ...exclude.map(anywhere)].map((glob) => ({ glob }));
  const { paths, ...unseen } = await walk(tree, { include, exclude: leftOut, outer: await outerRules(root) }, signal);
  const domains = domainsOf(paths, group, languageOf);
  const files = paths.flatMap((path, i) => (domains[i] === undefined ? [] : [{ path, domain: domains[i] }]));
  if (files.length === 0) {
    const none =
      paths.length > 0
        ? `No file in ${root} matches a GLOB of --group. They are relative to it, for example src/**.`
        : `No file of ${root} is left to route: what is ignored is left out.`;
    throw new UsageError([none, ...unseenSentences(unseen)].join(' '));
  }
  const router = engineRouter(engine.client, engine.model);
  const identity = await router.identity();
  const key = digest([root, identity, limits.characters, JSON.stringify([group, include, exclude])]);
  const outcome = await runFolder({
    files: inTurn(files, (path) => digest([path])),
    tree,
    router,
    identity,
    limits,
    journal: new FileJournal(folderJournals(), key),
    progress: ({ tally, files: all, path, stage, fraction }) => {
      const part = fraction === undefined ? '' : ` ${Math.floor(100 * fraction)} %`;
      showProgress(`${tally.routed + 1} of ${all}: ${visible(path)}, ${stage}${part}`);
    },
    signal,
    ahead: Math.max(1, options.concurrency),
  });
  return { outcome, unseen };
}

function render(report: Report | undefined, sentences: readonly string[]): string {
  // Some name files.
  const said = sentences.map((sentence) => visible(sentence, Infinity));
  if (!report) return `${said.join('\n')}\n`;
  const { model } = report.subject;
  const name = `${visible(model.name)} (${visible(model.architecture)}), ${visible(model.precision)} on ${visible(model.provider)}`;
  const sections = report.sections.filter(({ id }) => PRINTED.includes(id)).map(sectionText);
  return [`${[name, ...said].join('\n')}\n`, ...sections].join('\n');
}
