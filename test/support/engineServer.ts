/** A small HTTP server that answers as serving engines do, or as nobody should. */
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: IncomingHttpHeaders;
}

/** An answer: a value as JSON, with another status than 200 if told, or whatever a function makes of the response. */
export type Answer =
  | { readonly status?: number; readonly json: unknown; readonly headers?: Readonly<Record<string, string>> }
  | ((response: ServerResponse) => void);

export class EngineServer {
  readonly asked: Asked[] = [];
  connections = 0;
  readonly #server: Server;

  private constructor(answer: (asked: Asked) => Answer | undefined) {
    this.#server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        const text = Buffer.concat(pieces).toString();
        const body = text === '' ? {} : (JSON.parse(text) as Asked['body']);
        const asked = { path: request.url ?? '', body, headers: request.headers };
        this.asked.push(asked);
        const made = answer(asked) ?? { status: 404, json: { detail: 'Not Found' } };
        if (typeof made === 'function') {
          made(response);
          return;
        }
        response.writeHead(made.status ?? 200, { 'content-type': 'application/json', ...made.headers });
        response.end(typeof made.json === 'string' ? made.json : JSON.stringify(made.json));
      });
    });
    this.#server.on('connection', () => (this.connections += 1));
  }

  static async start(answer: (asked: Asked) => Answer | undefined, host = '127.0.0.1'): Promise<EngineServer> {
    const server = new EngineServer(answer);
    await new Promise<void>((resolve) => server.#server.listen(0, host, resolve));
    return server;
  }

  get url(): string {
    const { address, family, port } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  /** Paths that were asked, in order. */
  get paths(): string[] {
    return this.asked.map(({ path }) => path);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** What a vLLM of this version says it is, with one model of so many tokens. */
export function vllmIdentity(path: string, version = '0.27.1', context = 2048, model = 'demo'): Answer | undefined {
  if (path === '/version') return { json: { version } };
  if (path === '/v1/models') {
    return { json: { object: 'list', data: [{ id: model, owned_by: 'vllm', max_model_len: context }] } };
  }
  return undefined;
}

/** Sizes of the routing that `vllmReply` makes up. */
export interface Made {
  readonly layers: number;
  readonly experts: number;
  readonly k: number;
}

/** Expert of choice j of a token at a layer, as `vllmReply` makes it up. */
export function madeExpert(id: number, layer: number, j: number, { experts }: Made): number {
  return (id + layer + j) % experts;
}

/** vLLM's answer to a prompt, in the form of 0.22 and later: routing as the base64 of a .npy file. */
export function vllmReply(ids: readonly number[], made: Made): object {
  const { layers, k } = made;
  const experts = ids.flatMap((id) =>
    Array.from({ length: layers * k }, (_, i) => madeExpert(id, Math.floor(i / k), i % k, made)),
  );
  return {
    model: 'demo',
    choices: [
      {
        prompt_token_ids: ids,
        token_ids: [0],
        prompt_logprobs: ids.map((id, t) =>
          t === 0 ? null : { [id]: { logprob: -id / 100, decoded_token: `t${id}` } },
        ),
        routed_experts: npyBase64([ids.length, layers, k], Uint8Array.from(experts)),
      },
    ],
  };
}

/** A .npy file of bytes in base64, as numpy writes it. */
export function npyBase64(shape: readonly number[], values: Uint8Array): string {
  const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`;
  const padded = header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11) + '\n';
  const length = Buffer.alloc(2);
  length.writeUInt16LE(padded.length);
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), length, Buffer.from(padded), values]).toString(
    'base64',
  );
}
