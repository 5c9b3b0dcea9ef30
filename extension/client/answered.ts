import type { PeerProcess } from './peerProcess.ts';

/**
 * What a process answers to a request; where it was ended for the sake of another request, what a new one answers. Throws as these do.
 *
 * @param running gives the process, a new one where the last has ended; throws when there is to be none any more
 */
export async function answered<P extends PeerProcess, R>(
  running: () => Promise<P>,
  send: (process: P) => Promise<R>,
): Promise<R> {
  for (;;) {
    const process = await running();
    try {
      return await send(process);
    } catch (error) {
      if (!process.lost(error)) throw error;
    }
  }
}
