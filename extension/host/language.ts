/** Imported before all else, so that sentences that modules hold as constants are in the language of VS Code, too. */
import { l10n } from 'vscode';
import { speak } from '../protocol/language.ts';

speak(l10n.bundle ?? {}, l10n.uri?.fsPath);
