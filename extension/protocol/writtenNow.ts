import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Written } from './written.ts';

/** @param bundles the folder of the bundles, which lies in that of the package */
export function writtenNow(bundles: string): Written {
  return { writer: `MoEScope ${ownVersion(bundles)}`, written: new Date().toISOString() };
}

export function ownVersion(bundles: string): string {
  const manifest = JSON.parse(readFileSync(join(bundles, '../package.json'), 'utf8')) as { version: string };
  return manifest.version;
}
