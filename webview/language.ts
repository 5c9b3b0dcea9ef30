/** Imported before all else, so that sentences that modules hold as constants are in the language of VS Code, too. */
import { config, type l10nJsonFormat } from '@vscode/l10n';

declare global {
  /** Set by the script of translations that the host puts before a page's own; absent in English. */
  var moescopeTranslations: l10nJsonFormat | undefined;
}

config({ contents: globalThis.moescopeTranslations ?? {} });
