import { randomBytes } from 'node:crypto';
import axe from 'axe-core';
import { eq } from 'drizzle-orm';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assetPath } from '../../src/assets/asset.ts';
import { storeAsset } from '../../src/assets/store-asset.ts';
import { MIN_CONTRAST } from '../../src/creative/choose-colors.ts';
import type { Prefill } from '../../src/creative/prefill.ts';
import { previews } from '../../src/db/schema/previews.ts';
import { makeEmbedKey } from '../../src/previews/embed-key.ts';
import { findChromium } from '../support/find-chromium.ts';
import { hostileTexts, makeHostile, makePrefill } from '../support/hostile-prefill.ts';
import { measureContrast } from '../support/measure-contrast.ts';
import { startOwnSite } from '../support/own-site.ts';
import { addQueuedBatch, addWorker, claim, finish } from '../support/seed.ts';
import { startTestApi, type TestApi } from '../support/test-api.ts';
import { openTestDatabase, type TestDatabase } from '../support/test-database.ts';

/* Tests the page of a CTA in a browser. */

const executablePath = findChromium();
if (executablePath === undefined) {
  process.stderr.write('Skipped: the CTA was not tested in a browser, because Chromium is not installed.\n');
}

const TEXTS = '.cta-headline, .cta-subheadline, .cta-body, .cta-price, .cta-button';
const IMAGES = ['white', 'black', 'noise'] as const;

/**
 * One case per background image: custom colors, default colors, and the lowest allowed contrast.
 * The first two contain long text that cannot break at spaces.
 */
const CASES: Record<(typeof IMAGES)[number], Partial<Prefill>> = {
  white: {
    ...makeHostile(hostileTexts.long),
    colors: { background: '#102030', text: '#ffffff', button: '#ffd400', buttonText: '#111111' },
  },
  black: {
    ...makeHostile(hostileTexts.closing + hostileTexts.element),
    body: hostileTexts.joined,
    locale: 'ar',
  },
  noise: {
    headline: 'A red shoe for every day and every road',
    subheadline: hostileTexts.bidi,
    body: 'It is red. '.repeat(36),
    colors: { background: '#b0522a', text: '#ffffff', button: '#767676', buttonText: '#ffffff' },
  },
};

