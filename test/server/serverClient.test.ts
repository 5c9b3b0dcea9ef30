/**
 * Routing from serving engines: answers that vLLM gave, and the same in the forms that other engines are documented to have,
 * replayed over real HTTP.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { traceOf } from '../../extension/client/textRouter.ts';
import { TraceBuilder } from '../../extension/client/traceBuilder.ts';
import type { TokenRanges } from '../../extension/protocol/engine.ts';
import type { ModelShape, ServerSpec } from '../../extension/protocol/server.ts';
import { NO_EXPERT, type RoutingTrace } from '../../extension/protocol/trace.ts';
import { serverUrl } from '../../extension/server/address.ts';
import { decodeReply } from '../../extension/server/decode.ts';
import { Decoder } from '../../extension/server/decoder.ts';
import { valueIn } from '../../extension/server/http.ts';
import { ServerClient, type ServerClientOptions } from '../../extension/server/serverClient.ts';
import { EngineServer, madeExpert, vllmIdentity, vllmReply, type Answer, type Asked } from '../support/engineServer.ts';
import { FIXTURES, ROOT } from '../support/reference.ts';

const recorded = (name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(FIXTURES, 'recordings', name), 'utf8')) as Record<string, unknown>;
const VLLM = recorded('vllm-0.27.1.json');
const CHOICE = (VLLM['choices'] as Record<string, unknown>[])[0]!;
const IDS = CHOICE['prompt_token_ids'] as number[];
/** What was routed, and what of it each token covers: two share a character, twice. */
const TEXT = 'def route(x, k=2):\n    # pick the top-k experts\n    return softmax(x @ W).topk(k)\n混合专家模型';
const PIECES = [
  ...[
    'def',
    ' ro',
    'ute',
    '(x',
    ',',
    ' k',
    '=',
    '2',
    '):\n',
    '   ',
    ' #',
    ' p',
    'ick',
    ' the',
    ' top',
    '-',
    'k',
    ' ex',
    'per',
    'ts',
  ],
  ...['\n', '   ', ' return', ' s', 'oft', 'max', '(x', ' @', ' W', ').', 'top', 'k', '(', 'k', ')\n'],
  ...['混', '混', '合', '专', '专', '家', '模', '型'],
];
/** As the tokenizer spells them. */
const SPELLINGS = [
  ...PIECES.slice(0, 35).map((piece) => piece.replaceAll(' ', 'Ġ').replaceAll('\n', 'Ċ')),
  ...['æ·', '·', 'åĲĪ', 'ä¸', 'ĵ', 'å®¶', 'æ¨¡', 'åŀĭ'],
];

const SHAPE: ModelShape = {
  folder: '/models/demo',
  architecture: 'MixtralForCausalLM',
  layers: 6,
  moeLayers: Array.from({ length: 6 }, (_, layer) => ({ layer, experts: 16, k: 2 })),
  hiddenSize: 256,
  vocabulary: 8192,
  context: 4096,
  tokenizer: false,
};

const decoder = new Decoder(join(ROOT, 'dist/decoder.js'));
const open: { stop?: () => Promise<void>; dispose?: () => void }[] = [];
afterEach(async () => {
  for (const part of open.splice(0)) {
    part.dispose?.();
    await part.stop?.();
  }
});
afterAll(() => {
  decoder.dispose();
});

async function serve(answer: (asked: Asked) => Answer | undefined): Promise<EngineServer> {
  const server = await EngineServer.start(answer);
  open.push(server);
  return server;
}

/** A client of a server, which knows the demo model's config if it is told a folder. */
function client(
  { url }: { readonly url: string },
  spec: Partial<ServerSpec> = {},
  options: Partial<ServerClientOptions> & { readonly known?: ModelShape } = {},
): ServerClient {
  const { known = SHAPE, ...more } = options;
  const made = new ServerClient(
    { url, model: '', ...spec },
    {
      decoder,
      waitMs: 1,
      shape: () => Promise.resolve(known),
      tokenize: () => Promise.reject(new Error('there is no tokenizer')),
      ...more,
    },
  );
  open.push(made);
  return made;
}

function analyze(
  of: ServerClient,
  text = TEXT,
  signal = new AbortController().signal,
  options?: Parameters<ServerClient['analyze']>[4],
): Promise<RoutingTrace> {
  return traceOf((sink) => of.analyze(1, text, sink, signal, options));
}

/** vLLM 0.27.1 as it answered. */
function vllm({ path }: Asked): Answer | undefined {
  switch (path) {
    case '/tokenize':
      return { json: { tokens: IDS, token_strs: SPELLINGS, count: IDS.length, max_model_len: 2048 } };
    case '/v1/completions':
      return { json: VLLM };
    default:
      return vllmIdentity(path);
  }
}

/** vLLM with another answer to a prompt. */
const vllmWith =
  (reply: (asked: Asked) => Answer, context = 2048) =>
  (asked: Asked): Answer | undefined => {
    if (asked.path === '/v1/completions') return reply(asked);
    return asked.path === '/tokenize' ? vllm(asked) : vllmIdentity(asked.path, '0.27.1', context);
  };

/** What all forms of the answer hold. */
function expectRecorded(trace: RoutingTrace): void {
  expect([...trace.tokens.ids]).toEqual(IDS);
  expect(Array.from(trace.tokens.start, (start, t) => TEXT.slice(start, trace.tokens.end[t]))).toEqual(PIECES);
  expect(trace.tokens.logProb[1]).toBeCloseTo(-11.014097, 5);
  expect(trace.layers.map(({ layer, experts, k }) => [layer, experts, k])).toEqual(
    SHAPE.moeLayers.map(({ layer, experts, k }) => [layer, experts, k]),
  );
  // Read with numpy from the recorded answer.
  expect(trace.layers.map(({ chosen }) => [...chosen.subarray(0, 4)])).toEqual([
    [7, 3, 6, 2],
    [4, 0, 10, 11],
    [6, 8, 6, 8],
    [3, 4, 7, 14],
    [12, 10, 10, 12],
    [13, 15, 8, 15],
  ]);
  expect(trace.layers[0]!.weight.every(Number.isNaN)).toBe(true);
  expect(trace.routed).toBe(IDS.length);
}

