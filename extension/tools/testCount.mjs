// What a run of Vitest comes to: how much passed, how much failed, and which files get another try.

/** @typedef {{ name: string, status: string, assertionResults: readonly { status: string }[] }} TestedFile as Vitest's JSON has it */

/**
 * @param {object} run
 * @param {boolean} run.succeeded whether Vitest says so
 * @param {readonly TestedFile[]} run.files
 * @param {number} run.errorsOutside errors that belong to no test
 * @param {(file: string) => boolean} again whether a file that fails gets another try, and so is not counted yet
 * @returns {{ passed: number, failed: number, again: string[] }}
 */
export function countOf({ succeeded, files, errorsOutside }, again) {
  const failing = files.filter(({ status }) => status === 'failed').map(({ name }) => name);
  const sum = { passed: 0, failed: 0, again: failing.filter(again) };
  for (const { name, assertionResults } of files) {
    if (sum.again.includes(name)) continue;
    const count = (status) => assertionResults.filter((test) => test.status === status).length;
    sum.passed += count('passed');
    // A file that cannot be loaded, or whose set-up fails, has no failed test of its own.
    sum.failed += Math.max(count('failed'), failing.includes(name) ? 1 : 0);
  }
  // Vitest also fails for what belongs to no test: an error outside of all, no test found.
  if (!succeeded && (failing.length === 0 || errorsOutside > 0)) sum.failed += 1;
  return sum;
}
