import type { InferenceSession } from 'onnxruntime-node';
import type { CutDecoder, CutStack, Part, RouterPart } from '../models/cutDecoder.ts';

/** A session for a graph, or for a part of one. */
export type CreateSession = (bytes: Uint8Array) => Promise<InferenceSession>;

export interface OpenPart {
  readonly part: Part;
  readonly session: InferenceSession;
}

export interface OpenRouter {
  readonly router: RouterPart;
  readonly session: InferenceSession;
}

export interface OpenStack {
  readonly parts: readonly OpenPart[];
  readonly routers: readonly OpenRouter[];
}

/** A decoder in parts, open. */
export class CutModel {
  readonly encoder?: OpenStack;
  readonly decoder: OpenStack;

  private constructor(encoder: OpenStack | undefined, decoder: OpenStack) {
    if (encoder) this.encoder = encoder;
    this.decoder = decoder;
  }

  static async open({ encoder, decoder }: CutDecoder, create: CreateSession): Promise<CutModel> {
    const opened: InferenceSession[] = [];
    const open = async (bytes: Uint8Array): Promise<InferenceSession> => {
      const session = await create(bytes);
      opened.push(session);
      return session;
    };
    try {
      return new CutModel(encoder && (await openStack(encoder, open)), await openStack(decoder, open));
    } catch (error) {
      for (const session of opened) await session.release();
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const stack of [this.encoder, this.decoder]) {
      for (const { session } of [...(stack?.parts ?? []), ...(stack?.routers ?? [])]) await session.release();
    }
  }
}

async function openStack({ parts, routers }: CutStack, create: CreateSession): Promise<OpenStack> {
  const opened: OpenPart[] = [];
  for (const part of parts) opened.push({ part, session: await create(part.bytes) });
  const openedRouters: OpenRouter[] = [];
  for (const router of routers) openedRouters.push({ router, session: await create(router.bytes) });
  return { parts: opened, routers: openedRouters };
}