describe('every form of an answer gives the same trace', () => {
  it('vLLM from 0.22 on, as 0.27.1 answered', async () => {
    const server = await serve(vllm);
    const trace = await analyze(client(server, { folder: '/models/demo' }));
    expectRecorded(trace);
    expect(trace.origin.model).toMatchObject({
      name: 'demo',
      architecture: 'MixtralForCausalLM',
      folder: '',
      context: 2047,
      note: 'The engine returns no weights.',
    });
    expect(trace.origin.model.precision).toBe('vLLM 0.27.1');
    expect(trace.origin.model.provider).toBe(new URL(server.url).host);
    const { body } = server.asked.find(({ path }) => path === '/v1/completions')!;
    expect(body).toMatchObject({ model: 'demo', prompt: IDS, max_tokens: 1, return_token_ids: true });
  });

  it('vLLM 0.21: nested lists beside the choices', async () => {
    const server = await serve(vllmWith(() => ({ json: recorded('vllm-0.21.json') })));
    expectRecorded(await analyze(client(server, { folder: '/models/demo' })));
  });

  it.each(['sglang-int32.json', 'sglang-uint8.json'])('SGLang: %s', async (name) => {
    const server = await serve(({ path }) => {
      if (path === '/get_server_info') return { json: { version: '0.5.9' } };
      if (path === '/v1/models') return { json: { data: [{ id: 'demo', max_model_len: 4096 }] } };
      return path === '/generate' ? { json: recorded(name) } : undefined;
    });
    const trace = await analyze(client(server, { folder: '/models/demo' }));
    expectRecorded(trace);
    expect(trace.origin.model.precision).toBe('SGLang 0.5.9');
    // It has no way to take a text apart: its answer says how.
    const { body } = server.asked.find(({ path }) => path === '/generate')!;
    expect(body).toMatchObject({ text: TEXT, return_routed_experts: true, sampling_params: { max_new_tokens: 1 } });
  });
});

describe('without a local folder', () => {
  it('the layers are those of the answer, and how many experts there are is said to be unknown', async () => {
    const trace = await analyze(client(await serve(vllm)));
    expectRecorded(trace);
    expect(trace.origin.model.note).toContain('at least 16, the highest that was chosen');
  });

  it('SGLang’s integers cannot be read, which is said with what to do', async () => {
    const server = await serve(({ path }) => {
      if (path === '/server_info') return { json: { version: '0.6.0' } };
      return path === '/generate' ? { json: recorded('sglang-int32.json') } : undefined;
    });
    await expect(analyze(client(server))).rejects.toThrow("name the local folder of the model's config.json");
  });
});

describe('a text longer than the server takes', () => {
  const made = { layers: 3, experts: 8, k: 2 };
  const ofDemo = { layers: 6, experts: 16, k: 2 };
  const windows = vllmWith((asked: Asked) => ({ json: vllmReply(asked.body['prompt'] as number[], made) }), 21);

  it('goes in windows of one token less, over one connection', async () => {
    const server = await serve(windows);
    const trace = await analyze(client(server));
    expect([...trace.windows]).toEqual([0, 20, 40]);
    const prompts = server.asked.filter(({ path }) => path === '/v1/completions').map(({ body }) => body['prompt']);
    expect(prompts).toEqual([IDS.slice(0, 20), IDS.slice(20, 40), IDS.slice(40)]);
    expect(trace.routed).toBe(IDS.length);
    trace.layers.forEach(({ chosen }, layer) => {
      expect([...chosen]).toEqual(IDS.flatMap((id) => [0, 1].map((j) => madeExpert(id, layer, j, made))));
    });
    expect(trace.tokens.logProb[20]).toBeNaN();
    expect(trace.tokens.logProb[21]).toBeCloseTo(-IDS[21]! / 100, 4);
    expect(server.connections).toBe(1);
  });

  /** An SGLang of a model of so many tokens, whose pool of keys and values has room for so many. */
  const sglang =
    (context: number, pool: number) =>
    ({ path, body }: Asked): Answer | undefined => {
      // As managers/tp_worker.py has it.
      const longest = Math.min(context - 1, pool - 1);
      const max_req_input_len = longest - 5;
      if (path === '/server_info') return { json: { version: '0.5.9', max_total_num_tokens: pool, max_req_input_len } };
      if (path === '/v1/models') return { json: { data: [{ id: 'demo', max_model_len: context }] } };
      if (path === '/tokenize') return { json: { tokens: IDS, token_strs: SPELLINGS } };
      if (path !== '/generate') return undefined;
      const ids = body['input_ids'] as number[];
      if (ids.length >= max_req_input_len) {
        return { status: 400, json: { error: { message: `Input length (${ids.length} tokens) exceeds the maximum` } } };
      }
      const experts = ids.flatMap((id) => Array.from({ length: 12 }, (_, i) => madeExpert(id, i >> 1, i % 2, ofDemo)));
      const routed_experts = Buffer.from(Int32Array.from(experts).buffer).toString('base64');
      const meta_info = { prompt_tokens: ids.length, completion_tokens: 1, cached_tokens: 0, routed_experts };
      return { json: { output_ids: [0], meta_info } };
    };

  it.each([
    ['seven tokens less than the context', 27, 1000],
    ['seven tokens less than its pool has room for, where that is less', 1000, 27],
  ])('goes to SGLang in windows of %s, the longest that it does not refuse', async (_, context, pool) => {
    const server = await serve(sglang(context, pool));
    const signal = new AbortController().signal;
    const trace = await analyze(client(server, { folder: '/models/demo' }), TEXT, signal, { logProb: false });
    expect([...trace.windows]).toEqual([0, 20, 40]);
    expect(trace.routed).toBe(IDS.length);
    expect(trace.layers[5]!.chosen[2 * 20]).toBe(madeExpert(IDS[20]!, 5, 0, ofDemo));
    expect(trace.origin.model.context).toBe(20);
  });

  it('goes to an adapter in windows of its model', async () => {
    const cards = [
      { id: 'adapter', root: '/adapters/one', parent: 'demo', max_model_len: null },
      { id: 'demo', root: 'demo', parent: null, max_model_len: 21 },
    ];
    const server = await serve((asked) => (asked.path === '/v1/models' ? { json: { data: cards } } : windows(asked)));
    const trace = await analyze(client(server, { model: 'adapter' }));
    expect([...trace.windows]).toEqual([0, 20, 40]);
    expect(trace.origin.model).toMatchObject({ name: 'adapter', context: 20 });
  });

  it('keeps what came before the server died', async () => {
    let answered = 0;
    const server = await serve(
      vllmWith((asked: Asked): Answer => {
        answered += 1;
        return answered < 3
          ? { json: vllmReply(asked.body['prompt'] as number[], made) }
          : (response) => response.destroy();
      }, 21),
    );
    let builder: TraceBuilder | undefined;
    const run = client(server).analyze(
      1,
      TEXT,
      {
        progress: () => undefined,
        began: (began) => {
          builder = new TraceBuilder(began);
        },
        routed: (part) => {
          builder!.add(part);
        },
      },
      new AbortController().signal,
    );
    await expect(run).rejects.toMatchObject({ code: 'server-unreachable' });
    expect(builder!.trace.routed).toBe(40);
  });
});

