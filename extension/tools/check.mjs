// What can be said of the sources without running them: types, lint, format.
import { pathToFileURL } from 'node:url';
import { node, run, tool } from './project.mjs';

const types = ['extension', 'extension/analysis', 'webview', 'test'];

/** @typedef {{ name: string, args: () => string[] }} Check `args` is what `node` runs, once all is installed */

/** @type {readonly Check[]} the longest first */
export const checks = [
  { name: 'lint', args: () => [tool('eslint'), '--max-warnings', '0', '.'] },
  ...types.map((folder) => ({ name: `types of ${folder}`, args: () => [tool('typescript', 'tsc'), '-p', folder] })),
  { name: 'format', args: () => [tool('prettier'), '--check', '--log-level', 'warn', '.'] },
];

/**
 * Runs checks, two at a time as each keeps one core busy, and says how each ended.
 * @param {readonly Check[]} all
 * @returns {Promise<number>} how many failed
 */
export async function failedOf(all) {
  const waiting = [...all];
  let failed = 0;
  const lane = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const start = Date.now();
      const passed = await run(node, next.args());
      if (!passed) failed += 1;
      console.log(`${passed ? 'ok  ' : 'FAIL'} ${next.name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
    }
  };
  await Promise.all([lane(), lane()]);
  return failed;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href && (await failedOf(checks)) > 0) process.exitCode = 1;
