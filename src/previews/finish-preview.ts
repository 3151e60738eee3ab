import { and, eq, sql } from 'drizzle-orm';
import { z } from 'zod';
import { textAnswerSchema } from '../ai-calls/ai-call.ts';
import type { Tx } from '../db/client.ts';
import { aiCalls } from '../db/schema/ai-calls.ts';
import { assets } from '../db/schema/assets.ts';
import { sources } from '../db/schema/batches.ts';
import { previews } from '../db/schema/previews.ts';
import { productImages } from '../db/schema/products.ts';
import { briefSchema } from '../products/product.ts';
import { composePrefill } from './compose-prefill.ts';

/** What an image call keeps beside the picture. */
export const imageAnswerSchema = z.object({ palette: z.array(z.string()) });

/**
 * `running` -> `done`: writes the prefill from both stored answers. The caller holds the batch's lock and knows
 * that both are there. What a person changed before (a regeneration) stays, as it is stored apart.
 */
export async function finishPreview(
  tx: Tx,
  preview: { previewId: string; generation: number },
): Promise<void> {
  const { previewId, generation } = preview;
  const [parts] = await tx
    .select({ brief: sources.brief, key: assets.key, palette: productImages.palette })
    .from(previews)
    .innerJoin(sources, eq(sources.id, previews.sourceId))
    .innerJoin(productImages, eq(productImages.id, previews.imageId))
    .innerJoin(assets, eq(assets.id, productImages.assetId))
    .where(eq(previews.id, previewId));
  const answers = await tx
    .select({
      kind: aiCalls.kind,
      answer: aiCalls.answer,
      key: assets.key,
      provider: aiCalls.provider,
      model: aiCalls.model,
    })
    .from(aiCalls)
    .leftJoin(assets, eq(assets.id, aiCalls.assetId))
    .where(
      and(
        eq(aiCalls.previewId, previewId),
        eq(aiCalls.generation, generation),
        eq(aiCalls.status, 'answered'),
      ),
    );
  const text = answers.find((answer) => answer.kind === 'text');
  const image = answers.find((answer) => answer.kind === 'image');
  if (!parts || !text || !image?.key) throw new Error(`preview ${previewId} has no answers to be made from`);
  const generated = composePrefill({
    brief: briefSchema.parse(parts.brief),
    texts: textAnswerSchema.parse(text.answer),
    productImage: { key: parts.key, palette: parts.palette },
    background: { key: image.key, palette: imageAnswerSchema.parse(image.answer).palette },
  });
  await tx
    .update(previews)
    .set({
      status: 'done',
      generated,
      generator: {
        text: { provider: text.provider, model: text.model },
        image: { provider: image.provider, model: image.model },
      },
      version: sql`${previews.version} + 1`,
      updatedAt: sql`clock_timestamp()`,
      finishedAt: sql`clock_timestamp()`,
    })
    .where(eq(previews.id, previewId));
}
