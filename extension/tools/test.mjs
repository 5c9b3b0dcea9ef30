// Everything that must hold, from a clean clone: installs, checks the sources, builds, packages, runs all tests. The last
// line counts. With arguments, as in `npm test -- --project unit` or `npm test -- hover`, only the tests they name to vitest.
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { checks, failedOf } from './check.mjs';
import { errorsOutsideFile } from './errorsOutside.mjs';
import { install } from './install.mjs';
import { here } from './package.mjs';
import { node, readJson, root, run, tool } from './project.mjs';
import { countOf } from './testCount.mjs';

const chosen = process.argv.slice(2);
const report = join(root, 'test/output/vitest.json');
const count = { passed: 0, failed: 0 };

function add(passed, failed) {
  count.passed += passed;
  count.failed += failed;
}

/**
 * Runs tests with vitest, counts them and names the files that failed.
 * @param {readonly string[]} args what vitest is to run
 * @param {(file: string) => boolean} [again] whether a file that fails gets another try, and so is not counted yet
 */
async function tests(args, again = () => false) {
  mkdirSync(join(root, 'test/output'), { recursive: true });
  for (const left of [report, errorsOutsideFile]) rmSync(left, { force: true });
  const outside = `--reporter=${join(root, 'extension/tools/errorsOutside.mjs')}`;
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`, outside];
  const succeeded = await run(node, [tool('vitest'), 'run', ...reporters, ...args]);
  const files = existsSync(report) ? readJson(report).testResults : [];
  const errorsOutside = existsSync(errorsOutsideFile) ? readJson(errorsOutsideFile) : 1;
  const sum = countOf({ succeeded, files, errorsOutside }, again);
  add(sum.passed, sum.failed);
  return sum.again;
}

await install();
// Packaging builds.
const before = [
  ...(chosen.length === 0 ? checks : []),
  { name: `package for ${here}`, args: () => ['extension/tools/package.mjs'] },
];
const failed = await failedOf(before);
add(before.length - failed, failed);
// A whole editor and a browser on a busy machine: what fails there once and not twice is named, and no failure of ours.
const unsure = await tests(chosen, (file) => file.includes('/e2e/'));
if (unsure.length > 0) {
  console.log(`Once more: ${unsure.map((file) => relative(root, file)).join(', ')}`);
  await tests(['--project', 'e2e', ...unsure.map((file) => relative(root, file))]);
}
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exitCode = count.failed === 0 ? 0 : 1;
