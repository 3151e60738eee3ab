import { getHeapStatistics } from 'node:v8';
import { cacheTextVectors } from './cache-text-vectors.ts';
import { type ClipModel, ClipModelError, type ClipModelOptions } from './clip-model.ts';
import { NEGATIVE_PROMPTS, productPrompt } from './clip-prompts.ts';
import { loadClipModel } from './load-clip-model.ts';
import { scoreByClip } from './score-by-clip.ts';

/** What the ranking process is asked. Without images it only loads the model. */
export interface ClipTask extends ClipModelOptions {
  readonly title: string;
  /** Encoded by the image decoder. */
  readonly images: readonly Uint8Array[];
}

/** What it answers: errors lose their class on the way between processes, so they go as data. */
export type ClipAnswer =
  | {
      readonly scores: readonly number[];
      /** Since it started, with this one. */
      readonly pages: number;
      /** By how much its objects have grown since it had the model. */
      readonly grownBytes: number;
    }
  | { readonly unusable: string }
  | { readonly failed: string };

/** Images in one run of the model: more take more memory and hardly less time. */
const BATCH = 8;

let loading: Promise<{ model: ClipModel; bytes: number }> | undefined;
let pages = 0;

/** Scores a page's images. The model is loaded once. Never throws. */
export async function rankByClip({ title, images, ...options }: ClipTask): Promise<ClipAnswer> {
  try {
    loading ??= load(options);
    const { model, bytes } = await loading;
    const scores = await scoreImages(model, title, images);
    if (images.length > 0) pages += 1;
    return { scores, pages, grownBytes: countBytes() - bytes };
  } catch (error) {
    if (error instanceof ClipModelError) return { unusable: error.message };
    return { failed: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

async function load(options: ClipModelOptions) {
  const model = cacheTextVectors(await loadClipModel(options));
  return { model, bytes: countBytes() };
}

async function scoreImages(model: ClipModel, title: string, images: readonly Uint8Array[]) {
  const scores: number[] = [];
  if (images.length === 0) return scores;
  const negatives: Float32Array[] = [];
  for (const prompt of NEGATIVE_PROMPTS) negatives.push(await model.embedText(prompt));
  const product = await model.embedText(productPrompt(title));
  for (let from = 0; from < images.length; from += BATCH) {
    const embedded = await model.embedImages(images.slice(from, from + BATCH));
    scores.push(...scoreByClip(product, negatives, embedded));
  }
  return scores;
}

/** What its objects take, weights and pixels not among them. */
function countBytes(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}
