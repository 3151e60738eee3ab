import { getHeapStatistics } from 'node:v8';
import { type ClipModel, ClipModelError, type ClipModelOptions } from './clip-model.ts';
import { NEGATIVE_PROMPTS, productPrompt } from './clip-prompts.ts';
import { keepTextVectors } from './keep-text-vectors.ts';
import { loadClipModel } from './load-clip-model.ts';
import { scoreByClip } from './score-by-clip.ts';

/** What the thread is asked. Without pictures it only loads the model. */
export interface ClipTask extends ClipModelOptions {
  readonly title: string;
  /** Encoded by ourselves. */
  readonly pictures: readonly Uint8Array[];
}

/** What it answers; errors lose their class on the way between threads, so a model's goes as data. */
export type ClipAnswer =
  | { readonly scores: readonly number[]; readonly memoryBytes: number }
  | { readonly unusable: string };

/** Pictures in one run of the model: more take more memory and hardly less time. */
const BATCH = 8;

let loading: Promise<ClipModel> | undefined;

/** The task of the thread: scores a page's pictures. The model is loaded once. @public (loaded by its address) */
export default async function rankByClip({ title, pictures, ...options }: ClipTask): Promise<ClipAnswer> {
  let model: ClipModel;
  try {
    loading ??= loadClipModel(options).then((loaded) => keepTextVectors(loaded));
    model = await loading;
  } catch (error) {
    loading = undefined;
    if (error instanceof ClipModelError) return { unusable: error.message };
    throw error;
  }
  const scores: number[] = [];
  if (pictures.length > 0) {
    const negatives: Float32Array[] = [];
    for (const prompt of NEGATIVE_PROMPTS) negatives.push(await model.embedText(prompt));
    const product = await model.embedText(productPrompt(title));
    for (let from = 0; from < pictures.length; from += BATCH) {
      const embedded = await model.embedPictures(pictures.slice(from, from + BATCH));
      scores.push(...scoreByClip(product, negatives, embedded));
    }
  }
  const { used_heap_size, external_memory } = getHeapStatistics();
  return { scores, memoryBytes: used_heap_size + external_memory };
}
