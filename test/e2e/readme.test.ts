import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { z } from 'zod';
import { renderSettingsDoc } from '../../scripts/render-settings-doc.ts';
import { SETTINGS } from '../../src/main/config.ts';
import { type FakeShop, startFakeShop } from '../fakes/fake-shop.ts';
import { installClient } from '../support/install-client.ts';
import { type Program, startProgram } from '../support/program.ts';
import { createRestClient } from '../support/rest-client.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

/* Runs the examples in the README as they are written. */

const inProject = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

let db: TestDatabase;
let shop: FakeShop;
let program: Program;
let token: string;
let readme: string;
let folder: string;
beforeAll(async () => {
  db = await openTestDatabase();
  shop = await startFakeShop();
  ({ token } = await db.addWorkspace('one'));
  const env = { DATABASE_URL: db.url, FETCH_ALLOW_HOSTS: shop.host, PREVIEW_RATE_LIMIT: 'off' };
  program = await startProgram({ env });
  readme = await readFile(inProject('README.md'), 'utf8');
  folder = await mkdtemp(join(tmpdir(), 'cta-readme-'));
  await writeFile(join(folder, 'package.json'), '{"private":true,"type":"module"}');
  await installClient(folder, join(folder, 'staging'));
}, 720_000);
afterAll(async () => {
  await program.stop();
  await shop.close();
  await db.drop();
  await rm(folder, { recursive: true, force: true });
});

/** Returns the code blocks of a language in a section. */
function blocks(section: string, language: string): string[] {
  const text = readme.split(`## ${section}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(
    (match) => match[1] ?? '',
  );
}

async function run(command: string, args: string[], env: Record<string, string>) {
  const child = spawn(command, args, { env: { PATH: process.env.PATH, ...env } });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  return { code, output };
}

async function addPreview(): Promise<string> {
  const rest = createRestClient(program.address, token);
  const { id } = await rest.create([{ url: shop.productUrl('red-shoe') }]);
  await rest.follow(id);
  return (await rest.previews(id))[0].id;
}

test('the REST examples work', async () => {
  const [, ...examples] = blocks('Use over REST', 'sh');
  expect(examples).toHaveLength(2);
  const env = {
    TOKEN: token,
    CTA: `${program.address}/api/llm-editor/cta`,
    PAGE: shop.productUrl('red-shoe'),
    ID: await addPreview(),
  };
  const { code, output } = await run('bash', ['-ec', examples.join('\n')], env);
  expect(code).toBe(0);
  expect(output).toContain('"bulk_generate_task_id"');
  expect(output).toContain('"results":[{');
  expect(output).toContain('"headline":"Only this week"');
  expect(output).not.toContain('/errors#');
});

test('the TypeScript example works', async () => {
  const [example = ''] = blocks('Use from TypeScript', 'ts');
  expect(example).toContain("from 'cta-batch-client'");
  const source = example.replace('http://127.0.0.1:3000', program.address);
  const file = join(folder, 'example.ts');
  const before = `const token = ${JSON.stringify(token)};\nconst url = ${JSON.stringify(shop.productUrl('cup'))};\n`;
  await writeFile(file, `${before}${source}\nconsole.log(batch.progress.total, page.items.length);\n`);
  expect(await run(process.execPath, [file], {})).toMatchObject({
    code: 0,
    // The rest of the output comes from watching, which ends when the batch is finished.
    output: expect.stringMatching(/^3 \d$/m),
  });
});

test('the example program works', async () => {
  await cp(inProject('examples/make-previews.ts'), join(folder, 'make-previews.ts'));
  const args = [join(folder, 'make-previews.ts'), shop.productUrl('red-shoe')];
  const { code, output } = await run(process.execPath, args, { CTA_URL: program.address, CTA_TOKEN: token });
  expect(code).toBe(0);
  expect(output.split('\n')).toHaveLength(4);
  expect(output).toContain('/assets/');
  expect(output).toContain('Only this week');
});

test('the named settings exist, and the table of all settings is current', async () => {
  const table = readme.split('## Settings\n')[1]?.split('\n## ')[0] ?? '';
  const named = [...table.matchAll(/^\| (`.+?) \|/gm)].flatMap(([, cell]) => [
    ...(cell ?? '').matchAll(/`(\w+)`/g),
  ]);
  const all = new Map(Object.values(SETTINGS).flatMap((group) => Object.entries<z.ZodType>(group)));
  expect(named.map(([, name]) => name).filter((name) => !all.has(name ?? ''))).toEqual([]);
  expect(named.length).toBeGreaterThan(5);
  expect([...all].filter(([, schema]) => !schema.description)).toEqual([]);
  expect(await readFile(inProject('docs/settings.md'), 'utf8')).toBe(renderSettingsDoc());
});
