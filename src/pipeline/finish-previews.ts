import { and, eq, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import { z } from 'zod';
import { copyAnswerSchema } from '../ai-calls/ai-call.ts';
import { composePrefill } from '../creative/compose-prefill.ts';
import { prepareOnce, type Tx } from '../db/client.ts';
import { prepareSql } from '../db/prepare-sql.ts';
import { aiCalls } from '../db/schema/ai-calls.ts';
import { assets } from '../db/schema/assets.ts';
import { sources } from '../db/schema/batches.ts';
import { previews } from '../db/schema/previews.ts';
import { productImages } from '../db/schema/products.ts';
import { briefSchema } from '../products/product.ts';
import type { BatchLock } from './lock-batches.ts';
import { usageOf } from './refresh-usage.ts';

/** The part of an image call's answer that is stored beside the image. */
export const backgroundAnswerSchema = z.object({ palette: z.array(z.string()) });

/** A stored answer of a preview, with the page's part of the prefill. */
export type PrefillPart = Awaited<ReturnType<typeof loadParts>>[number];

const selectParts = prepareOnce((orm) => {
  const background = alias(assets, 'background');
  return orm
    .select({
      previewId: previews.id,
      brief: sources.brief,
      productKey: assets.key,
      palette: productImages.palette,
      kind: aiCalls.kind,
      answer: aiCalls.answer,
      provider: aiCalls.provider,
      model: aiCalls.model,
      backgroundKey: background.key,
    })
    .from(previews)
    .innerJoin(sources, eq(sources.id, previews.sourceId))
    .innerJoin(productImages, eq(productImages.id, previews.imageId))
    .innerJoin(assets, eq(assets.id, productImages.assetId))
    .innerJoin(
      aiCalls,
      and(
        eq(aiCalls.previewId, previews.id),
        eq(aiCalls.generation, previews.generation),
        eq(aiCalls.status, 'answered'),
      ),
    )
    .leftJoin(background, eq(background.id, aiCalls.assetId))
    .where(eq(previews.id, sql`any(${sql.placeholder('previewIds')})`))
    .prepare('load_prefill_parts');
});

/** Loads the answers of each preview's present generation. */
export function loadParts(tx: Tx, previewIds: readonly string[]) {
  return selectParts(tx).execute({ previewIds });
}

/**
 * `running` -> `done`: composes the prefill of each preview from its two answers (`loadParts`) and
 * stores it. Throws if an answer is missing. Changes that a person made before a regeneration stay,
 * as they are stored apart.
 */
export async function finishPreviews(
  lock: BatchLock,
  previewIds: readonly string[],
  parts: readonly PrefillPart[],
): Promise<void> {
  if (previewIds.length === 0) return;
  const partsOf = Map.groupBy(parts, (part) => part.previewId);
  const values = previewIds.map((previewId) => {
    const answers = partsOf.get(previewId) ?? [];
    const text = answers.find((answer) => answer.kind === 'text');
    const image = answers.find((answer) => answer.kind === 'image');
    if (!text || !image?.backgroundKey)
      throw new Error(`preview ${previewId} is finished without its answers`);
    const generated = composePrefill({
      brief: briefSchema.parse(text.brief),
      texts: copyAnswerSchema.parse(text.answer),
      productImage: { key: text.productKey, palette: text.palette },
      background: { key: image.backgroundKey, palette: backgroundAnswerSchema.parse(image.answer).palette },
    });
    const generator = {
      text: { provider: text.provider, model: text.model },
      image: { provider: image.provider, model: image.model },
    };
    return { id: previewId, generated, generator };
  });
  await finish(lock, { rows: JSON.stringify(values) });
}

const finish = prepareSql(
  'finish_previews',
  sql`
    update cta.previews p set
      status = 'done', generated = v.generated, generator = v.generator, version = p.version + 1,
      updated_at = clock_timestamp(), finished_at = clock_timestamp(), ${usageOf(sql`p.id`)}
    from jsonb_to_recordset(${sql.placeholder('rows')}::jsonb) as v (id uuid, generated jsonb, generator jsonb)
    where p.id = v.id`,
);
