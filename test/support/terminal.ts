import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './reference.ts';

/** What a run of the terminal program came to. */
export interface Ran {
  /** The exit code; NaN where a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Around {
  /** What comes on standard input. */
  readonly input?: string | Uint8Array | undefined;
  readonly cwd?: string;
  /** Beside this process's own environment. */
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs the terminal program as its users do: a child process. */
export function moescope(args: readonly string[], { input, cwd, env }: Around = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const options = { cwd, env: { ...process.env, ...env }, maxBuffer: 2 ** 28 };
    const child = execFile(process.execPath, [join(ROOT, 'dist/cli.js'), ...args], options, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
    // It may end without having read what comes.
    child.stdin?.on('error', () => undefined).end(input);
  });
}
