// A reporter for Vitest: keeps how many errors belong to no test, which its JSON does not tell.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './project.mjs';

export const errorsOutsideFile = join(root, 'test/output/errorsOutside.json');

export default class ErrorsOutside {
  onTestRunEnd(_, errors) {
    mkdirSync(dirname(errorsOutsideFile), { recursive: true });
    writeFileSync(errorsOutsideFile, JSON.stringify(errors.length));
  }
}
