import { expect, test } from 'vitest';
import { countOf } from '../../extension/tools/testCount.mjs';

/** A file of tests that ended so. */
function file(name: string, ...statuses: readonly string[]) {
  const status = statuses.includes('failed') ? 'failed' : 'passed';
  return { name, status, assertionResults: statuses.map((one) => ({ status: one })) };
}

const unsure = (name: string): boolean => name.includes('/e2e/');
const unit = file('/test/unit.test.ts', 'passed', 'passed', 'skipped');
const flaky = file('/test/e2e/live.test.ts', 'passed', 'failed');

test('tests that pass and fail are counted, and a file that gets another try is not counted yet', () => {
  const failing = file('/test/other.test.ts', 'passed', 'failed', 'failed');
  const run = { succeeded: false, files: [unit, failing, flaky], errorsOutside: 0 };
  expect(countOf(run, unsure)).toEqual({ passed: 3, failed: 2, again: [flaky.name] });
  expect(countOf(run, () => false)).toEqual({ passed: 4, failed: 3, again: [] });
});

test('a file that cannot be loaded is a failure, though no test of it failed', () => {
  const broken = { name: '/test/broken.test.ts', status: 'failed', assertionResults: [] };
  const run = { succeeded: false, files: [unit, broken], errorsOutside: 0 };
  expect(countOf(run, unsure)).toEqual({ passed: 2, failed: 1, again: [] });
});

test('an error outside of all tests is a failure, also beside a file that gets another try', () => {
  expect(countOf({ succeeded: false, files: [unit], errorsOutside: 1 }, unsure).failed).toBe(1);
  expect(countOf({ succeeded: false, files: [unit, flaky], errorsOutside: 1 }, unsure).failed).toBe(1);
  expect(countOf({ succeeded: false, files: [unit, flaky], errorsOutside: 0 }, unsure).failed).toBe(0);
});

test('a run without a test is a failure', () => {
  expect(countOf({ succeeded: false, files: [], errorsOutside: 0 }, unsure).failed).toBe(1);
});
