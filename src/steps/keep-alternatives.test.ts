import { expect, test } from 'vitest';
import { quietLog } from '../../test/support/quiet-log.ts';
import type { RankedImage } from '../adapters/images/ranker.ts';
import type { ClaimedSource } from '../pipeline/claim-sources.ts';
import { createAlternativesKeeper } from './keep-alternatives.ts';

type Deps = Parameters<typeof createAlternativesKeeper>[0];

const ranking = { method: 'heuristic' as const, model: null };
const images = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ image: { url: `https://shop.example/${at}.jpg` }, score: 1 }));

/** Creates a keeper that makes its copies with `copyImages`. Copies are counted and not stored. */
function openKeeper(copyImages: Deps['copyImages']) {
  const stopping = new AbortController();
  let stored = 0;
  const transact = async () => {
    stored += 1;
  };
  const deps = { log: quietLog, copyImages, transact } as unknown as Deps;
  const keeper = createAlternativesKeeper(deps, stopping.signal);
  const page = (workspaceId: string, count = 20) =>
    keeper.keep({ workspaceId, sourceId: workspaceId } as ClaimedSource, {
      best: images(count) as unknown as RankedImage[],
      copies: [],
      ranking,
    });
  return { page, stop: () => stopping.abort(), idle: keeper.idle, stored: () => stored };
}

test('endless copies of one workspace do not delay the pages of another', async () => {
  const copied: string[] = [];
  const { page, stop, idle } = openKeeper(
    (_images, { owner, signal }) =>
      new Promise((_, reject) => {
        copied.push(owner);
        signal.addEventListener('abort', () => reject(signal.reason));
      }),
  );
  const alice = Array.from({ length: 10 }, () => page('alice'));
  await Promise.all(Array.from({ length: 4 }, () => page('bob')));
  stop();
  await Promise.all(alice);
  await idle();
  expect(copied.filter((owner) => owner === 'alice').length).toBeLessThanOrEqual(1);
});

test('queues the images of at most eight pages over all workspaces', async () => {
  const released = Promise.withResolvers<void>();
  const copied = new Set<string>();
  const { page, idle } = openKeeper(async (_images, { owner }) => {
    await released.promise;
    copied.add(owner);
    return [];
  });
  let free = 0;
  const readPages = (count: number) =>
    Array.from({ length: count }, async (_, at) => {
      await page(`workspace ${at}`);
      free += 1;
    });
  const pages = readPages(12);
  await new Promise(setImmediate);
  expect(free).toBe(8);
  // A page without alternatives does not wait for the others.
  await page('without alternatives', 0);
  released.resolve();
  await Promise.all(pages);
  await idle();
  expect(copied.size).toBe(12);
  // The slots are free again.
  const later = readPages(12);
  await new Promise(setImmediate);
  expect(free).toBe(12 + 8);
  await Promise.all(later);
});

test('gives up a page after two failed images', async () => {
  let tried = 0;
  const { page, idle } = openKeeper(async () => {
    tried += 1;
    return [];
  });
  await page('alice');
  await idle();
  expect(tried).toBe(2);
});
