import { createCtaBatchClient } from 'cta-batch-client';

/*
 * Creates previews of a product page and changes one of them.
 *
 * In an application with `cta-batch-client` installed:
 *
 *   CTA_URL=http://127.0.0.1:3000 CTA_TOKEN=… node make-previews.ts https://shop.example/product
 *
 * In this repository, run `npm run build -w cta-batch-client`, and then:
 *
 *   npm exec -- node examples/make-previews.ts …
 */

const cta = createCtaBatchClient({
  url: process.env.CTA_URL ?? 'http://127.0.0.1:3000',
  token: process.env.CTA_TOKEN ?? '',
});

const [url = ''] = process.argv.slice(2);
let batch = await cta.batch.get.query({
  id: (await cta.batch.create.mutate({ sources: [{ url, batchSize: 2 }] })).id,
});
while (batch.status === 'pending' || batch.status === 'running') {
  await new Promise((resolve) => setTimeout(resolve, 500));
  batch = await cta.batch.get.query({ id: batch.id });
}

const { items } = await cta.previews.list.query({ bulkTaskId: batch.id, status: 'done' });
for (const preview of items) {
  process.stdout.write(`${preview.prefill?.headline} -> ${preview.prefill?.backgroundImageUrl}\n`);
}

const [first] = items;
if (first) {
  const patched = await cta.previews.patch.mutate({ id: first.id, prefill: { headline: 'Only this week' } });
  process.stdout.write(`${patched.prefill?.headline}\n`);
}
