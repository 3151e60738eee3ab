import { readFileSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findChromium } from '../support/find-chromium.ts';
import { startTestApi, type TestApi } from '../support/test-api.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

/* Tests the API document in a browser without access to any other server. */

const { paths } = JSON.parse(readFileSync('docs/openapi.json', 'utf8'));
const CREATE_BATCH: string = paths['/api/llm-editor/cta/batch'].post.summary;
const GET_LIMITS: string = paths['/api/llm-editor/cta/limits'].get.summary;

const executablePath = findChromium();
if (executablePath === undefined) {
  process.stderr.write('Skipped: /docs was not tested in a browser, because Chromium is not installed.\n');
}

describe.skipIf(executablePath === undefined)('/docs in Chromium, if it is installed', () => {
  let db: TestDatabase;
  let api: TestApi;
  let browser: Browser;
  beforeAll(async () => {
    db = await openTestDatabase();
    api = await startTestApi(db, { publicUrl: undefined });
    browser = await chromium.launch({ ...(executablePath ? { executablePath } : {}) });
  });
  afterAll(async () => {
    await browser?.close();
    await api.close();
    await db.drop();
  });

  test('can be read and tried, and uses no other host', async () => {
    const page = await browser.newPage();
    const elsewhere: string[] = [];
    const refused: string[] = [];
    const failures: string[] = [];
    await page.route('**/*', (route) => {
      const url = route.request().url();
      if (url.startsWith(`${api.address}/`) || /^(data|blob):/.test(url)) return route.continue();
      elsewhere.push(url);
      return route.abort();
    });
    // Requests that the page's policy forbids are only reported here.
    page.on('console', (message) => {
      if (/content security policy/i.test(message.text())) refused.push(message.text());
    });
    page.on('pageerror', (error) => failures.push(error.message));
    await page.goto(`${api.address}/docs`);
    await page.getByText(CREATE_BATCH).first().waitFor();
    await page.getByRole('button', { name: 'Open Group - Limits' }).click();
    await page.getByText(GET_LIMITS).first().waitFor();
    // Trying an operation calls this service, not a proxy.
    const asked = page.waitForResponse((response) => response.url().includes('/api/llm-editor/cta/batch'));
    await page
      .getByRole('button', { name: /Test Request/ })
      .first()
      .click();
    await page.getByRole('button', { name: /^Send/ }).first().click();
    expect((await asked).status()).toBe(401);
    await page.waitForLoadState('networkidle');
    expect({ elsewhere, refused, failures }).toEqual({ elsewhere: [], refused: [], failures: [] });
    // Each of these would send the document to the servers of its author.
    for (const name of ['Share', 'Generate SDK', 'Deploy Fastify', 'Ask AI'])
      expect(await page.getByText(name, { exact: true }).count(), name).toBe(0);
  });
});
