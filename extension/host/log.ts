import { LogLevel, type LogOutputChannel } from 'vscode';
import type { LogLine } from '../protocol/engine.ts';

export const LOG_LEVELS = ['default', 'trace', 'debug', 'info', 'warn', 'error', 'off'] as const;
export type LogLevelName = (typeof LOG_LEVELS)[number];

const SEVERITY = { trace: 1, debug: 2, info: 3, warn: 4, error: 5, off: 6 } as const;

/** The least severe method whose lines a channel of each level shows. */
const SHOWN_FROM: Readonly<Record<LogLevel, LogLine['level']>> = {
  [LogLevel.Trace]: 'trace',
  [LogLevel.Debug]: 'debug',
  [LogLevel.Info]: 'info',
  [LogLevel.Warning]: 'warn',
  [LogLevel.Error]: 'error',
  [LogLevel.Off]: 'error',
};

/**
 * The log channel. VS Code keeps a level per channel, which an extension cannot set; the setting `moescope.logLevel`
 * goes before it: what it asks for and the channel would drop is written at the channel's own level, marked.
 */
export class Log {
  readonly #channel: LogOutputChannel;
  readonly #level: () => LogLevelName;

  constructor(channel: LogOutputChannel, level: () => LogLevelName) {
    this.#channel = channel;
    this.#level = level;
  }

  write({ level, message }: LogLine): void {
    const wanted = this.#level();
    if (wanted === 'default') {
      this.#channel[level](message);
      return;
    }
    if (SEVERITY[level] < SEVERITY[wanted]) return;
    const shown = SHOWN_FROM[this.#channel.logLevel];
    if (SEVERITY[level] < SEVERITY[shown]) this.#channel[shown](`[${level}] ${message}`);
    else this.#channel[level](message);
  }

  info(message: string): void {
    this.write({ level: 'info', message });
  }

  /** A bug or an error's background, with its stack and causes. */
  error(context: string, error: unknown): void {
    this.write({ level: 'error', message: `${context}: ${describe(error)}` });
  }

  show(): void {
    this.#channel.show();
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${describe(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
