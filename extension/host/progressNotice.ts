import { ProgressLocation, window } from 'vscode';
import type { Progress } from '../protocol/engine.ts';
import { unlinked } from './markdown.ts';
import { progressLabel } from './progressText.ts';

/** What takes less long is not told of by a notification, which is drawn 60 times a second. */
export const QUIET_MS = 2_000;

/**
 * Shows what the engine does in a notification, whose Cancel ends it, until the work has settled.
 *
 * @param model what the user calls the model
 * @param first what is said before the engine has said anything
 * @param abort is aborted by Cancel
 */
export async function withNotice<T>(
  model: string,
  first: string,
  abort: AbortController,
  work: (show: (progress: Progress) => void) => Promise<T>,
): Promise<T> {
  const options = { location: ProgressLocation.Notification, cancellable: true, title: 'MoEScope' };
  return window.withProgress(options, (progress, token) => {
    token.onCancellationRequested(() => {
      abort.abort();
    });
    let shown = 0;
    progress.report({ message: unlinked(first) });
    return work((p) => {
      // Each stage counts from 0; the bar of a notification only goes forward.
      const percent = p.total > 0 ? (100 * p.done) / p.total : 0;
      progress.report({ message: unlinked(progressLabel(p, model)), increment: Math.max(0, percent - shown) });
      shown = Math.max(shown, percent);
    });
  });
}
