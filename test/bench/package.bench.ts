/** What a user downloads, and what opening VS Code costs him. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { here, packagePath } from '../../extension/tools/package.mjs';
import { root } from '../../extension/tools/project.mjs';
import { Workbench } from '../e2e/driver.ts';
import { median, report } from './report.ts';

const RUNS = 3;

report({ what: `package for ${here}`, value: statSync(packagePath(here)).size / 1e6, unit: 'MB' });
for (const file of readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' })) {
  if (!/^(webview.)?\w+\.js$/.test(file)) continue;
  report({ what: `dist/${file}`, value: statSync(join(root, 'dist', file)).size / 1e3, unit: 'kB' });
}

const activations: number[] = [];
for (let run = 0; run < RUNS; run++) {
  const workbench = await Workbench.launch({
    extension: packagePath(here),
    folder: join(root, 'media/samples'),
    file: 'router.ts',
  });
  await workbench.runCommand('View: Show MoEScope');
  activations.push(await workbench.activationMilliseconds());
  await workbench.close();
}
report({
  what: `activation, median of ${RUNS}, by VS Code itself`,
  value: median(activations),
  unit: 'ms',
  budget: 50,
});
