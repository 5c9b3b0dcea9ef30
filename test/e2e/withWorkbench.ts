import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, inject, onTestFailed } from 'vitest';
import { root } from '../../extension/tools/project.mjs';
import { Workbench, type LaunchOptions } from './driver.ts';

/**
 * One workbench for the tests of a file: the package installed, a sample open unless `options` gives something else. What a
 * failed test saw is kept.
 */
export function withWorkbench(
  set: (workbench: Workbench) => void,
  options: () => Partial<LaunchOptions> = () => ({}),
): void {
  let workbench: Workbench | undefined;
  beforeAll(async () => {
    workbench = await Workbench.launch({
      extension: inject('extension'),
      folder: join(root, 'media/samples'),
      file: 'router.ts',
      ...options(),
    });
    set(workbench);
  });
  beforeEach(() => {
    onTestFailed(async ({ task }) => {
      await workbench?.keepPicture(`failed ${task.name}`.replace(/\W+/gu, '-'));
    });
  });
  afterAll(async () => {
    await workbench?.close();
  });
}