describe('what an answer must not be taken for', () => {
  const made = { layers: 6, experts: 16, k: 2 };
  /** The made-up answer with its expert ids changed. */
  const changed = (change: (id: number, at: number) => number) =>
    vllmWith((asked: Asked) => {
      const ids = asked.body['prompt'] as number[];
      const rows = ids.map((id, t) =>
        Array.from({ length: 6 }, (_, l) => [0, 1].map((j) => change(madeExpert(id, l, j, made), (t * 6 + l) * 2 + j))),
      );
      const { choices } = vllmReply(ids, made) as { choices: object[] };
      return {
        json: { model: 'demo', prompt_routed_experts: rows, choices: [{ ...choices[0], routed_experts: null }] },
      };
    });

  it('rows of −1, where a prefix was cached, are no data', async () => {
    const server = await serve(changed((expert, at) => (at < 10 * 12 ? -1 : expert)));
    const trace = await analyze(client(server, { folder: '/models/demo' }));
    const { chosen } = trace.layers[0]!;
    expect([...chosen.subarray(0, 20)].every((e) => e === NO_EXPERT)).toBe(true);
    expect([...chosen.subarray(20)].some((e) => e === NO_EXPERT)).toBe(false);
    expect(trace.origin.model.note).toContain(`60 of ${IDS.length * 6} rows (token by layer) came without data`);
  });

  it('rows of zeros, from fused kernels, are refused where nothing else is there', async () => {
    const server = await serve(changed(() => 0));
    await expect(analyze(client(server, { folder: '/models/demo' }))).rejects.toThrow('The routing holds no data');
  });

  it('nor are they expert 0 of a model whose tokens go to one expert each', async () => {
    const top1 = { ...SHAPE, moeLayers: SHAPE.moeLayers.map((layer) => ({ ...layer, k: 1 })) };
    const routed = (expert: (layer: number) => number): Promise<EngineServer> =>
      serve(
        vllmWith(({ body }) => {
          const ids = body['prompt'] as number[];
          const rows = ids.map(() => Array.from({ length: 6 }, (_, l) => [expert(l)]));
          return { json: { prompt_routed_experts: rows, choices: [{ prompt_token_ids: ids, token_ids: [0] }] } };
        }),
      );
    const zeros = await routed(() => 0);
    for (const spec of [{}, { folder: '/models/demo' }]) {
      await expect(analyze(client(zeros, spec, { known: top1 }))).rejects.toThrow('The routing holds no data');
    }
    // A collapsed layer is routing where others hold other experts.
    const collapsed = await routed((layer) => (layer === 2 ? 0 : layer));
    const trace = await analyze(client(collapsed, { folder: '/models/demo' }, { known: top1 }));
    expect(trace.layers.map(({ chosen }) => chosen[1])).toEqual([0, 1, 0, 3, 4, 5]);
  });

  it('layers of zeros are the dense ones, where the axis counts all layers', async () => {
    const server = await serve(changed((expert, at) => (Math.floor(at / 2) % 6 === 0 ? 0 : expert)));
    const dense = { ...SHAPE, moeLayers: SHAPE.moeLayers.slice(1) };
    const trace = await analyze(client(server, { folder: '/models/demo' }, { known: dense }));
    expect(trace.layers.map(({ layer }) => layer)).toEqual([1, 2, 3, 4, 5]);
    expect(trace.layers[0]!.chosen[0]).toBe(madeExpert(IDS[0]!, 1, 0, made));
  });

  it('layers of an axis that counts only those with experts have the numbers of the config', async () => {
    const server = await serve(changed((expert) => expert));
    const later = { ...SHAPE, layers: 8, moeLayers: SHAPE.moeLayers.map((l) => ({ ...l, layer: l.layer + 2 })) };
    const trace = await analyze(client(server, { folder: '/models/demo' }, { known: later }));
    expect(trace.layers.map(({ layer }) => layer)).toEqual([2, 3, 4, 5, 6, 7]);
  });

  it('ids beyond the experts are physical ones under EPLB', async () => {
    const server = await serve(changed((expert, at) => (at === 0 ? 19 : expert)));
    const trace = await analyze(client(server, { folder: '/models/demo' }));
    expect(trace.layers[0]!.chosen[0]).toBe(19);
    expect(trace.layers.map(({ experts }) => experts)).toEqual([20, 20, 20, 20, 20, 20]);
    expect(trace.origin.model.note).toMatch(/Ids up to E19 are beyond the model's 16 experts: they are physical ids/);
  });

  it('another model’s routing is refused', async () => {
    const server = await serve(vllm);
    const five = { ...SHAPE, layers: 5, moeLayers: SHAPE.moeLayers.slice(1) };
    await expect(analyze(client(server, { folder: '/m' }, { known: five }))).rejects.toThrow('it is of another model');
    const top4 = { ...SHAPE, moeLayers: SHAPE.moeLayers.map((l) => ({ ...l, k: 4 })) };
    await expect(analyze(client(server, { folder: '/m' }, { known: top4 }))).rejects.toThrow(
      "2 experts a token, but the model's config says 4",
    );
  });

  it('another model’s tokenizer in the local folder is refused, though it echoes whatever ids it is sent', async () => {
    const made = { layers: 6, experts: 16, k: 2 };
    const server = await serve(({ path, body }) => {
      if (path === '/tokenize') return { json: { tokens: [1, 11, 12, 13] } };
      return path === '/v1/completions' ? { json: vllmReply(body['prompt'] as number[], made) } : vllmIdentity(path);
    });
    const local = (...ids: number[]): ServerClient =>
      client(
        server,
        { folder: '/models/demo' },
        {
          known: { ...SHAPE, tokenizer: true },
          tokenize: () =>
            Promise.resolve({
              ids: Int32Array.from(ids),
              start: new Uint32Array(ids.length),
              end: new Uint32Array(ids.length),
            }),
        },
      );
    const sentence = "The local folder's tokenizer.json is another model's";
    const { signal } = new AbortController();
    for (const other of [local(900, 901), local(11, 12, 14), local(1, 12, 13), local(1, 1)]) {
      await expect(other.probe(signal)).rejects.toThrow(sentence);
    }
    await expect(analyze(local(900, 901))).rejects.toThrow(sentence);
    // Which special tokens come before and behind a text may be set beside tokenizer.json.
    for (const same of [local(1, 11, 12, 13), local(11, 12, 13), local(1, 11, 12, 13, 2)]) {
      await expect(same.probe(signal)).resolves.toMatchObject({ layers: 6 });
    }
  });

  it('a server that takes no text apart is sent the tokens of the local folder', async () => {
    const made = { layers: 6, experts: 16, k: 2 };
    for (const status of [404, 400, 500]) {
      const server = await serve(({ path, body }) => {
        if (path === '/tokenize') return { status, json: { error: 'no tokenizer' } };
        return path === '/v1/completions' ? { json: vllmReply(body['prompt'] as number[], made) } : vllmIdentity(path);
      });
      const [start, end] = [Uint32Array.of(0), Uint32Array.of(TEXT.length)];
      const known = { ...SHAPE, tokenizer: true };
      const tokenize = (): Promise<TokenRanges> => Promise.resolve({ ids: Int32Array.of(7), start, end });
      const trace = await analyze(client(server, { folder: '/models/demo' }, { known, tokenize }));
      expect([...trace.tokens.ids]).toEqual([7]);
    }
  });

  it('routing of other tokens, or of more or fewer, shows nothing', async () => {
    const others = await serve(vllmWith(() => ({ json: vllmReply([1, 2, 3], { layers: 6, experts: 16, k: 2 }) })));
    await expect(analyze(client(others))).rejects.toThrow('routed other tokens than it was sent');
    const short = structuredClone(VLLM) as { choices: { prompt_token_ids: number[]; prompt_logprobs: unknown[] }[] };
    short.choices[0]!.prompt_token_ids.push(7);
    const misaligned = await serve(vllmWith(() => ({ json: short })));
    await expect(analyze(client(misaligned))).rejects.toThrow('43 rows of routing for 44 tokens');
    // The token that was sampled last has no row: with one, which is whose cannot be told.
    const long = structuredClone(VLLM) as { choices: { prompt_token_ids: number[]; token_ids: number[] }[] };
    long.choices[0]!.prompt_token_ids.pop();
    const more = await serve(vllmWith(() => ({ json: long })));
    await expect(analyze(client(more))).rejects.toThrow('43 rows of routing for 42 tokens');
  });
});

describe('a server that does not fit', () => {
  it('lacks the flag: the sentence has it', async () => {
    const without = { ...CHOICE, routed_experts: null };
    const server = await serve(vllmWith(() => ({ json: { ...VLLM, choices: [without] } })));
    await expect(client(server).probe(new AbortController().signal)).rejects.toThrow(
      'does not return routing: it has to be started with --enable-return-routed-experts (vllm serve MODEL',
    );
  });

  it('is too old', async () => {
    const server = await serve(({ path }) => vllmIdentity(path, '0.20.3'));
    await expect(analyze(client(server))).rejects.toThrow('is vLLM 0.20.3; 0.21 is the first that returns routing');
  });

  it('is no engine', async () => {
    const server = await serve(() => ({ json: { hello: 'world' } }));
    await expect(analyze(client(await serve(() => undefined)))).rejects.toThrow('neither vLLM nor SGLang');
    await expect(analyze(client(server))).rejects.toThrow('neither vLLM nor SGLang');
    // As servers of other engines answer to a path that they do not know.
    for (const [status, json] of [
      [400, { error: { message: 'Unexpected endpoint' } }],
      [200, { error: 'Unexpected endpoint' }],
      [422, { version: '1' }],
    ] as const) {
      const other = await serve(({ path }) =>
        path === '/v1/models' ? { json: { data: [{ id: 'demo' }] } } : { status, json },
      );
      await expect(analyze(client(other))).rejects.toThrow('neither vLLM nor SGLang');
    }
  });

  it('is an SGLang that says its model and no version, or wants a key to say what it is', async () => {
    const server = await serve(({ path, headers }) => {
      if (path === '/v1/models') return { json: { data: [{ id: 'demo', max_model_len: 4096 }] } };
      if (path === '/server_info') {
        return headers.authorization === 'Bearer secret'
          ? { json: { model_path: '/models/demo' } }
          : { status: 403, json: { error: 'Forbidden' } };
      }
      return path === '/generate' ? { json: recorded('sglang-int32.json') } : undefined;
    });
    const spec = { folder: '/models/demo' };
    await expect(analyze(client(server, spec))).rejects.toThrow('wants an API key');
    expect((await analyze(client(server, spec, { apiKey: 'secret' }))).origin.model.precision).toBe('SGLang');
  });

  it('is kept back by a gateway that lets through no more than /v1, whatever the key', async () => {
    const server = await serve((asked) =>
      asked.path.startsWith('/v1/') ? vllm(asked) : { status: 403, json: { error: 'Forbidden' } },
    );
    await expect(analyze(client(server, {}, { apiKey: 'secret' }))).rejects.toThrow(
      /lists its models, but gives no access to \/version and \/server_info/,
    );
  });

  it('serves other models', async () => {
    const server = await serve(vllm);
    await expect(analyze(client(server, { model: 'mixtral' }))).rejects.toThrow(
      'does not serve "mixtral"; it serves "demo"',
    );
  });

  it('wants a key, which goes into a header and nowhere else', async () => {
    const server = await serve((asked) =>
      asked.headers.authorization === 'Bearer secret' ? vllm(asked) : { status: 401, json: { error: 'Unauthorized' } },
    );
    await expect(analyze(client(server))).rejects.toThrow('wants an API key, or does not accept this one');
    expectRecorded(await analyze(client(server, {}, { apiKey: 'secret' })));
    expect(JSON.stringify(server.asked.map(({ path, body }) => [path, body]))).not.toContain('secret');
  });

  it('repeats the key in its error, which the sentence does not', async () => {
    const said = { status: 400, json: { message: 'no quota is left for secret-7' } };
    const server = await serve(vllmWith(() => said));
    const run = analyze(client(server, {}, { apiKey: ' secret-7\n' }));
    await expect(run).rejects.toThrow('(status 400: no quota is left for …)');
    expect(server.asked[0]!.headers.authorization).toBe('Bearer secret-7');
    // A long message is cut, and not within the key.
    const long = { status: 400, json: { message: `${'x'.repeat(296)}secret-7 has no quota` } };
    const cut = analyze(client(await serve(vllmWith(() => long)), {}, { apiKey: 'secret-7' }));
    await expect(cut).rejects.toThrow(`(status 400: ${'x'.repeat(296)}… ha)`);
    const moved = { status: 307, json: {}, headers: { location: 'https://models.example/secret-7/v1' } };
    const sent = analyze(client(await serve(() => moved), {}, { apiKey: 'secret-7' }));
    await expect(sent).rejects.toThrow('redirects to https://models.example/…: use that address');
  });

  it('is not asked with a key that no header can carry', async () => {
    const server = await serve(vllm);
    const run = analyze(client(server, {}, { apiKey: 'schlüssel' }));
    await expect(run).rejects.toThrow('The API key has characters that no key has');
    await expect(run).rejects.not.toThrow('schl');
    expect(server.asked).toEqual([]);
  });

  it.each<[string, Answer, string, string]>([
    [
      'redirects to https',
      { status: 301, json: '', headers: { location: 'https://models.example/v1/models?session=abc' } },
      'redirects to https://models.example: use that address',
      'server-unfit',
    ],
    ['has not started behind its proxy', { status: 502, json: '<html>' }, 'failed (status 502)', 'server-unreachable'],
  ])('%s', async (_, answer, sentence, code) => {
    const server = await serve(() => answer);
    const run = analyze(client(server));
    await expect(run).rejects.toThrow(sentence);
    await expect(run).rejects.toMatchObject({ code });
  });

  it('refuses the text, in its own words', async () => {
    const message = "This model's maximum context length is 20 tokens.";
    const server = await serve(vllmWith(() => ({ status: 400, json: { error: { message, code: 400 } } })));
    await expect(analyze(client(server))).rejects.toThrow(`refuses the text (status 400: ${message})`);
  });
});

describe('a server in trouble ends in one sentence', () => {
  it.each<[string, Answer, string]>([
    ['garbage', { json: '<html>no</html>' }, "The server's answer is no JSON"],
    ['garbage that is JSON', { json: { choices: 7 } }, 'it has no choices'],
    ['a failure', { status: 500, json: { detail: 'CUDA out of memory' } }, 'failed (status 500: CUDA out of memory)'],
    [
      'another address',
      { status: 308, json: {}, headers: { location: 'http://elsewhere' } },
      'redirects to http://elsewhere: use that address',
    ],
    ['nothing', (response) => response.destroy(), 'ended the connection without an answer'],
    [
      'half an answer',
      (response) => {
        response.writeHead(200, { 'content-length': 1000 });
        response.write('{"choices": [');
        setTimeout(() => response.destroy(), 20);
      },
      'ended the connection in the middle of its answer',
    ],
    [
      'another protocol',
      (response) =>
        response.socket!.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'),
      'ended the connection without an answer',
    ],
    [
      'no model of that name any more',
      { status: 404, json: { error: { message: 'The model `demo` does not exist.' } } },
      'refuses the text (status 404: The model `demo` does not exist.)',
    ],
    [
      'what FastAPI says of a question',
      { status: 422, json: { detail: [{ loc: ['body', 'prompt'], msg: 'Input should be a valid list' }] } },
      'refuses the text (status 422: Input should be a valid list)',
    ],
    ['silence', () => undefined, 'has said nothing for 200 ms'],
    [
      'a pause in the answer',
      (response) => {
        response.writeHead(200, { 'content-length': 1000 });
        response.write('{"choices": [');
      },
      'has said nothing for 200 ms',
    ],
  ])('%s', async (_, answer, sentence) => {
    const server = await serve(vllmWith(() => answer));
    // Only a server that says nothing is to be given up.
    const answerMs = sentence.includes('200 ms') ? 200 : 20_000;
    await expect(analyze(client(server, {}, { answerMs }))).rejects.toThrow(sentence);
  });

  it('is not there', async () => {
    const server = await serve(vllm);
    const { url } = server;
    await server.stop();
    await expect(analyze(client({ url }))).rejects.toThrow('is not there: the connection was refused');
  });

  it('is asked again only when it is busy', async () => {
    let busy = 2;
    const server = await serve((asked) => (busy-- > 0 ? { status: 429, json: {} } : vllm(asked)));
    expectRecorded(await analyze(client(server)));
    const always = await serve(() => ({ status: 503, json: {} }));
    await expect(analyze(client(always))).rejects.toThrow('is busy (status 503) and was asked 5 times');
    expect(always.asked).toHaveLength(5);
    const loading = await serve(() => ({ status: 503, json: { error: { message: 'Loading model' } } }));
    await expect(analyze(client(loading))).rejects.toThrow('is busy (status 503: Loading model) and was asked 5 times');
    const failing = await serve(vllmWith(() => ({ status: 500, json: {} })));
    await expect(analyze(client(failing))).rejects.toThrow('failed');
    expect(failing.paths.filter((path) => path === '/v1/completions')).toHaveLength(1);
  });

  it('has closed a connection that was kept: the question goes out once more, over a new one', async () => {
    const used = new WeakSet<object>();
    // As a server does whose patience with an idle connection ends while the next question is on its way.
    const closing = (asked: Asked): Answer | undefined =>
      asked.path === '/v1/completions'
        ? (response) => {
            if (used.has(response.socket!)) response.socket!.resetAndDestroy();
            else response.end(JSON.stringify(VLLM));
          }
        : (response) => {
            used.add(response.socket!);
            const answer = vllm(asked) as { readonly json: unknown };
            response.end(JSON.stringify(answer.json));
          };
    const server = await serve(closing);
    expectRecorded(await analyze(client(server)));
    expect(server.paths.filter((path) => path === '/v1/completions')).toHaveLength(2);
    expect(server.connections).toBe(2);
  });

  it('has closed that connection, too: it is not asked a third time', async () => {
    const server = await serve(vllmWith(() => (response) => response.socket!.resetAndDestroy()));
    await expect(analyze(client(server))).rejects.toThrow('ended the connection without an answer');
    expect(server.paths.filter((path) => path === '/v1/completions')).toHaveLength(2);
  });

  it('is no longer waited for once the user stops', async () => {
    const server = await serve(vllmWith(() => () => undefined));
    const abort = new AbortController();
    const run = analyze(client(server), TEXT, abort.signal);
    await expect.poll(() => server.paths).toContain('/v1/completions');
    abort.abort();
    await expect(run).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('is left once the user stops while its answer is still being decoded', async () => {
    const server = await serve(vllm);
    const slow = new Decoder('never started');
    const decode = vi.spyOn(slow, 'decode').mockReturnValue(new Promise(() => undefined));
    const abort = new AbortController();
    const run = analyze(client(server, {}, { decoder: slow }), TEXT, abort.signal);
    await expect.poll(() => decode.mock.calls).toHaveLength(1);
    abort.abort();
    await expect(run).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('is asked for plain answers, which a gateway would else compress', async () => {
    const server = await serve((asked) => {
      const plain = asked.headers['accept-encoding'] === 'identity';
      const answer = vllm(asked);
      if (plain || asked.path !== '/v1/completions') return answer;
      return (response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' });
        response.end(gzipSync(JSON.stringify(VLLM)));
      };
    });
    expectRecorded(await analyze(client(server)));
  });

  it('is still asked for the others once a text is cancelled that asked it first', async () => {
    let first = true;
    const server = await serve((asked) => {
      if (!first) return vllm(asked);
      first = false;
      return () => undefined;
    });
    const shared = client(server);
    const abort = new AbortController();
    const stopped = analyze(shared, TEXT, abort.signal);
    const others = [analyze(shared), analyze(shared)];
    await expect.poll(() => server.paths).toEqual(['/v1/models']);
    abort.abort();
    await expect(stopped).rejects.toMatchObject({ code: 'cancelled' });
    for (const other of await Promise.all(others)) expectRecorded(other);
    // Once more for both of them.
    expect(server.paths.filter((path) => path === '/v1/models')).toHaveLength(2);
  });

  it('lets a text go at once that is cancelled while another waits for what the server is', async () => {
    let answer: (() => void) | undefined;
    const server = await serve((asked) => {
      if (asked.path !== '/v1/models') return vllm(asked);
      const { json } = vllm(asked) as { json: unknown };
      return (response) => {
        answer = () => response.end(JSON.stringify(json));
      };
    });
    const shared = client(server);
    const waiting = analyze(shared);
    const abort = new AbortController();
    const stopped = analyze(shared, TEXT, abort.signal);
    await expect.poll(() => server.paths).toEqual(['/v1/models']);
    abort.abort();
    await expect(stopped).rejects.toMatchObject({ code: 'cancelled' });
    answer!();
    expectRecorded(await waiting);
  });
});

describe('a server that was started anew with another model while nobody asked', () => {
  let model = 'demo';
  const restarted = async (): Promise<EngineServer> => {
    model = 'demo';
    return serve(({ path }) => {
      if (path === '/server_info') return { json: { version: '0.5.9' } };
      if (path === '/v1/models') return { json: { data: [{ id: model, max_model_len: 4096 }] } };
      return path === '/generate' ? { json: recorded('sglang-int32.json') } : undefined;
    });
  };

  it('routes under the name of that', async () => {
    const asking = client(await restarted(), { folder: '/models/demo' });
    expect((await analyze(asking)).origin.model.name).toBe('demo');
    model = 'instruct';
    expect((await analyze(asking)).origin.model.name).toBe('instruct');
  });

  it('is refused where the first was asked for by its name', async () => {
    const server = await restarted();
    const asking = client(server, { folder: '/models/demo', model: 'demo' });
    await analyze(asking);
    model = 'instruct';
    const texts = (): number => server.paths.filter((path) => path === '/generate').length;
    await expect(analyze(asking)).rejects.toThrow('does not serve "demo"; it serves "instruct"');
    expect(texts()).toBe(1);
    model = 'demo';
    await analyze(asking);
    expect(texts()).toBe(2);
  });

  it('is noticed by one small question before each text', async () => {
    const server = await restarted();
    const asking = client(server, { folder: '/models/demo' });
    await analyze(asking);
    server.asked.length = 0;
    await analyze(asking);
    expect(server.paths).toEqual(['/v1/models', '/tokenize', '/generate']);
  });
});

describe('a server that was started anew with the same model', () => {
  let [version, context] = ['0.27.1', 0];
  const restarted = async (): Promise<EngineServer> => {
    [version, context] = ['0.27.1', 16];
    return serve(({ path, body }) => {
      if (path === '/tokenize') return { json: { tokens: IDS, token_strs: SPELLINGS } };
      if (path !== '/v1/completions') return vllmIdentity(path, version, context);
      return { json: vllmReply(body['prompt'] as number[], { layers: 6, experts: 16, k: 2 }) };
    });
  };

  it('has texts go in windows of the context that it has by now', async () => {
    const asking = client(await restarted());
    // One token of a context is the answer's: 43 tokens go in windows of 15.
    expect((await analyze(asking)).windows).toHaveLength(3);
    [version, context] = ['0.28.0', 4096];
    const { windows, origin } = await analyze(asking);
    expect([windows.length, origin.model.context, origin.model.precision]).toEqual([1, 4095, 'vLLM 0.28.0']);
  });

  it('is asked what it is when it is chosen anew', async () => {
    const asking = client(await restarted());
    await analyze(asking);
    version = '0.28.0';
    const { identity } = await asking.probe(new AbortController().signal);
    expect(identity.version).toBe('0.28.0');
    expect((await analyze(asking)).origin.model.precision).toBe('vLLM 0.28.0');
  });
});

describe('a text that is being edited', () => {
  const edited = (of: ServerClient): Promise<RoutingTrace> =>
    analyze(of, TEXT, new AbortController().signal, { logProb: false });
  const bodies = (server: EngineServer, path: string): Asked['body'][] =>
    server.asked.filter((asked) => asked.path === path).map(({ body }) => body);

  it('goes without probabilities, so that vLLM uses what it has cached', async () => {
    const server = await serve(vllm);
    const trace = await edited(client(server));
    expect(trace.routed).toBe(IDS.length);
    expect(bodies(server, '/v1/completions').map((body) => 'prompt_logprobs' in body)).toEqual([false]);
  });

  it('goes to SGLang without them where its tokens are known, which SGLang then does not repeat', async () => {
    const full = recorded('sglang-int32.json');
    const { routed_experts } = full['meta_info'] as { readonly routed_experts: string };
    const meta = { prompt_tokens: IDS.length, completion_tokens: 1, cached_tokens: 30, routed_experts };
    let tokens = IDS.length;
    const server = await serve(({ path }) => {
      if (path === '/server_info') return { json: { version: '0.5.9' } };
      if (path === '/tokenize') return { json: { tokens: IDS, token_strs: SPELLINGS } };
      const meta_info = { ...meta, prompt_tokens: tokens };
      return path === '/generate' ? { json: { output_ids: full['output_ids'], meta_info } } : undefined;
    });
    const known = client(server, { folder: '/models/demo' });
    const trace = await edited(known);
    expect([...trace.tokens.ids]).toEqual(IDS);
    expect([...trace.layers[0]!.chosen.subarray(0, 4)]).toEqual([7, 3, 6, 2]);
    expect(trace.tokens.logProb.every(Number.isNaN)).toBe(true);
    expect(bodies(server, '/generate').map((body) => 'return_logprob' in body)).toEqual([false]);
    tokens = 7;
    await expect(edited(known)).rejects.toThrow('it is of 7 tokens, but 43 were sent');
  });

  it('is computed anew where only the answer tells the tokens’ texts', async () => {
    const full = recorded('sglang-int32.json');
    const meta_info = { ...(full['meta_info'] as object), input_token_logprobs: undefined };
    const server = await serve(({ path, body }) => {
      if (path === '/server_info') return { json: { version: '0.5.9' } };
      if (path === '/tokenize') return { json: { tokens: IDS, count: IDS.length } };
      if (path !== '/generate') return undefined;
      return { json: 'return_logprob' in body ? full : { ...full, meta_info } };
    });
    expectRecorded(await edited(client(server, { folder: '/models/demo' })));
    // vLLM spells tokens as the vocabulary does, which need not be as they stand in the text, and this one cannot render.
    const spells = await serve((asked) =>
      asked.path === '/tokenize'
        ? { json: { tokens: IDS, token_strs: IDS.map(() => '?') } }
        : asked.path === '/v1/completions' && !('prompt_logprobs' in asked.body)
          ? { json: { ...VLLM, choices: [{ ...CHOICE, prompt_logprobs: null }] } }
          : vllm(asked),
    );
    expectRecorded(await edited(client(spells)));
  });

  it('is computed anew where the engine has no routing of what it cached', async () => {
    const whole = recorded('vllm-0.21.json');
    const rows = whole['prompt_routed_experts'] as number[][][];
    const cached = rows.map((row, t) => (t < 32 ? row.map((ids) => ids.map(() => -1)) : row));
    const server = await serve(
      vllmWith(({ body }) => ({
        json: 'prompt_logprobs' in body ? whole : { ...whole, prompt_routed_experts: cached },
      })),
    );
    const known = client(server, { folder: '/models/demo' });
    expectRecorded(await edited(known));
    expectRecorded(await edited(known));
    // Once that is known, it is not tried again.
    expect(bodies(server, '/v1/completions').map((body) => 'prompt_logprobs' in body)).toEqual([false, true, true]);
  });

  it('leaves what is known of the server when a run is cancelled that the next edit replaces', async () => {
    const made = { layers: 6, experts: 16, k: 2 };
    const text = 'a'.repeat(3000);
    const server = await serve(({ path, body }) => {
      if (path === '/tokenize') return { json: { tokens: Array(3000).fill(1), token_strs: Array(3000).fill('a') } };
      if (path !== '/v1/completions') return vllmIdentity(path, '0.21.0', 4096);
      // As vLLM 0.21, which has no routing of what it cached.
      const ids = body['prompt'] as number[];
      const rows = ids.map((id, t) =>
        Array.from({ length: 6 }, (_, l) =>
          [0, 1].map((j) => ('prompt_logprobs' in body || t > 2990 ? madeExpert(id, l, j, made) : -1)),
        ),
      );
      return {
        json: { prompt_routed_experts: rows, choices: [{ prompt_token_ids: ids, token_ids: [0] }] },
      };
    });
    const known = client(server);
    const abort = new AbortController();
    const routed = (): void => {
      setImmediate(() => {
        abort.abort();
      });
    };
    const sink = { progress: () => undefined, began: () => undefined, routed };
    const replaced = known.analyze(1, text, sink, abort.signal, { logProb: false });
    await expect(replaced).rejects.toMatchObject({ code: 'cancelled' });
    server.asked.length = 0;
    expect((await analyze(known, text, new AbortController().signal, { logProb: false })).routed).toBe(3000);
    expect(server.paths).not.toContain('/version');
    expect(bodies(server, '/v1/completions').map((body) => 'prompt_logprobs' in body)).toEqual([true]);
  });
});

it('a server is found by IPv6 and behind a path', async () => {
  const server = await EngineServer.start(
    (asked) => (asked.path.startsWith('/team/') ? vllm({ ...asked, path: asked.path.slice(5) }) : undefined),
    '::1',
  );
  open.push(server);
  expectRecorded(await analyze(client({ url: serverUrl(`${server.url}/team/v1/`) })));
  expect(new URL(server.url).hostname).toBe('[::1]');
});

it('an answer of more values than routing has is not read: they would take all memory, and the process with them', () => {
  const body = Buffer.from(`[${'{},'.repeat(20_000_000)}0]`);
  expect(valueIn(body)).toBeUndefined();
  expect(() => decodeReply(body, {})).toThrow(
    expect.objectContaining({ code: 'server-unfit', message: expect.stringContaining('million values') as string }),
  );
});

it('an answer of 10,000 tokens is routing like any other', async () => {
  const made = { layers: 8, experts: 64, k: 4 };
  const ids = Array.from({ length: 10_000 }, (_, t) => t % 1000);
  const text = 'a'.repeat(10_000);
  const server = await serve(({ path, body }) => {
    if (path === '/tokenize') return { json: { tokens: ids, token_strs: ids.map(() => 'a') } };
    return path === '/v1/completions'
      ? { json: vllmReply(body['prompt'] as number[], made) }
      : vllmIdentity(path, '0.27.1', 32_768);
  });
  const trace = await analyze(client(server), text);
  expect(trace.routed).toBe(10_000);
  const last = trace.layers[7]!.chosen.subarray(4 * 9_999);
  expect([...last]).toEqual([0, 1, 2, 3].map((j) => madeExpert(999, 7, j, made)));
});

it('a probe says what the server is and what it does not tell', async () => {
  const made = { layers: 6, experts: 16, k: 2 };
  const server = await serve(({ path, body }) => {
    if (path === '/tokenize') return { json: { tokens: [1, 2, 3] } };
    return path === '/v1/completions' ? { json: vllmReply(body['prompt'] as number[], made) } : vllmIdentity(path);
  });
  expect(await client(server, { folder: '/models/demo' }).probe(new AbortController().signal)).toMatchObject({
    identity: { engine: 'vLLM', version: '0.27.1' },
    model: { name: 'demo', context: 2048 },
    layers: 6,
    notes: ['The engine returns no weights.'],
  });
});
