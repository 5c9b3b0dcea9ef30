#!/usr/bin/env node
/** `moescope`: the engine from a terminal. */
import { parseArgs } from 'node:util';
import { isUserError, messageOf, type ErrorCode } from '../protocol/errors.ts';
import { ownVersion } from '../protocol/writtenNow.ts';
import { ablate } from './ablate.ts';
import { agree, type AgreeOptions } from './agree.ts';
import { analyze } from './analyze.ts';
import { balance } from './balance.ts';
import { cache, type CacheOptions } from './cache.ts';
import { CACHE_ADVICE } from './cacheFolder.ts';
import { folder } from './folder.ts';
import { parseFolder } from './folderOptions.ts';
import { inspect, type InspectOptions } from './inspect.ts';
import { parseAblate, parseBalance, parseWhatif } from './measuring.ts';
import {
  HERE_ALONE,
  MODEL_OPTIONS,
  openingOptions,
  PRECISION_NAMES,
  PROVIDER_NAMES,
  wayOptions,
} from './modelOptions.ts';
import { checkOutputs, type Inputs, type Outputs } from './output.ts';
import { parseProfile, profile } from './profile.ts';
import { report } from './report.ts';
import { parseReport } from './reportOptions.ts';
import { INTERRUPTED } from './route.ts';
import { record, type ServerOptions } from './served.ts';
import { notWith, SERVER_OPTIONS, serverOptions } from './serverOptions.ts';
import { visibleLines } from './table.ts';
import { tour } from './tour.ts';
import { UsageError } from './usage.ts';
import { oneOf, understood, wholeNumber } from './values.ts';
import { whatif } from './whatif.ts';

const USAGE = `moescope analyze FILE [options]   routes a text through a mixture-of-experts model ("-" reads standard input)
moescope analyze --trace FILE     shows recorded routing: a trace that --json wrote, .npy or .npz expert ids, answers of vLLM or
                                  SGLang as JSON, and counts: dumps of SGLang's recorder, llama.cpp's imatrix, tables
moescope report FILE… [options]   says what the load tells: balance, certainty, losses, capacity, cost; writes HTML, JSON, CSV
                                  and SVG; --trace FILE does so for recorded routing (report --help)
moescope folder DIR [options]     shows which experts do which kind of text, over the files of a folder (folder --help)
moescope agree FILE --precision A,B or --provider A,B   shows what of the routing stays from A to B
moescope agree FILE --server URL --model DIR            shows what of it stays from this machine to a server

moescope whatif FILE CHANGE…      runs the text again with a change in the model, and measures what it costs: --drop-expert L:E,
                                  --silence-expert L:E, --capacity F[,F…] [--policy position|weight|reroute], --k N,
                                  --temperature T, --no-shared; --layer L for some layers alone
moescope balance FILE [--target V] [--out F.safetensors]   fits biases that even out the load on half of the text, tries them on the rest
moescope ablate FILE [--layer L] [--top N]   takes each expert away in turn, and ranks them by what that costs

moescope tour [FILE]                 explains routing on a text of yours, or the samples, with both bundled models
moescope profile FILE [--batch 1,16,128] [--generate N]   measures where the time of a forward pass goes, and the latency of
                                  generated tokens; --json OUT writes it

moescope inspect DIR|FILE [--json]   says what a model is, from its config and headers alone
moescope record start|stop --server URL   has an SGLang, or each of several, count what it routes, and write the counts to a file of its
                                          machine; report --trace FILE --trace FILE… adds those of several up
moescope cache [--clear]             lists the copies of weights that were made to run models, or deletes them; XDG_CACHE_HOME
                                  (Windows: LOCALAPPDATA) names the folder that they are in

  --model PATH    Hugging Face checkpoint folder, ONNX file or folder of one, or a bundled model: "balanced" (default) or "collapsed".
                  Beside a --trace of expert ids, the folder of the model's config.json; SGLang's answers take it
  --router ID     which of the routers that were found, where an ONNX model may have several
  --server URL    route on a running vLLM (0.21 and later) or SGLang that was started with --enable-return-routed-experts; its API key,
                  if it wants one, is taken from MOESCOPE_API_KEY. --model then names a local folder with the model's config.json
                  and, better still, its tokenizer.json
  --model-name N  which of the server's models (default: the only one)
  --plain-http    allows http to another machine: text and key could be read on the way
  --timeout S     seconds that the server may say nothing (default: 300)
  --layer L       show this layer's experts, and its tokens with the smallest margins
  --json OUT      write the trace as JSON ("-" writes standard output, and no table)
  --part NAME     which of the counts that a recording holds
  --generate N    add N greedily generated tokens with their routing
  --threads N     threads, 256 at most (default: all cores, one less where there are more than two)
  --context N     most tokens in one window (default: the model's own limit)
  --precision P   auto, float32, float16, int8 or int4 (default: auto, the most exact that fits)
  --provider P    auto, cpu, webgpu, cuda, dml or coreml (default: auto)
  --help
  --version

Exit codes: 0 done, 1 the program failed or the server cannot be reached, 2 the input is at fault or the server does not fit, 130 stopped by Ctrl+C (what is done is shown).`;

