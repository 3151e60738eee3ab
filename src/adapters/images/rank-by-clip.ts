import { getHeapStatistics } from 'node:v8';
import { cacheTextVectors } from './cache-text-vectors.ts';
import { type ClipModel, ClipModelError, type ClipModelOptions } from './clip-model.ts';
import { NEGATIVE_PROMPTS, productPrompt } from './clip-prompts.ts';
import { loadClipModel } from './load-clip-model.ts';
import { scoreByClip } from './score-by-clip.ts';

/** A request to the ranking process. Without images it only loads the model. */
export interface ClipRequest extends ClipModelOptions {
  readonly title: string;
  /** Encoded by the image decoder. */
  readonly images: readonly Uint8Array[];
}

/** The response. Errors lose their class between processes, so they are sent as data. */
export type ClipResponse =
  | {
      readonly scores: readonly number[];
      /** Number of pages that the process has ranked, including this one. */
      readonly pages: number;
      /** Growth of the objects in the process since it loaded the model. */
      readonly grownBytes: number;
    }
  | { readonly unusable: string }
  | { readonly failed: string };

/** Images per run of the model: more would take more memory and save hardly any time. */
const BATCH = 8;

let loading: Promise<{ model: ClipModel; bytes: number }> | undefined;
let pages = 0;

/** Scores the images of a page. Loads the model once. Never throws. */
export async function rankByClip({ title, images, ...options }: ClipRequest): Promise<ClipResponse> {
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

/** Returns the size of the objects, without weights and pixels. */
function countBytes(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}
