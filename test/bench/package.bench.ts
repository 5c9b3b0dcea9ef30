/** What a user downloads, and what opening VS Code costs him. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { median } from '../../extension/analysis/latency.ts';
import { here, packagePath } from '../../extension/tools/package.mjs';
import { root } from '../../extension/tools/project.mjs';
import { Workbench } from '../e2e/driver.ts';
import { report } from './report.ts';

const RUNS = 3;
const START_MS = 10_000;
/** An extension that comes with VS Code, of about our size. */
const PEER = 'Emmet';

report({ what: `package for ${here}`, value: statSync(packagePath(here)).size / 1e6, unit: 'MB' });
const kilobytes = (file: string): number => statSync(join(root, 'dist', file)).size / 1e3;
const scripts = readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' }).filter((file) =>
  /^(webview.|chunks.)?[\w-]+\.js$/.test(file),
);
const chunks = scripts.filter((file) => file.startsWith('chunks'));
for (const file of scripts.filter((script) => !chunks.includes(script))) {
  const what = file === 'extension.js' ? `dist/${file}, what activation loads` : `dist/${file}`;
  report({ what, value: kilobytes(file), unit: 'kB' });
}
const later = chunks.reduce((sum, file) => sum + kilobytes(file), 0);
report({ what: `  ${chunks.length} chunks that are loaded when they are needed`, value: later, unit: 'kB' });

const activations: number[][] = [];
for (let run = 0; run < RUNS; run++) {
  const workbench = await Workbench.launch({
    extension: packagePath(here),
    folder: join(root, 'media/samples'),
    file: 'router.ts',
  });
  // While VS Code starts, both cores are its own.
  await sleep(START_MS);
  await workbench.runCommand('View: Show MoEScope');
  activations.push(await workbench.activationMilliseconds('MoEScope', PEER));
  await workbench.close();
}
const [own, peer] = [0, 1].map((i) => median(activations.map((times) => times[i]!))) as [number, number];
report({
  what: `activation, median of ${RUNS}, by VS Code itself`,
  value: own,
  unit: 'ms',
  budget: 50,
});
report({ what: `  against ${PEER}’s, which comes with VS Code`, value: own / peer, unit: '×' });
