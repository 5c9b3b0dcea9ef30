/** What was found in an ONNX model, said before it runs. */
import { join } from 'node:path';
import { findingLines } from '../analysis/routerText.ts';
import { InspectorClient } from '../client/inspectorClient.ts';
import { findOnnxFile } from '../formats/onnxFolder.ts';
import { visible } from './table.ts';
import { UsageError } from './usage.ts';

export const INSPECTOR = join(__dirname, 'inspector.js');

/**
 * Says what was found, and returns the routers to watch: those that are named, else the only ones.
 *
 * @returns undefined for a checkpoint
 * @throws UsageError when there are several and none is named, or another one is
 */
export async function chooseRouter(
  path: string,
  named: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  if ((await findOnnxFile(path)) === undefined) {
    if (named !== undefined)
      throw new UsageError('--router is for ONNX models; a checkpoint tells its routers itself.');
    return undefined;
  }
  const inspector = new InspectorClient({ entry: INSPECTOR, log: () => undefined });
  try {
    const finding = await inspector.routers(path, signal);
    if (!finding) return undefined;
    const lines = findingLines(finding).map((line) => visible(line, Infinity));
    const ids = finding.candidates.map(({ id }) => id);
    const chosen = named ?? (ids.length === 1 ? ids[0]! : undefined);
    if (chosen === undefined) throw new UsageError(`${lines.join('\n')}\nSay which: --router ${ids.join(' or ')}.`);
    if (!ids.includes(chosen)) throw new UsageError(`--router takes ${ids.join(', ')}, not "${chosen}".`);
    console.error(lines.join('\n'));
    return chosen;
  } finally {
    inspector.dispose();
  }
}
