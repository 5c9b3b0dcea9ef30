import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SUPPORTED_ARCHITECTURES } from '../../extension/models/families.ts';
import { ROOT } from '../support/reference.ts';

it('the README lists every architecture that opens, and no other', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const listed = [...readme.matchAll(/`(\w+For(?:CausalLM|ConditionalGeneration))`/g)].map(([, name]) => name);
  expect([...new Set(listed)].toSorted()).toEqual(SUPPORTED_ARCHITECTURES.toSorted());
});
