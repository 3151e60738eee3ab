import sharp from 'sharp';
import { afterAll, expect, test } from 'vitest';
import { startFakeAi } from '../fakes/fake-ai.ts';
import { startFakeShop } from '../fakes/fake-shop.ts';

const shop = await startFakeShop({ slowMs: 20, hugeBytes: 1_000_000 });
const ai = await startFakeAi();
afterAll(() => Promise.all([shop.close(), ai.close()]));

const get = (path: string) => fetch(new URL(path, shop.origin), { redirect: 'manual' });

test('a product page links to images that exist and differ', async () => {
  const page = await (await get('/products/blue-mug?images=3&lang=de')).text();
  const images = [...page.matchAll(/<img src="(http[^"]+)"/g)].map((match) => match[1] ?? '');
  expect(images).toHaveLength(3);
  const files = await Promise.all(
    images.map(async (url) => Buffer.from(await (await fetch(url)).arrayBuffer())),
  );
  expect(new Set(files.map((file) => file.toString('base64'))).size).toBe(3);
  expect(await sharp(files[0]).metadata()).toMatchObject({ format: 'jpeg', width: 800, height: 800 });
  expect(page).toContain('<html lang="de">');
  const jsonLd = JSON.parse(page.match(/<script type="application\/ld\+json">(.+?)<\/script>/)?.[1] ?? '');
  expect(jsonLd).toMatchObject({ '@type': 'Product', name: 'Blue Mug', image: images });
});

test.each([
  ['/gone', 404],
  ['/blocked', 403],
  ['/error', 500],
  ['/article', 200],
  ['/no-images', 200],
  ['/logo-only', 200],
  ['/pdf', 200],
  ['/slow', 200],
  ['/huge', 200],
  ['/redirect?to=/products/x', 302],
  ['/images/shop-logo.png', 200],
  ['/nowhere', 404],
])('%s returns %i', async (path, status) => {
  const response = await get(path);
  expect(response.status).toBe(status);
  await response.arrayBuffer();
});

test('/cut ends early, /hang never answers, and a script has precedence', async () => {
  await expect(get('/cut').then((response) => response.text())).rejects.toThrow();
  await expect(fetch(`${shop.origin}/hang`, { signal: AbortSignal.timeout(50) })).rejects.toThrow();
  shop.script('/gone', { body: 'back' });
  expect(await (await get('/gone')).text()).toBe('back');
  shop.script('/gone', undefined);
  expect((await get('/gone')).status).toBe(404);
  expect(shop.requests.filter((request) => request.path === '/gone').length).toBeGreaterThanOrEqual(2);
});

test('the fake AI counts calls in a window, and waits without polling', async () => {
  ai.setScript((index) => (index < 2 ? 'ok' : 'hang'));
  const abort = new AbortController();
  const post = () =>
    fetch(`${ai.baseUrl}/chat/completions`, { method: 'POST', body: '{}', signal: abort.signal }).catch(
      () => null,
    );
  const waiting = ai.waitForCalls(3, 'text');
  const posts = [post(), post(), post()];
  expect(await waiting).toHaveLength(3);
  await ai.waitFor((calls) => calls.filter((call) => call.outcome === 'answered').length === 2);
  expect(ai.inflight('text')).toBe(1);
  expect(ai.worstWindow('text', 60_000)).toBe(3);
  expect(ai.worstWindow('image', 60_000)).toBe(0);
  abort.abort();
  await Promise.all(posts);
  await ai.waitFor((calls) => calls.every((call) => call.outcome !== 'pending'));
  await expect(ai.waitForCalls(9, 'text', 20)).rejects.toThrow('not reached: 2 text answered');
});
