import { expect, test } from 'vitest';
import { AppError } from '../../../lib/app-error.ts';
import type { FetchBytes } from '../../net/guarded-fetch.ts';
import { createRobotsGate } from './robots-gate.ts';

function makeGate(answer: () => string | AppError) {
  const asked: string[] = [];
  const fetchBytes: FetchBytes = async (url) => {
    asked.push(url);
    const text = answer();
    if (text instanceof AppError) throw text;
    return { finalUrl: url, status: 200, contentType: 'text/plain', body: Buffer.from(text) };
  };
  const gate = createRobotsGate({ fetchBytes, userAgent: 'cta-batch' });
  return {
    asked,
    visit: (url: string) => gate(url, { owner: 'test', signal: new AbortController().signal }),
  };
}

test('blocks pages that are disallowed for us or for all, and fetches the file once', async () => {
  const { asked, visit } = makeGate(() => 'User-agent: *\nDisallow: /private/\nAllow: /private/cup$\n');
  await visit('https://shop.example/products/cup');
  await visit('https://shop.example/private/cup');
  await expect(visit('https://shop.example/private/mug')).rejects.toMatchObject({ code: 'page_disallowed' });
  expect(asked).toEqual(['https://shop.example/robots.txt']);
});

test('prefers our group to the one for all', async () => {
  const { visit } = makeGate(() => 'User-agent: *\nDisallow: /\n\nUser-agent: cta-batch\nDisallow: /cart\n');
  await visit('https://shop.example/products/cup');
  await expect(visit('https://shop.example/cart')).rejects.toMatchObject({ code: 'page_disallowed' });
});

test('allows all without a file; blocks while the shop cannot deliver it, and retries', async () => {
  for (const code of ['page_gone', 'page_blocked', 'page_login'] as const) {
    await makeGate(() => new AppError(code)).visit('https://shop.example/cup');
  }
  let isDown = true;
  const { asked, visit } = makeGate(() => (isDown ? new AppError('page_failed') : ''));
  await expect(visit('https://shop.example/cup')).rejects.toMatchObject({ code: 'page_failed' });
  isDown = false;
  await visit('https://shop.example/cup');
  expect(asked).toHaveLength(2);
});

test('keeps the fetch of the file for other pages when one page is canceled', async () => {
  const file = Promise.withResolvers<Buffer>();
  const fetchBytes: FetchBytes = async (url, { signal }) => {
    signal.addEventListener('abort', () => file.reject(signal.reason));
    return { finalUrl: url, status: 200, contentType: 'text/plain', body: await file.promise };
  };
  const gate = createRobotsGate({ fetchBytes, userAgent: 'cta-batch' });
  const cancelling = new AbortController();
  const first = gate('https://shop.example/cup', { owner: 'test', signal: cancelling.signal });
  const second = gate('https://shop.example/mug', { owner: 'test', signal: new AbortController().signal });
  cancelling.abort(new AppError('cancelled'));
  file.resolve(Buffer.from('User-agent: *\nDisallow: /mug\n'));
  await Promise.all([
    expect(first).rejects.toMatchObject({ code: 'cancelled' }),
    expect(second).rejects.toMatchObject({ code: 'page_disallowed' }),
  ]);
});

test('caches files by size, evicts large ones, and keeps the latest', async () => {
  const { asked, visit } = makeGate(() => `User-agent: *\n${'Disallow: /private/\n'.repeat(20_000)}`);
  const shops = Array.from({ length: 20 }, (_, at) => `https://${at}.example`);
  for (const shop of shops) await visit(`${shop}/cup`);
  await visit(`${shops.at(-1)}/mug`);
  expect(asked).toHaveLength(20);
  await visit(`${shops[0]}/mug`);
  expect(asked.slice(20)).toEqual(['https://0.example/robots.txt']);
});

test('reads a file with thousands of agents and rules', async () => {
  const agents = Array.from({ length: 15_000 }, (_, at) => `User-agent: bot${at}\n`).join('');
  const { visit } = makeGate(() => `${agents}User-agent: cta-batch\n${'Disallow: /cart\n'.repeat(15_000)}`);
  await visit('https://shop.example/cup');
  await expect(visit('https://shop.example/cart')).rejects.toMatchObject({ code: 'page_disallowed' });
});