/** Commands with options of their own. */
const COMMANDS: ReadonlyMap<string, (args: string[]) => Promise<number>> = new Map([
  ['inspect', (args) => inspect(parseInspect(args))],
  ['whatif', (args) => checked(whatif, parseWhatif(args))],
  ['balance', (args) => checked(balance, parseBalance(args))],
  ['ablate', (args) => checked(ablate, parseAblate(args))],
  ['tour', tour],
  ['profile', (args) => checked(profile, parseProfile(args))],
  ['cache', (args) => cache(parseCache(args))],
  ['report', (args) => checked(report, parseReport(args))],
  ['folder', (args) => checked(folder, parseFolder(args))],
  ['record', parseRecord],
]);
/** Those that print help of their own. */
const HELPFUL: ReadonlySet<string> = new Set(['report', 'folder']);

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end < 0 ? args.length : end).some((arg) => arg === '--help' || arg === '-h');
}

/** Runs a command whose results can be written, as far as can be told before; none where only help was asked for. */
async function checked<O extends Outputs & Inputs>(
  command: (options: O) => Promise<number>,
  options: O | undefined,
): Promise<number> {
  if (options === undefined) return 0;
  await checkOutputs(options);
  return command(options);
}

async function main(args: string[]): Promise<number> {
  const [name = '', ...rest] = args;
  const own = COMMANDS.get(name);
  if (own) {
    if (!HELPFUL.has(name) && asksForHelp(rest)) {
      console.log(USAGE);
      return 0;
    }
    return own(rest);
  }
  const { values, positionals } = parse(args);
  if (values.version === true) {
    console.log(ownVersion(__dirname));
    return 0;
  }
  if (values.help === true || args.length === 0) {
    console.log(USAGE);
    return 0;
  }
  const [command, ...files] = positionals;
  const server = serverOptions(values);
  const common = { files, ...openingOptions(values) };
  if (command === 'agree') {
    if (server && values.model === undefined) {
      throw new UsageError('agree takes --server and --model DIR: the model that the server runs, on this machine.');
    }
    for (const option of ['trace', 'json', 'part', 'layer', 'generate'] as const) {
      if (values[option] !== undefined) throw new UsageError(`--${option} is for moescope analyze.`);
    }
    return agree({ ...common, ways: twoWays(values.precision, values.provider, server) });
  }
  if (command !== 'analyze') {
    throw new UsageError(`There is no command "${command ?? ''}"; see moescope --help.`);
  }
  notWith(values, 'server', [...HERE_ALONE, 'generate', 'trace']);
  notWith(values, 'trace', [...HERE_ALONE, 'generate']);
  if (values.trace === undefined && values.part !== undefined) throw new UsageError('--part is for --trace.');
  return checked(analyze, {
    ...common,
    server,
    trace: values.trace ?? [],
    part: values.part,
    json: values.json,
    generate: wholeNumber('generate', values.generate, 0) ?? 0,
    ...wayOptions(values),
    layer: values.layer,
  });
}

