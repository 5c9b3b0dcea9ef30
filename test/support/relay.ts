/** Stands between a client and a real server, and spoils the routing that it answers with. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * What becomes of an answer: it passes; ends after its first bytes, as when the server is killed over it; stops there for good; or
 * its text is another.
 */
export type Spoiling = 'none' | 'killed' | 'stalled' | 'garbled';

/** Bytes that pass before an answer is spoiled: its head, and a little of its body. */
const PASSED = 400;
/** How a request begins, and one for routing. */
const REQUEST = /^(GET|POST) \S+/;
const ROUTING = /\/(v1\/completions|generate)$/;

export class Relay {
  spoiling: Spoiling = 'none';
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  private constructor(target: URL) {
    this.#server = createServer((near) => {
      const far = connect(Number(target.port || 80), target.hostname);
      for (const socket of [near, far]) {
        this.#open.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          this.#open.delete(socket);
          far.destroy();
          // A server closes what it takes for idle; what is stalled stays so.
          if (this.spoiling !== 'stalled') near.destroy();
        });
      }
      near.pipe(far);
      let [asked, passed] = ['', 0];
      near.on('data', (bytes) => {
        const [request] = REQUEST.exec(bytes.toString('latin1', 0, 100)) ?? [];
        if (request !== undefined) [asked, passed] = [request, 0];
      });
      far.on('data', (bytes) => {
        const rest = Math.max(0, PASSED - passed);
        passed += bytes.length;
        if (this.spoiling === 'none' || !ROUTING.test(asked)) near.write(bytes);
        else if (this.spoiling === 'garbled') near.write(garbled(bytes, rest));
        else {
          near.write(bytes.subarray(0, rest));
          if (this.spoiling === 'killed' && bytes.length > rest) near.destroy();
        }
      });
    });
  }

  /** @param url of the server */
  static async start(url: string): Promise<Relay> {
    const relay = new Relay(new URL(url));
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The same bytes but for some, of the same number. */
function garbled(bytes: Buffer, from: number): Buffer {
  const spoiled = Buffer.from(bytes);
  for (let i = from; i < spoiled.length; i += 7) spoiled[i] = 0x7f;
  return spoiled;
}
