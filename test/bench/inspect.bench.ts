/** What it costs to look at a model of 671 billion parameters in 160 files: headers only, as a user's command line does it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from '../../extension/analysis/latency.ts';
import { root } from '../../extension/tools/project.mjs';
import { DEEPSEEK_V3, writeSparseCheckpoint } from '../support/sparseCheckpoint.ts';
import { report } from './report.ts';

const RUNS = 5;

const folder = mkdtempSync(join(tmpdir(), 'moescope-bench-'));
try {
  writeSparseCheckpoint(folder, DEEPSEEK_V3, 160);
  const times = Array.from({ length: RUNS }, () => {
    const began = performance.now();
    execFileSync(process.execPath, [join(root, 'dist/cli.js'), 'inspect', folder]);
    return (performance.now() - began) / 1000;
  });
  report({ what: `moescope inspect, 673 GB, median of ${RUNS}`, value: median(times), unit: 's', budget: 1 });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