/** `--json` has no value here. */
function parseInspect(args: string[]): InspectOptions {
  const options = { json: { type: 'boolean' } } as const;
  const { values, positionals } = understood(() => parseArgs({ args, allowPositionals: true, options }));
  return { paths: positionals, json: values.json === true };
}

function parseRecord(args: string[]): Promise<number> {
  const { values, positionals } = understood(() =>
    parseArgs({ args, allowPositionals: true, options: SERVER_OPTIONS }),
  );
  const [what, ...more] = positionals;
  const server = serverOptions(values);
  if ((what !== 'start' && what !== 'stop') || more.length > 0 || !server) {
    throw new UsageError('moescope record takes start or stop, and --server URL.');
  }
  return record(what, server);
}

function parseCache(args: string[]): CacheOptions {
  const { values } = understood(() => parseArgs({ args, options: { clear: { type: 'boolean' } } }));
  return { clear: values.clear === true };
}

function parse(args: string[]): ReturnType<typeof parseOptions> {
  return understood(() => parseOptions(args));
}

function parseOptions(args: string[]) {
  return parseArgs({
    args,
    allowPositionals: true,
    options: {
      ...MODEL_OPTIONS,
      trace: { type: 'string', multiple: true },
      part: { type: 'string' },
      json: { type: 'string' },
      layer: { type: 'string' },
      ...SERVER_OPTIONS,
      generate: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean' },
    },
  });
}

/** What two lists of one or two names say; one name stands for both ways. With a server, this machine against that. */
function twoWays(
  precision: string | undefined,
  provider: string | undefined,
  server: ServerOptions | undefined,
): AgreeOptions['ways'] {
  if (server) {
    const here = wayOptions({ precision, provider });
    return [here, { ...here, server }];
  }
  const precisions = pair('precision', precision, PRECISION_NAMES);
  const providers = pair('provider', provider, PROVIDER_NAMES);
  if (precisions[0] === precisions[1] && providers[0] === providers[1]) {
    throw new UsageError('What against what? --precision A,B or --provider A,B says it.');
  }
  return [
    { precision: precisions[0], provider: providers[0] },
    { precision: precisions[1], provider: providers[1] },
  ];
}

function pair<T extends string>(
  option: string,
  text: string | undefined,
  known: readonly [T, ...T[]],
): readonly [T, T] {
  const [first = known[0], second = first, ...more] = (text?.split(',') ?? []).map((name) =>
    oneOf(option, name, known),
  );
  if (more.length > 0) throw new UsageError(`--${option} takes two of ${known.join(', ')}, not "${text ?? ''}".`);
  return [first, second];
}

// Whoever reads our output may stop early (| head); that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  console.error(`moescope: what it has to say cannot be written: ${messageOf(error)}.`);
  process.exit(1);
});
main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const ours = error instanceof UsageError || (isUserError(error) && !FAILURES.has(error.code));
    const isOfCache = isUserError(error, 'cache-unwritable') || isUserError(error, 'cache-full');
    const advice = isOfCache && process.argv[2] !== 'cache' ? ` ${CACHE_ADVICE}` : '';
    console.error(`moescope: ${visibleLines(messageOf(error))}${advice}`);
    if (!ours && !isUserError(error) && error instanceof Error) console.error(visibleLines(error.stack ?? ''));
    process.exitCode = isUserError(error, 'cancelled') ? INTERRUPTED : ours ? 2 : 1;
  },
);

/** Errors that no other input would mend. */
const FAILURES: ReadonlySet<ErrorCode> = new Set([
  'engine-failed',
  'engine-gone',
  'inspector-failed',
  'inspector-gone',
  'internal',
  'cache-unwritable',
  'cache-full',
  'server-unreachable',
]);
