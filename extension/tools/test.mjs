// Everything that must hold, from a clean clone: installs, checks the sources, builds, packages, runs all tests. The last
// line counts. With arguments, as in `npm test -- --project unit` or `npm test -- hover`, only the tests they name to vitest.
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { check, checks } from './check.mjs';
import { install } from './install.mjs';
import { here } from './package.mjs';
import { node, readJson, root, run, tool } from './project.mjs';

const chosen = process.argv.slice(2);
const report = join(root, 'test/output/vitest.json');
const count = { passed: 0, failed: 0 };

function add(passed, failed) {
  count.passed += passed;
  count.failed += failed;
}

async function tests() {
  mkdirSync(join(root, 'test/output'), { recursive: true });
  rmSync(report, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const succeeded = await run(node, [tool('vitest'), 'run', ...reporters, ...chosen]);
  if (existsSync(report)) {
    const { numPassedTests, numFailedTests, testResults } = readJson(report);
    // A file that cannot be loaded, or whose set-up fails, has no failed test of its own.
    const broken = testResults.filter(
      ({ status, assertionResults }) =>
        status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
    );
    add(numPassedTests, numFailedTests + broken.length);
  }
  // Vitest also fails for what belongs to no test: an error outside of all, no test found.
  if (!succeeded && count.failed === 0) add(0, 1);
}

await install();
const before = [
  ...(chosen.length === 0 ? checks : []),
  { name: 'build', args: () => ['extension/tools/build.mjs'] },
  { name: `package for ${here}`, args: () => ['extension/tools/package.mjs'] },
];
for (const { name, args } of before) {
  if (await check(name, args())) add(1, 0);
  else add(0, 1);
}
await tests();
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exitCode = count.failed === 0 ? 0 : 1;
