import { Hover, languages, MarkdownString, Range, window, type Disposable } from 'vscode';
import { HOVER_COMMANDS } from './hoverCommands.ts';
import type { Lens } from './lens.ts';
import type { Limits } from './limits.ts';
import type { Sessions } from './sessions.ts';
import { themeKind } from './theme.ts';

/** Tells where a token went. Every scheme: whatever could be analysed can be hovered. */
export function registerHover(sessions: Sessions, lens: Lens, limits: Limits): Disposable {
  return languages.registerHoverProvider('*', {
    async provideHover(document, position): Promise<Hover | undefined> {
      const session = sessions.get(document.uri);
      const routed = session?.routed;
      const tokens = routed?.tokensAt(document.offsetAt(position)) ?? [];
      const place = routed?.placeOf(tokens[0] ?? -1);
      if (!routed || !place) return undefined;
      const { hoverMarkdown, MAX_TOKENS } = await import('./hoverText.ts');
      const fates = await Promise.all(tokens.slice(0, MAX_TOKENS).map((token) => limits.fatesOf(session, token)));
      const text = hoverMarkdown(routed, tokens, {
        uri: document.uri.toString(),
        layer: lens.layerOf(routed.trace.layers),
        palette: lens.palette,
        theme: themeKind(window.activeColorTheme.kind),
        limit: lens.limit,
        fates,
        ...(session.loss ? { loss: session.loss } : {}),
      });
      const markdown = new MarkdownString(text);
      markdown.supportHtml = true;
      markdown.isTrusted = { enabledCommands: Object.values(HOVER_COMMANDS) };
      return new Hover(markdown, new Range(document.positionAt(place.start), document.positionAt(place.end)));
    },
  });
}
