import { expect, it } from 'vitest';
import { proxyAgent } from '../../extension/cli/proxy.ts';

it.each([
  ['http://model.example:8000', 'model.example', false],
  ['http://model.example:8000', 'model.example:8000', false],
  ['http://model.example', 'other.example, .example', false],
  ['http://model.example', 'other.example', true],
  ['http://model.example', '*', false],
  ['http://[fd00::1]:8000', 'fd00::1', false],
  ['http://[fd00::1]:8000', 'localhost,[fd00::1]', false],
  ['http://[fd00::1]:8000', '[FD00::1]:8000', false],
  ['http://[fd00::1]:8000', 'fd00::2', true],
  ['http://[fd00::1]:8000', 'fd00:', true],
])('%s with NO_PROXY=%s goes through the proxy: %s', (url, list, through) => {
  const agent = proxyAgent(url, { HTTP_PROXY: 'http://proxy.example:3128', NO_PROXY: list });
  agent?.destroy();
  expect(agent !== undefined).toBe(through);
});
