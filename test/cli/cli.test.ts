/** The command line as its users run it: a child process, its output and exit code. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  linkSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { devNull, homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FIXTURES, Reference, ROOT } from '../support/reference.ts';
import { moescope as run, type Ran } from '../support/terminal.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'moescope-cli-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function moescope(args: readonly string[], input = '', cache = join(folder, 'cache'), cwd = folder): Promise<Ran> {
  return run(args, { input, cwd, env: { XDG_CACHE_HOME: cache } });
}

const SAMPLE = join(ROOT, 'media/samples/router.ts');

interface TraceFile {
  format: string;
  version: number;
  model: { name: string; architecture: string };
  precision: string;
  provider: string;
  tokens: { id: number; start: number; end: number; logProb: number | null }[];
  layers: {
    layer: number;
    experts: number;
    k: number;
    chosen: number[][];
    weight: number[][];
    entropy: number[];
    margin: number[];
  }[];
}

describe('moescope analyze', () => {
  it('shows what was generated, and says where there was room for less', async () => {
    const out = join(folder, 'generated.json');
    const text = 'The router sends';
    const whole = await moescope(['analyze', '-', '--generate', '6', '--json', out], text);
    const file = JSON.parse(readFileSync(out, 'utf8')) as { text: string; tokens: unknown[] };
    expect(file.text.length).toBeGreaterThan(text.length);
    const added = file.text.slice(text.length).replaceAll('\n', '⏎');
    expect(whole.stdout).toContain(`\nGenerated: 6 tokens: "${added}"\n`);
    // What was routed before fills its windows, or leaves room for one.
    const given = file.tokens.length - 6;
    const short = await moescope(['analyze', '-', '--generate', '6', '--context', String(given + 1)], text);
    expect(short.stdout).toContain(`\nGenerated: 1 token of 6, and the context of ${given + 1} tokens is full: "`);
    const none = await moescope(['analyze', '-', '--generate', '6', '--context', String(given)], text);
    expect(none.stdout).toContain(`\nGenerated: 0 tokens of 6, and the context of ${given} tokens is full.\n`);
    const unasked = await moescope(['analyze', '-'], text);
    expect(unasked.stdout).not.toContain('Generated');
  });

  it('prints the load by layer and the least sure tokens', async () => {
    const { code, stdout, stderr } = await moescope(['analyze', SAMPLE]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    // Counted by hand from the reference's choices at layer 3: E10 takes 69 of 388 slots, E8 none; 9 of 16 experts
    // stay under 5 %; 69/388·16 − 1 = 1.85.
    const expected = await Reference.read(join(FIXTURES, 'demo/balanced'));
    const counts = new Array<number>(16).fill(0);
    for (const e of expected.get('topk_index.4.3').data) counts[e]! += 1;
    expect([counts[10], counts[8], counts.reduce((a, b) => a + b)]).toEqual([69, 0, 388]);
    expect(stdout).toMatch(/^ +L3 +E10 +17\.8 % +E8 +0\.0 % +56\.3 % +1\.85 +10\.9 of 16 +1\.55\d$/m);
    expect(stdout).toMatch(/^balanced \(MixtralForCausalLM\), 6 layers, 194 tokens$/m);
    expect(stdout.split('smallest margin')[1]!.match(/^ +\d+ +".*" +L\d/gm)).toHaveLength(20);
  });

  it('writes the public trace format, and opens it again with the same figures', async () => {
    const out = join(folder, 'trace.json');
    const first = await moescope(['analyze', SAMPLE, '--json', out]);
    const file = JSON.parse(readFileSync(out, 'utf8')) as TraceFile;
    expect(file).toMatchObject({ format: 'moescope-trace', version: 1, precision: 'float32', provider: 'cpu' });
    expect(file.model).toMatchObject({ name: 'balanced', architecture: 'MixtralForCausalLM' });
    const expected = await Reference.read(join(FIXTURES, 'demo/balanced'));
    expect(file.tokens.map((t) => t.id)).toEqual([...expected.get('input_ids.4').data]);
    expect(file.tokens[0]!.logProb).toBeNull();
    const text = readFileSync(SAMPLE, 'utf8');
    expect(file.tokens.map((t) => text.slice(t.start, t.end)).join('')).toBe(text);
    expect(file.layers.map((l) => [l.layer, l.experts, l.k])).toEqual([0, 1, 2, 3, 4, 5].map((l) => [l, 16, 2]));
    for (const layer of file.layers) {
      expect(layer.chosen.every((row) => row.length === 2)).toBe(true);
      expect(layer.weight.every(([a, b]) => a! >= b!)).toBe(true);
      expect(layer.entropy).toHaveLength(194);
      expect(layer.margin).toHaveLength(194);
    }
    const again = await moescope(['analyze', '--trace', out]);
    const tables = (s: string): string => s.slice(s.indexOf('layer  hottest'));
    expect(tables(again.stdout)).toBe(tables(first.stdout));
  });

  it('tells both stacks of an encoder-decoder, and what found no room in them', async () => {
    const model = join(FIXTURES, 'checkpoints/switch_transformers');
    const reference = await Reference.read(join(model, 'reference'));
    const out = join(folder, 'switch.json');
    const { stdout } = await moescope(['analyze', '-', '--model', model, '--json', out], reference.inputs[1]);
    for (const [label, key] of Object.entries({ E1: 'e1', E3: 'e3', D1: 'd1', D3: 'd3' })) {
      const chosen = [...reference.get(`topk_index.1.${key}`).data];
      const share = (100 * chosen.filter((e) => e === -1).length) / chosen.length;
      expect(stdout).toMatch(new RegExp(`^ +${label} .* ${share.toFixed(1)} %$`, 'm'));
    }
    expect(stdout).toMatch(/ {2}dropped$/m);
    expect(stdout).not.toContain('65535');
    const again = await moescope(['analyze', '--trace', out]);
    const tables = (s: string): string => s.slice(s.indexOf('layer  hottest'));
    expect(tables(again.stdout)).toBe(tables(stdout));
  });

  it('reads standard input and writes standard output', async () => {
    const { code, stdout } = await moescope(['analyze', '-', '--json', '-'], '混合专家 🙂');
    expect(code).toBe(0);
    const { tokens } = JSON.parse(stdout) as TraceFile;
    expect(tokens.at(-1)!.end).toBe('混合专家 🙂'.length);
  });

  it('shows one layer with --layer', async () => {
    const { stdout } = await moescope(['analyze', SAMPLE, '--layer', '3']);
    expect(stdout).toMatch(/^E10 +17\.8 % +█+$/m);
    expect(stdout.split('smallest margin')[1]).not.toMatch(/ L[0124-5] /);
  });

  it('takes a layer by its label, and a bundled model by its name', async () => {
    const { code, stdout } = await moescope(['analyze', SAMPLE, '--layer', 'L3', '--model', 'collapsed']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^collapsed /);
    expect(stdout).toContain('Load of layer L3');
  });

  it.each(['whatif', 'balance', 'ablate', 'profile', 'inspect', 'tour', 'cache', 'record', 'report', 'folder'])(
    'helps with %s',
    async (command) => {
      const { code, stdout, stderr } = await moescope([command, '--help']);
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toContain(`moescope ${command}`);
    },
  );

  it('says its version', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(await moescope(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it.skipIf(!existsSync('/dev/full'))('says when what it prints cannot be written', () => {
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'dist/cli.js'), '--help'], {
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    });
    closeSync(full);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^moescope: .*ENOSPC/);
  });

  it.skipIf(process.platform === 'win32')('routes from a folder that was removed meanwhile', () => {
    const gone = mkdtempSync(join(folder, 'gone-'));
    const script = 'cd "$0" && rmdir "$0" && exec "$@"';
    const command = [process.execPath, join(ROOT, 'dist/cli.js'), 'analyze', SAMPLE];
    const { status, stderr } = spawnSync('sh', ['-c', script, gone, ...command], {
      env: { ...process.env, XDG_CACHE_HOME: join(folder, 'cache') },
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  it('has no number where nothing was routed', async () => {
    const columns = { chosen: [[null]], weight: [[null]], entropy: [null], margin: [null] };
    const trace = {
      ...{ format: 'moescope-trace', version: 1, model: { name: 'tiny' }, precision: 'int8', provider: 'cpu' },
      tokens: [{ id: 1, start: 0, end: 0, logProb: null }],
      layers: [{ layer: 0, experts: 2, k: 1, ...columns }],
    };
    const { code, stdout } = await moescope(['analyze', '--trace', '-', '--layer', '0'], JSON.stringify(trace));
    expect(code).toBe(0);
    expect(stdout).not.toContain('NaN');
  });

  it('takes another model', async () => {
    const { stdout } = await moescope(['analyze', SAMPLE, '--model', join(FIXTURES, 'checkpoints/mixtral')]);
    expect(stdout).toMatch(/^mixtral \(MixtralForCausalLM\), 4 layers/m);
  });

  it('keeps to itself what drivers write where nobody asked for one', async () => {
    const mixtral = join(FIXTURES, 'checkpoints/mixtral');
    const run = (...provider: string[]): Promise<Ran> =>
      moescope(['analyze', SAMPLE, '--model', mixtral, ...provider], '', mkdtempSync(join(folder, 'cache-')));
    expect(await run()).toMatchObject({ code: 0, stderr: '' });
    const { code, stderr } = await run('--provider', 'webgpu');
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(code === 0 ? /^$/ : /^moescope: .*webgpu/);
  });

  it.each([
    ['mixtral', 'softmax'],
    ['glm4_moe', 'sigmoid'],
  ])('writes how the routers of %s score experts: %s', async (model, scoring) => {
    const args = ['analyze', '-', '--model', join(FIXTURES, 'checkpoints', model), '--json', '-'];
    expect(JSON.parse((await moescope(args, 'Experts.')).stdout)).toMatchObject({ model: { scoring } });
  });

  it('escapes what would move a terminal', async () => {
    const { stdout } = await moescope(['analyze', '-'], 'a\u001b[2J\u202eb\u0007');

    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
  });
});

describe('moescope agree', () => {
  it('shows what of the routing stays, layer by layer', async () => {
    const { code, stdout, stderr } = await moescope(['agree', SAMPLE, '--precision', 'auto,float32']);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toMatch(/: 100\.00 % of choices stay, 0 tokens of 194 flip somewhere$/m);
    expect(stdout.match(/^ +L\d +100\.00 % +100\.00 % +0 \(0\.0 %\) +0\.0$/gm)).toHaveLength(6);
  });
});

describe('bad input: exit code 2 and one sentence', () => {
  it.each([
    [['analyze'], /Which FILE/],
    [['analyze', 'missing.txt'], /no file missing\.txt/],
    [['analyze', '.'], /is a folder/],
    [['analyze', SAMPLE, SAMPLE], /One FILE/],
    [['analyze', SAMPLE, '--model', 'nowhere'], /nowhere does not exist/],
    [['analyze', SAMPLE, '--layer', '6'], /no MoE layer 6/],
    [['analyze', SAMPLE, '--layer', 'x'], /no MoE layer x; it has L0, L1/],
    [['analyze', SAMPLE, '--bogus'], /Unknown option/],
    // The model, which is not there, is not looked for.
    [['analyze', SAMPLE, '--model', 'nowhere', '--json', 'no/such/folder/out.json'], /no\/such.* cannot be written/],
    [['profile', SAMPLE, '--model', 'nowhere', '--json', '.'], /cannot be written: it is a folder/],
    [['balance', SAMPLE, '--model', 'nowhere', '--out', 'no/such/folder/out'], /cannot be written/],
    [['analyze', SAMPLE, '--part', 'code'], /--part is for --trace/],
    [['report', SAMPLE, '--part', 'code'], /--part is for --trace/],
    [['analyze', '--trace', SAMPLE, '--generate', '3'], /--generate and --trace do not go together/],
    [['report', '--trace', SAMPLE, '--precision', 'int8'], /--precision and --trace do not go together/],
    [['folder', '.', '--json', '-', '--html', '-'], /one of --html and --json/],
    [['agree', SAMPLE, '--server', 'http://127.0.0.1:1'], /--model DIR/],
    [['analyze', '--trace', join(ROOT, 'package.json')], /no recording that MoEScope can open/],
    [['report'], /Which FILE/],
    [['report', SAMPLE, '--trace', SAMPLE], /Either a FILE or --trace/],
    [['report', SAMPLE, '--layer', '3'], /Unknown option '--layer'/],
    [['report', SAMPLE, '--section', 'loads'], /--section takes balance, .*"loads"/],
    [['report', SAMPLE, '--set', 'capacity'], /SECTION\.CONTROL=VALUE/],
    [['report', SAMPLE, '--set', 'capacity.limit=2'], /capacity has factor, policy/],
    [['report', SAMPLE, '--set', 'capacity.factor=99'], /it takes 0\.5 to 4/],
    [['report', SAMPLE, '--set', 'balance.layer=L9'], /it takes L0, L1, L2/],
    [['report', SAMPLE, '--html', '-', '--json', '-'], /one of --html and --json/],
    [['report', SAMPLE, '--model', 'nowhere', '--csv', SAMPLE], /cannot be written/],
    [['report', SAMPLE, '--json', 'no/such/folder/out.json'], /cannot be written/],
    [['route', SAMPLE], /no command "route"/],
    [['analyze', SAMPLE, '--threads', '257'], /^moescope: --threads takes 256 at most, not 257\.$/m],
    [['report', SAMPLE, '--threads', '257'], /^moescope: --threads takes 256 at most, not 257\.$/m],
    [['profile', SAMPLE, '--threads', '257'], /^moescope: --threads takes 256 at most, not 257\.$/m],
    [['balance', SAMPLE, '--threads', '257'], /^moescope: --threads takes 256 at most, not 257\.$/m],
    [['folder', SAMPLE, '--threads', '257'], /^moescope: --threads takes 256 at most, not 257\.$/m],
    [['agree', '--precision', 'auto,float32'], /Which FILE/],
    [['agree', SAMPLE], /What against what/],
    [['agree', SAMPLE, '--precision', 'float32'], /What against what/],
    [['agree', SAMPLE, '--precision', 'float32,fast'], /--precision takes auto, float32.*"fast"/],
    [['agree', SAMPLE, '--precision', 'auto,float32,int8'], /--precision takes two of/],
    [['agree', SAMPLE, '--precision', 'auto,float32', '--json', 'out.json'], /--json is for moescope analyze/],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await moescope(args);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(code).toBe(2);
  });

  it.each([
    ['', /no text/],
    [' \n', /no text/],
  ])('text %j', async (input, message) => {
    const { code, stderr } = await moescope(['analyze', '-'], input);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });

  it('is told a file that is no text', async () => {
    const path = join(folder, 'binary');
    writeFileSync(path, Buffer.from([0xff, 0xfe, 0x00, 0x80]));
    const { code, stderr } = await moescope(['analyze', path]);
    expect(stderr).toMatch(/not UTF-8/);
    expect(code).toBe(2);
  });
});

describe('an output in the place of what is read: exit code 2, one sentence, and all files as they were', () => {
  let place: string;
  beforeAll(() => {
    place = mkdtempSync(join(folder, 'places-'));
    cpSync(join(FIXTURES, 'checkpoints/mixtral'), join(place, 'mx'), { recursive: true });
    cpSync(join(FIXTURES, 'onnx/torch-mixtral-fp32'), join(place, 'onnx'), { recursive: true });
    writeFileSync(join(place, 'e.md'), 'Experts and routers.');
    writeFileSync(join(place, 'old.csv'), 'layer,expert,count\n0,0,3\n0,1,5\n');
    symlinkSync('e.md', join(place, 'link.md'));
    linkSync(join(place, 'e.md'), join(place, 'twin.md'));
  });

  it.each([
    [['analyze', 'e.md', '--json', 'e.md'], 'e.md is what is read, and --json would overwrite it.'],
    [['analyze', 'e.md', '--json', 'mx/../link.md'], 'mx/../link.md is what is read, and --json would overwrite it.'],
    [['profile', 'e.md', '--json', 'twin.md'], 'twin.md is what is read, and --json would overwrite it.'],
    [['report', 'e.md', '--html', 'e.md'], 'e.md is what is read, and --html would overwrite it.'],
    [['report', '--trace', 'old.csv', '--json', 'old.csv'], 'old.csv is what is read, and --json would overwrite it.'],
    [['report', 'e.md', '--against', 'old.csv', '--html', 'old.csv'], 'old.csv is what is read, and --html would'],
    [
      ['report', 'e.md', '--against', 'mx', '--json', 'mx/config.json'],
      'mx/config.json belongs to the model, and --json',
    ],
    [
      ['report', 'e.md', '--html', 'new', '--json', './new'],
      'new is what --json writes, and --html would overwrite it.',
    ],
    [
      ['balance', 'e.md', '--out', 'mx/../b', '--json', 'b'],
      'mx/../b is what --json writes, and --out would overwrite it.',
    ],
    [
      ['balance', 'e.md', '--model', 'mx', '--out', 'mx/model.safetensors'],
      'mx/model.safetensors belongs to the model, and --out would overwrite it.',
    ],
    [
      ['whatif', 'e.md', '--k', '1', '--model', 'mx', '--json', 'mx/tokenizer.json'],
      'mx/tokenizer.json belongs to the',
    ],
    [['ablate', 'e.md', '--json', 'e.md'], 'e.md is what is read, and --json would overwrite it.'],
    [
      ['analyze', 'e.md', '--model', 'onnx/model.onnx', '--json', 'onnx/model.onnx'],
      'onnx/model.onnx belongs to the model',
    ],
    [['folder', '.', '--json', 'mx/config.json'], 'mx/config.json is a file of ., and --json would overwrite it.'],
    [['folder', 'mx', '--html', 'mx/config.json'], 'mx/config.json is a file of mx, and --html would overwrite it.'],
  ])('%j', async (args, sentence) => {
    const state = (): unknown =>
      readdirSync(place, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name)).length]);
    const before = state();
    const { code, stderr } = await moescope(args, '', undefined, place);
    expect(stderr).toContain(`moescope: ${sentence}`);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(code).toBe(2);
    expect(state()).toEqual(before);
  });

  it('writes once more what it wrote beside the model, and as much as is wanted to a device', async () => {
    for (const json of ['onnx/trace.json', 'onnx/trace.json', devNull]) {
      const { code, stderr } = await moescope(
        ['analyze', 'e.md', '--model', 'onnx', '--json', json],
        '',
        undefined,
        place,
      );
      expect([code, stderr.split('\n')[1]]).toEqual([0, '']);
    }
    const { code } = await moescope(['report', 'e.md', '--json', devNull, '--html', devNull], '', undefined, place);
    expect(code).toBe(0);
  });

  it.skipIf(process.platform === 'win32')('leaves no part of a file that finds no room', () => {
    // Blocks of 512 bytes: the page and the largest charts need more.
    const limited = `ulimit -f 16 && exec "${process.execPath}" "${join(ROOT, 'dist/cli.js')}" "$@"`;
    const run = (...args: string[]): { status: number | null; stderr: string } =>
      spawnSync('sh', ['-c', limited, 'sh', 'report', '--trace', 'old.csv', ...args], { cwd: place, encoding: 'utf8' });
    for (const args of [
      ['--html', 'page.html'],
      ['--svg', 'charts'],
    ]) {
      const { status, stderr } = run(...args);
      expect(stderr).toMatch(new RegExp(`^moescope: ${args[1]!} cannot be written: EFBIG.*\n$`));
      expect(status).toBe(2);
    }
    expect(existsSync(join(place, 'page.html'))).toBe(false);
    const whole = readdirSync(join(place, 'charts')).map((name) => readFileSync(join(place, 'charts', name), 'utf8'));
    expect(whole.filter((svg) => !svg.endsWith('</svg>\n'))).toEqual([]);
  });
});

describe('moescope inspect', () => {
  const MIXTRAL = join(FIXTURES, 'checkpoints/mixtral');

  it('says what a model is', async () => {
    const { code, stdout, stderr } = await moescope(['inspect', MIXTRAL]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toContain('MixtralForCausalLM');
    expect(stdout).toContain('4: 4 MoE (0–3); attention');
    expect(stdout).toContain('8, of which a token visits 2');
    expect(stdout).toContain('p = softmax(Wx),  T = top 2 of 8 by p,  w = p / Σ p');
    expect(stdout).toContain('https://arxiv.org/abs/2401.04088');
    expect(stdout).toContain('Parameters 707 thousand');
    // The CPU does not compute in it.
    expect(stdout).toMatch(/^ +parameters +float32 +float16 \(GPU\) +int8 +int4$/m);
    expect(stdout).toMatch(
      /runs in float32 on the CPU\. All experts must sit in memory; one token uses \d+\.\d % of it\./,
    );
  });

  it('knows the bundled models by their names', async () => {
    const { code, stdout } = await moescope(['inspect', 'collapsed']);
    expect([code, stdout.split('\n')[0]]).toEqual([0, 'collapsed (MixtralForCausalLM, as in Mixtral)']);
  });

  it('writes JSON', async () => {
    const { code, stdout } = await moescope(['inspect', MIXTRAL, '--json']);
    expect(code).toBe(0);
    const model = JSON.parse(stdout) as {
      format: string;
      version: number;
      parameters: { total: number };
      config: { model_type: string };
      precisions: { precision: string; gpuOnly?: boolean }[];
    };
    expect(model).toMatchObject({ format: 'moescope-model', version: 1, family: 'Mixtral' });
    expect(model.precisions.filter(({ gpuOnly }) => gpuOnly).map(({ precision }) => precision)).toEqual(['float16']);
    expect(model.parameters.total).toBe(707_136);
    expect(model.config.model_type).toBe('mixtral');
  });

  it('says of an ONNX model what was found in its graph', async () => {
    const { code, stdout } = await moescope(['inspect', join(FIXTURES, 'onnx/torch-mixtral-fp32')]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/written by pytorch .*4 layers × 8 experts, top-2, softmax scores; MatMul → Softmax → TopK/);
    expect(stdout).toMatch(/\n +3 +8 +2 +node_topk_3__1\n$/);
    const { stdout: json } = await moescope(['inspect', join(FIXTURES, 'onnx/torch-mixtral-fp32'), '--json']);
    expect(JSON.parse(json)).toMatchObject({
      ...{ format: 'moescope-routers', version: 1 },
      candidates: [{ scoring: 'softmax', layers: [0, 1, 2, 3].map((layer) => ({ layer, experts: 8, k: 2 })) }],
    });
  });

  it('is at fault for what it cannot read, in one line', async () => {
    const { code, stdout, stderr } = await moescope(['inspect', join(ROOT, 'media')]);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^moescope: There is no config\.json in .*\n$/);
    expect((await moescope(['inspect'])).code).toBe(2);
    expect((await moescope(['inspect', MIXTRAL, '--jsn'])).code).toBe(2);
  });
});

describe('moescope cache', () => {
  it('lists what running models has left, and deletes it', async () => {
    const own = join(folder, 'own cache');
    const here = (args: readonly string[]): Promise<Ran> => moescope(args, '', own);
    const place = join(own, 'moescope/models');
    const none = await here(['cache']);
    expect(none).toEqual({ code: 0, stdout: `${place}: 0 bytes in 0 models, of 50 GB at most\n`, stderr: '' });
    await here(['analyze', SAMPLE, '--model', join(FIXTURES, 'checkpoints/mixtral'), '--precision', 'float32']);
    const { code, stdout } = await here(['cache']);
    expect(code).toBe(0);
    // 707,136 parameters of four bytes each, and what aligns them.
    expect(stdout).toContain(`${place}: 2.83 MB in 1 model, of 50 GB at most\n`);
    const today = new Date().toISOString().slice(0, 10);
    expect(stdout).toMatch(new RegExp(`^[0-9a-f]{12} +2\\.83 MB +${today} \\d\\d:\\d\\d UTC$`, 'm'));
    expect(await here(['cache', '--clear'])).toEqual({
      code: 0,
      stdout: '2.83 MB of the model cache are free again.\n',
      stderr: '',
    });
    expect(await here(['cache'])).toEqual(none);
  });

  it('is never in the current folder', async () => {
    const { stdout } = await moescope(['cache'], '', '');
    const usual = process.platform === 'darwin' ? 'Library/Caches' : '.cache';
    expect(stdout).toContain(`${join(homedir(), usual, 'moescope/models')}: `);
  });

  it('that cannot be written is said with what helps', async () => {
    const file = join(folder, 'no folder');
    writeFileSync(file, '');
    const mixtral = join(FIXTURES, 'checkpoints/mixtral');
    const { code, stderr } = await moescope(['analyze', SAMPLE, '--model', mixtral, '--provider', 'cpu'], '', file);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^moescope: The model cache in .*no folder.* cannot be written: .*\. XDG_CACHE_HOME names another/,
    );
    expect(stderr).toMatch(/moescope cache --clear makes room\.\n$/);
  });

  it.skipIf(process.platform === 'win32')('says why what nobody has open cannot be deleted', async () => {
    const own = mkdtempSync(join(folder, 'read-only-'));
    await moescope(['analyze', SAMPLE, '--model', join(FIXTURES, 'checkpoints/mixtral')], '', own);
    const models = join(own, 'moescope/models');
    for (const path of [folder, own]) chmodSync(path, 0o755);
    chmodSync(models, 0o555);
    // Nothing is read-only to root.
    const nobody = process.getuid!() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, 'dist/cli.js'), 'cache', '--clear'], {
      ...nobody,
      env: { ...process.env, XDG_CACHE_HOME: own },
      encoding: 'utf8',
    });
    chmodSync(models, 0o755);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^moescope: The model cache in .*read-only-.* cannot be written: EACCES.*'\.\n$/);
    expect(status).toBe(1);
  });

  it('takes nothing else', async () => {
    expect((await moescope(['cache', 'all'])).code).toBe(2);
    expect((await moescope(['cache', '--cler'])).code).toBe(2);
  });
});
