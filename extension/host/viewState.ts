import type { ViewState } from '../protocol/webview.ts';
import type { Session } from './session.ts';

/** What a session looks like to the views. */
export function viewState(
  session: Session | undefined,
  look: Pick<ViewState, 'layer' | 'tint' | 'palette'>,
): ViewState {
  if (!session) return { ...look, tokens: 0, routed: 0, staleFrom: 0 };
  const { routed, running: run, partial, highlight, cursor } = session;
  const tokens = routed?.index.count ?? 0;
  const staleFrom = routed && !session.sparing ? routed.staleFrom : tokens;
  return {
    ...look,
    key: session.key,
    document: session.name,
    ...(routed && { model: routed.trace.origin.model }),
    tokens,
    routed: routed?.trace.routed ?? 0,
    staleFrom,
    ...(staleFrom < tokens && session.run?.quiet && { following: true }),
    ...(run && { running: { label: run.label, ...(run.fraction !== undefined && { fraction: run.fraction }) } }),
    ...(partial !== undefined && { partial }),
    ...(highlight && { highlight }),
    ...(cursor !== undefined && { cursor }),
  };
}
