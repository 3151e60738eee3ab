import { randomBytes } from 'node:crypto';
import type { Batch } from '../../src/batches/batch.ts';
import { createBatch } from '../../src/batches/create-batch.ts';
import { workers } from '../../src/db/schema/workers.ts';
import { createId } from '../../src/lib/ids.ts';
import { assignImages } from '../../src/pipeline/assign-images.ts';
import { type ClaimedCall, claimCalls } from '../../src/pipeline/claim-calls.ts';
import { claimSources } from '../../src/pipeline/claim-sources.ts';
import { createAnswerSettler } from '../../src/pipeline/settle-answer.ts';
import { storeBackground, storeCopy } from '../../src/pipeline/store-answer.ts';
import type { ProductImage, ReadProduct } from '../../src/products/product.ts';
import type { TestDatabase } from './test-database.ts';

/** The parts of a test database that are needed to insert rows. */
export type SeedDatabase = Pick<TestDatabase, 'orm' | 'deps'>;

export const providers = {
  text: { provider: 'test', model: 'text-1' },
  image: { provider: 'test', model: 'image-1' },
};

/** Adds a worker's row without a process. */
export async function addWorker(db: SeedDatabase): Promise<string> {
  const id = createId();
  await db.orm.insert(workers).values({ id });
  return id;
}

export function makeProduct(address = 'https://shop.example/red-shoe'): ReadProduct {
  return {
    address,
    title: 'Red Shoe',
    description: 'A shoe that is red.',
    brand: 'Example',
    sku: 'R-1',
    gtin: null,
    mpn: null,
    priceAmount: '46.00',
    priceCurrency: 'EUR',
    priceText: '€46.00',
    availability: 'InStock',
    language: 'en',
    provenance: { title: 'json-ld' },
  };
}

export function makeImages(count: number): ProductImage[] {
  return Array.from({ length: count }, (_, i) => ({
    url: `https://shop.example/${i}.jpg`,
    alt: null,
    bytes: randomBytes(64),
    contentType: 'image/jpeg',
    width: 800,
    height: 800,
    palette: ['#b00020', '#eeeeee'],
    score: 1 - i / 10,
  }));
}

/** Adds a batch whose pages have been read, so all its previews are queued. */
export async function addQueuedBatch(
  db: SeedDatabase,
  workspaceId: string,
  sizes: readonly number[],
): Promise<Batch> {
  const workerId = await addWorker(db);
  const batch = await createBatch(db.deps, {
    workspaceId,
    batch: {
      sources: sizes.map((batchSize, i) => ({ url: `https://shop.example/${createId()}/${i}`, batchSize })),
    },
  });
  const { work } = await claimSources(db.deps, { workerId, limit: 100 });
  for (const source of work) {
    await assignImages(db.deps, source, {
      product: makeProduct(source.url),
      images: makeImages(Math.min(source.batchSize, 3)),
      ranking: { method: 'heuristic', model: null },
    });
  }
  return batch;
}

/** Claims up to `limit` starts or retries. */
export async function claim(
  db: SeedDatabase,
  workerId: string,
  limit = 100,
): Promise<readonly ClaimedCall[]> {
  return (await claimCalls(db.deps, { workerId, providers, limit })).work;
}

const usage = { model: 'test-1', inputTokens: 10, outputTokens: 20 };

/** Stores an answer to a call, as the steps do when it arrives. */
export function answer(db: SeedDatabase, call: ClaimedCall): Promise<'in_time' | 'late'> {
  if (call.kind === 'text') {
    const texts = { headline: 'A red shoe', subheadline: null, body: 'Red.', ctaText: 'Buy' };
    return storeCopy(db.deps, call, { texts, usage });
  }
  const image = { bytes: randomBytes(64), contentType: 'image/png', width: 8, height: 8 };
  return storeBackground(db.deps, call, { image, palette: ['#224466'], usage });
}

/** Stores answers to calls and settles their previews. */
export async function finish(db: SeedDatabase, calls: readonly ClaimedCall[]): Promise<void> {
  for (const call of calls) {
    if ((await answer(db, call)) === 'in_time') await createAnswerSettler(db.deps).settle(call);
  }
}
