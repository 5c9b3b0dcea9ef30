import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, onTestFailed } from 'vitest';
import { here, packagePath } from '../../extension/tools/package.mjs';
import { root } from '../../extension/tools/project.mjs';
import { Workbench } from './driver.ts';

/** One workbench for the tests of a file: the package installed, a sample open. What a failed test saw is kept. */
export function withWorkbench(set: (workbench: Workbench) => void): void {
  let workbench: Workbench;
  beforeAll(async () => {
    workbench = await Workbench.launch({
      extension: packagePath(here),
      folder: join(root, 'media/samples'),
      file: 'router.ts',
    });
    set(workbench);
  });
  beforeEach(() => {
    onTestFailed(async ({ task }) => {
      await workbench.screenshot(`failed ${task.name}`.replace(/\W+/gu, '-'));
    });
  });
  afterAll(async () => {
    await workbench.close();
  });
}