describe.skipIf(executablePath === undefined)('the CTA in Chromium, if it is installed', () => {
  let db: TestDatabase;
  let api: TestApi;
  let browser: Browser;
  let workspaceId: string;
  let unused: (typeof previews.$inferSelect)[];
  const images = new Map<string, string>();
  beforeAll(async () => {
    db = await openTestDatabase();
    api = await startTestApi(db);
    ({ workspaceId } = await db.addWorkspace('one'));
    await addQueuedBatch(db, workspaceId, [10, 10]);
    await finish(db, await claim(db, await addWorker(db)));
    unused = await db.orm.select().from(previews);
    for (const name of IMAGES) images.set(name, assetPath(await storeImage(name)));
    browser = await chromium.launch({ ...(executablePath ? { executablePath } : {}) });
  });
  afterAll(async () => {
    await browser?.close();
    await api.close();
    await db.drop();
  });

  async function storeImage(name: (typeof IMAGES)[number]): Promise<string> {
    const [width, height] = [900, 600];
    const pixels =
      name === 'noise'
        ? randomBytes(width * height * 3)
        : Buffer.alloc(width * height * 3, name === 'white' ? 255 : 0);
    const bytes = await sharp(pixels, { raw: { width, height, channels: 3 } })
      .png()
      .toBuffer();
    const image = { bytes, contentType: 'image/png', width, height };
    const { key } = await db.transact((tx) => storeAsset(tx, workspaceId, image));
    return key;
  }

  /** Returns the path of a preview with these texts and this image. */
  async function embed(image: (typeof IMAGES)[number], given: Partial<Prefill> = {}): Promise<string> {
    const row = unused.pop();
    if (!row) throw new Error('more previews are needed');
    const url = images.get(image) ?? '';
    const generated = makePrefill({ backgroundImageUrl: url, productImageUrl: url, ...given });
    await db.orm.update(previews).set({ generated }).where(eq(previews.id, row.id));
    return `/cta/${makeEmbedKey(row)}`;
  }

  /** Opens a page and records everything that it must not do. */
  async function openPage(options: BrowserContextOptions): Promise<{ page: Page; troubles: string[] }> {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const troubles: string[] = [];
    page.on('dialog', (dialog) => {
      troubles.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('pageerror', (error) => troubles.push(`error: ${error.message}`));
    page.on('console', (message) => {
      // Browsers request it for pages that are not in a frame.
      const isIcon = message.location().url.endsWith('/favicon.ico');
      if (!isIcon) troubles.push(`${message.type()}: ${message.text()}`);
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(api.address)) troubles.push(`request: ${request.url()}`);
    });
    page.on('response', (response) => {
      if (!response.ok()) troubles.push(`${response.status()}: ${response.url()}`);
    });
    return { page, troubles };
  }

  async function expectNoScript(page: Page): Promise<void> {
    expect(await page.evaluate("typeof pwned + ' ' + document.scripts.length")).toBe('undefined 0');
    const names = await page
      .locator('*')
      .evaluateAll((elements) => elements.flatMap((element) => element.getAttributeNames()));
    expect(names.filter((name: string) => /^on|^style$|^srcdoc$/.test(name))).toEqual([]);
  }

  /**
   * Expects that nothing is wider than the page, and that the page is not wider than the window.
   */
  async function expectFits(page: Page, width: number): Promise<void> {
    expect(await page.locator('html').evaluate((html) => html.scrollWidth - html.clientWidth)).toBe(0);
    const edges = await page
      .locator(`${TEXTS}, img`)
      .evaluateAll((elements) => elements.map((element) => element.getBoundingClientRect()));
    for (const { left, right } of edges) expect([left >= 0, right <= width]).toEqual([true, true]);
  }

  async function expectAccessible(page: Page): Promise<void> {
    const images = await page
      .locator('img')
      .evaluateAll((all) => all.map((img) => [img.naturalWidth > 0, img.hasAttribute('alt')]));
    expect(images).toEqual(Array(2).fill([true, true]));
    // The click reaches the button, not an element that covers it.
    await page.locator('a.cta-button').click({ trial: true });
    await page.evaluate(axe.source);
    const { violations } = (await page.evaluate('axe.run()')) as axe.AxeResults;
    expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  }

  test.each([320, 768, 1200])(
    'at %i px it fits, is readable and usable, and runs no script',
    async (width) => {
      const { page, troubles } = await openPage({ viewport: { width, height: 600 } });
      for (const image of IMAGES) {
        await page.goto(api.address + (await embed(image, CASES[image])), { waitUntil: 'load' });
        await expectNoScript(page);
        await expectFits(page, width);
        await expectAccessible(page);
        const texts = await measureContrast(page, TEXTS);
        expect(texts.map(({ name }) => name)).toEqual(TEXTS.replaceAll('.', '').split(', '));
        for (const { name, pixels, contrast } of texts) {
          expect(pixels).toBeGreaterThan(100);
          expect({ image, name, contrast, isEnough: contrast >= MIN_CONTRAST }).toMatchObject({
            isEnough: true,
          });
        }
      }
      expect(troubles).toEqual([]);
      await page.context().close();
    },
  );

  test('runs no script even without its policy', async () => {
    const { page, troubles } = await openPage({ bypassCSP: true });
    for (const text of Object.values(hostileTexts)) {
      await page.goto(api.address + (await embed('white', { ...makeHostile(text), locale: text })));
      await expectNoScript(page);
      expect(await page.locator('.cta-body').textContent()).toBe(text);
      expect(await page.locator('a.cta-button').isVisible()).toBe(true);
    }
    expect(troubles).toEqual([]);
    await page.context().close();
  });

  test('in a frame of an allowed page, its link replaces that page', async () => {
    const site = await startOwnSite();
    const strict = await startTestApi(db, { frameAncestors: site.origin });
    const path = await embed('noise', { ctaUrl: `${site.origin}/product` });
    site.answer = (_request, response) => {
      response.setHeader('content-type', 'text/html');
      response.end(`<iframe src="${strict.address}${path}" width="400" height="600"></iframe>`);
    };
    const page = await browser.newPage();
    await page.goto(`${site.origin}/`);
    await page.frameLocator('iframe').locator('a.cta-button').click();
    await page.waitForURL(`${site.origin}/product`);
    // The same site with another name has another origin.
    const elsewhere = `${site.origin.replace('127.0.0.1', 'localhost')}/`;
    const refused = page.waitForEvent('console', (message) => /frame-ancestors/.test(message.text()));
    await page.goto(elsewhere);
    await refused;
    expect(await page.frameLocator('iframe').locator('a.cta-button').count()).toBe(0);
    await page.close();
    await strict.close();
    await site.close();
  });
});
