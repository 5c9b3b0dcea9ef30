/** The command line of `moescope folder`. */
import { parseArgs } from 'node:util';
import type { Grouping, GroupRule } from '../analysis/folder/groups.ts';
import { FOLDER_LIMITS } from '../protocol/defaults.ts';
import { MAX_SOCKETS } from '../server/http.ts';
import type { FolderOptions } from './folder.ts';
import { HERE_ALONE, MODEL_OPTIONS, modelOptions } from './modelOptions.ts';
import { notWith, SERVER_OPTIONS, serverOptions } from './serverOptions.ts';
import { UsageError } from './usage.ts';
import { understood, wholeNumber } from './values.ts';

const USAGE = `moescope folder DIR [options]   routes the files of a folder and shows which experts do which kind of text

  --group HOW       what counts as a kind: language (default), folder (the first in which paths differ), or rules
                    GLOB=NAME,GLOB=NAME,… of which the first that matches counts
  --include GLOB    only files that match; may be given more than once
  --exclude GLOB    files and folders that are left out, besides what .gitignore names; may be given more than once
  --max-files N     most files that are routed, the kinds in turn (default: ${FOLDER_LIMITS.files})
  --max-chars N     characters of a file that are routed, from its beginning (default: ${FOLDER_LIMITS.characters})
  --json OUT        write counts and report as JSON ("-" writes standard output, and no tables)
  --html OUT        write the whole report as one HTML file
  --concurrency N   texts that are with a server at the same time (default: 4 for each server); --server takes several addresses of
                    the same model, divided by commas, and a server that dies leaves its files to the others
  --model, --router, --threads, --context, --precision, --provider, --server, … as for moescope analyze

Ctrl+C shows what is done; the next run with the same options goes on from there.`;

/** Texts at once with each server; more would only wait there. */
const MAX_CONCURRENCY = MAX_SOCKETS;

/** Undefined when only help was asked for, which is printed. Throws UsageError. */
export function parseFolder(args: string[]): FolderOptions | undefined {
  const { values, positionals } = understood(() =>
    parseArgs({
      args,
      allowPositionals: true,
      options: {
        group: { type: 'string' },
        include: { type: 'string', multiple: true },
        exclude: { type: 'string', multiple: true },
        'max-files': { type: 'string' },
        'max-chars': { type: 'string' },
        json: { type: 'string' },
        html: { type: 'string' },
        ...SERVER_OPTIONS,
        ...MODEL_OPTIONS,
        concurrency: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }),
  );
  if (values.help === true) {
    console.log(USAGE);
    return undefined;
  }
  const server = serverOptions(values);
  const concurrency = wholeNumber('concurrency', values.concurrency, 1);
  if (concurrency !== undefined && !server) throw new UsageError('--concurrency is for --server.');
  notWith(values, 'server', HERE_ALONE);
  return {
    folders: positionals,
    group: grouping(values.group ?? 'language'),
    include: values.include ?? [],
    exclude: values.exclude ?? [],
    limits: {
      files: wholeNumber('max-files', values['max-files'], 1) ?? FOLDER_LIMITS.files,
      characters: wholeNumber('max-chars', values['max-chars'], 1) ?? FOLDER_LIMITS.characters,
    },
    json: values.json,
    html: values.html,
    generate: 0,
    server,
    concurrency: Math.min(MAX_CONCURRENCY, concurrency ?? 4 * (server?.url.split(',').length ?? 0)),
    ...modelOptions(values),
  };
}

function grouping(text: string): Grouping {
  if (text === 'language' || text === 'folder') return { by: text };
  // Commas within braces belong to a glob.
  const rules = text.split(/,(?![^{}]*\})/u).map((rule): GroupRule => {
    const at = rule.lastIndexOf('=');
    const [glob, name] = [rule.slice(0, at).trim(), rule.slice(at + 1).trim()];
    if (at < 1 || glob === '' || name === '') {
      throw new UsageError(`--group takes language, folder or GLOB=NAME,…, not "${rule}".`);
    }
    return { glob, name };
  });
  return { by: 'rules', rules };
}
