// What can be said of the sources without running them: types, lint, format.
import { pathToFileURL } from 'node:url';
import { node, run, tool } from './project.mjs';

const types = ['extension', 'extension/analysis', 'webview', 'test'];

/** @type {readonly { name: string, args: () => string[] }[]} each is one check; `args` is what `node` runs */
export const checks = [
  ...types.map((folder) => ({ name: `types of ${folder}`, args: () => [tool('typescript', 'tsc'), '-p', folder] })),
  { name: 'lint', args: () => [tool('eslint'), '--max-warnings', '0', '.'] },
  { name: 'format', args: () => [tool('prettier'), '--check', '--log-level', 'warn', '.'] },
];

/**
 * Runs a check and says how it ended.
 * @param {string} name
 * @param {readonly string[]} args
 */
export async function check(name, args) {
  const start = Date.now();
  const passed = await run(node, args);
  console.log(`${passed ? 'ok  ' : 'FAIL'} ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
  return passed;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const { name, args } of checks) if (!(await check(name, args()))) process.exitCode = 1;
}
