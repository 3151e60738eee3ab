import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { collectLicenses } from '../../scripts/binary/collect-licenses.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cta-licenses-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Creates a package, and returns the path of a file in it. */
async function addPackage(name: string, license: string | undefined, text?: string): Promise<string> {
  const place = join(folder, 'node_modules', name);
  await mkdir(place, { recursive: true });
  await writeFile(join(place, 'package.json'), JSON.stringify({ name, version: '1.2.3', license }));
  if (text !== undefined) await writeFile(join(place, 'LICENSE.md'), text);
  return join(place, 'dist/index.js');
}

test('lists each package once with its license text or its location, including ours and Node.js', async () => {
  const files = [
    await addPackage('@a/one', 'MIT', 'Copyright One'),
    await addPackage('@a/one', 'MIT', 'Copyright One'),
    await addPackage('two', '(GPL-2.0 OR BSD-3-Clause)'),
    'src/main/cli.ts',
  ];
  const text = collectLicenses(files);
  expect(text.split('@a/one 1.2.3 (MIT)')).toHaveLength(2);
  expect(text).toContain('Copyright One');
  expect(text).toMatch(/two 1\.2\.3 \(.+\)\n=+\n\n.+ See the registry that it comes from/);
  expect(text).toContain(`Node.js ${process.version}`);
});

test.each(['GPL-3.0', 'MIT AND GPL-3.0', 'SEE LICENSE IN x', 'LGPL-3.0-or-later', undefined])(
  'rejects the license %s and names its package',
  async (license) => {
    const files = [await addPackage('one', 'ISC'), await addPackage('two', license)];
    expect(() => collectLicenses(files)).toThrow(/not allowed: two 1\.2\.3 \(.+\)\.$/);
  },
);
