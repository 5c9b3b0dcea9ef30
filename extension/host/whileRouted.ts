import type { RoutedText } from './routedText.ts';
import type { Session } from './session.ts';
import type { Sessions } from './sessions.ts';

/** Does what is about a session's routing; that is aborted as soon as the routing is no longer what it is about. */
export async function whileRouted<T>(
  sessions: Sessions,
  isStill: () => boolean,
  abort: AbortController,
  work: () => Promise<T>,
): Promise<T> {
  const listener = sessions.onDidChange(() => {
    if (!isStill()) abort.abort();
  });
  try {
    return await work();
  } finally {
    listener.dispose();
  }
}

/** Whether a session's text is not routed anew. */
export function isRouted(session: Session, routed: RoutedText): boolean {
  return session.routed === routed && !session.run;
}
