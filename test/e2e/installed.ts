/** The package, installed once for all workbenches of a run. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { here, packagePath } from '../../extension/tools/package.mjs';
import { installExtension } from '../../extension/tools/vscode/serve.mjs';

declare module 'vitest' {
  interface ProvidedContext {
    /** Folder of the extension. */
    readonly extension: string;
  }
}

export default async function install({ provide }: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), 'moescope-extensions-'));
  provide('extension', await installExtension(packagePath(here), folder));
  return () => {
    rmSync(folder, { recursive: true, force: true });
  };
}
