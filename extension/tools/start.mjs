// Shows the extension at work, from a clean clone: routing in the terminal, then VS Code on the samples. `--port N` fixes
// the port of the served VS Code; `--no-open` serves one even where a desktop VS Code is installed.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { install } from './install.mjs';
import { node, root, run } from './project.mjs';
import { serve } from './vscode/serve.mjs';

const samples = join(root, 'media/samples');
const sample = join(samples, 'router.ts');
const { values } = parseArgs({
  options: { port: { type: 'string', default: '0' }, 'no-open': { type: 'boolean', default: false } },
});

await install();
console.log('Building …');
if (!(await run(node, ['extension/tools/build.mjs']))) process.exit(1);

console.log('Routing of media/samples/router.ts by the bundled model:\n');
await run(node, ['dist/cli.js', 'analyze', 'media/samples/router.ts']);

if (values['no-open'] || !openDesktop()) await serveUntilInterrupted();

/** Opens the VS Code of this desktop, if there is one. */
function openDesktop() {
  const args = [`--extensionDevelopmentPath=${root}`, samples, sample];
  // On Windows `code` is a batch file and so needs a shell, which would split arguments at spaces.
  const { status } =
    process.platform === 'win32'
      ? spawnSync(
          'code',
          args.map((arg) => `"${arg}"`),
          { shell: true, stdio: 'ignore' },
        )
      : spawnSync('code', args, { stdio: 'ignore' });
  if (status === 0) console.log('\nMoEScope is ready: VS Code opens. Press F1 and run “MoEScope: Analyze Routing”.');
  return status === 0;
}

async function serveUntilInterrupted() {
  console.log('\nStarting VS Code …');
  const interrupted = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, resolve);
  });
  const server = await serve({ extension: root, port: Number(values.port) });
  console.log(`MoEScope is ready: open ${server.url(samples, sample)}`);
  console.log('Press F1 there and run “MoEScope: Analyze Routing”. Ctrl+C here ends it.');
  await interrupted;
  await server.dispose();
}
