import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { USER_AGENT_PRODUCT } from './user-agent.ts';

test('contains the name and the minor version of the package', async () => {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  const { name, version } = JSON.parse(text) as { name: string; version: string };
  expect(USER_AGENT_PRODUCT).toBe(`${name}/${version.split('.').slice(0, 2).join('.')}`);
});
