// Measures against the budgets: `npm run bench` runs every test/bench/*.bench.ts, `-- NAME` those with NAME in their name,
// which get what follows.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { install } from './install.mjs';
import { node, root, run } from './project.mjs';

await install();
// What is measured is what is shipped.
if (!(await run(node, ['extension/tools/package.mjs'], { stdio: ['ignore', 'ignore', 'inherit'] }))) process.exit(1);

const typescript = [
  '--experimental-transform-types',
  ...['ExperimentalWarning', 'MODULE_TYPELESS_PACKAGE_JSON'].map((warning) => `--disable-warning=${warning}`),
];
// As the engine's own process.
const env = { ...process.env, GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1', ORT_DISABLE_TELEMETRY: '1' };
const folder = join(root, 'test/bench');
for (const file of readdirSync(folder).filter(
  (name) => name.endsWith('.bench.ts') && name.includes(process.argv[2] ?? ''),
)) {
  console.log(`\n${file}`);
  if (!(await run(node, [...typescript, join(folder, file), ...process.argv.slice(3)], { env }))) process.exitCode = 1;
}
