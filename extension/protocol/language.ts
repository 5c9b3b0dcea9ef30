/**
 * The language that sentences come in. Whoever starts a child process or a worker thread hands it on by an environment
 * variable, since what they fail of is told in sentences that they make themselves.
 */
import { config, type l10nJsonFormat } from '@vscode/l10n';
import { basename } from 'node:path';

/** Names the file with the translations, from English. */
const VARIABLE = 'MOESCOPE_TRANSLATIONS';

let file: string | undefined;

/** Speaks a language from now on: English sentences and what they are in it. Without a file, child processes speak English. */
export function speak(translations: l10nJsonFormat, translationsFile: string | undefined): void {
  config({ contents: translations });
  file = translationsFile;
}

/** Names the language, for what keeps sentences. */
export function language(): string {
  return file === undefined ? '' : basename(file);
}

/** What a child's environment needs for it to speak as this process does. */
export function languageEnv(): Readonly<Record<string, string>> {
  return file === undefined ? {} : { [VARIABLE]: file };
}

/** Speaks as the process that started this one does. */
export function speakAsParent(env: Readonly<Record<string, string | undefined>>): void {
  const translations = env[VARIABLE];
  if (translations === undefined) return;
  try {
    config({ fsPath: translations });
    file = translations;
  } catch {
    // English is better than nothing.
  }
}
