import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import sharp from 'sharp';
import { type ClipModel, ClipModelError, type ClipModelOptions, normalizeVector } from './clip-model.ts';
import { type ClipPlace, findClipPlace } from './find-clip-place.ts';

type Library = typeof import('@huggingface/transformers');

/** Far more than the 77 tokens that CLIP reads. The time of the tokenizer grows with the length. */
const MAX_TEXT_LENGTH = 1000;

/** Reports the download of a file, in bytes. `total` is 0 if the hub does not report it. */
export type OnProgress = (file: string, loaded: number, total: number) => void;

/**
 * Loads a CLIP model into this thread and tests it. Downloads a hub model into the cache folder
 * unless it is already there. A model in a folder needs no network.
 *
 * @throws ClipModelError
 */
export async function loadClipModel(options: ClipModelOptions, onProgress?: OnProgress): Promise<ClipModel> {
  const place = findClipPlace(options.model);
  const library = await importLibrary();
  library.env.cacheDir = resolve(options.cacheFolder);
  library.env.logLevel = library.LogLevel.ERROR;
  try {
    const model = await readModel(library, place, onProgress);
    await tryModel(model);
    return model;
  } catch (cause) {
    throw new ClipModelError(explain(cause, place), { cause });
  }
}

async function importLibrary(): Promise<Library> {
  try {
    return await import('@huggingface/transformers');
  } catch (cause) {
    const help =
      'the optional package @huggingface/transformers cannot be used here: install it with "npm install @huggingface/transformers@4.3.1", or set IMAGE_RANKER=heuristic';
    throw new ClipModelError(`${help} (${(cause as Error).message.split('\n', 1)[0]})`, { cause });
  }
}

async function readModel(library: Library, place: ClipPlace, onProgress?: OnProgress): Promise<ClipModel> {
  const id = place.kind === 'hub' ? place.id : place.path;
  const fileOptions = {
    local_files_only: place.kind === 'folder',
    progress_callback: (event: { status: string; file?: string; loaded?: number; total?: number }) => {
      if (event.status === 'progress') onProgress?.(event.file ?? '', event.loaded ?? 0, event.total ?? 0);
    },
  };
  const modelOptions = {
    ...fileOptions,
    device: 'cpu' as const,
    dtype: place.kind === 'hub' ? ('fp32' as const) : place.dtype,
    // Use half of the cores and leave the others to the rest of the program.
    session_options: { intraOpNumThreads: Math.max(1, availableParallelism() >> 1) },
  };
  const tokenizer = await library.AutoTokenizer.from_pretrained(id, fileOptions);
  const processor = await library.AutoProcessor.from_pretrained(id, fileOptions);
  const text = await library.CLIPTextModelWithProjection.from_pretrained(id, modelOptions);
  const vision = await library.CLIPVisionModelWithProjection.from_pretrained(id, modelOptions);
  return {
    async embedText(words) {
      const { text_embeds } = await text(tokenizer(shorten(words)));
      return toVectors(text_embeds)[0] ?? new Float32Array();
    },
    async embedImages(images) {
      const { pixel_values } = await processor(await Promise.all(images.map(readPixels)));
      const { image_embeds } = await vision({ pixel_values });
      return toVectors(image_embeds);
    },
  };

  /**
   * Shortens a text to as many tokens as the model reads. If the library shortened it, the token
   * that marks the end of the text would be missing, and the model computes the vector there.
   */
  function shorten(words: string): string {
    let short = words.slice(0, MAX_TEXT_LENGTH).toWellFormed();
    while (short.length > 1 && tokenizer.encode(short).length > tokenizer.model_max_length)
      short = short.slice(0, Math.floor(short.length * 0.9)).toWellFormed();
    return short;
  }

  /** Shows transparent parts on white, as in a shop. */
  async function readPixels(bytes: Uint8Array) {
    const { data, info } = await sharp(bytes)
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    return new library.RawImage(new Uint8ClampedArray(data), info.width, info.height, 3);
  }
}

function toVectors(tensor: { data: Float32Array; dims: number[] }): Float32Array[] {
  const [count = 0, size = 0] = tensor.dims;
  return Array.from({ length: count }, (_, at) =>
    normalizeVector(tensor.data.slice(at * size, (at + 1) * size)),
  );
}

/** Runs the model once, to detect files that do not belong together before a page needs them. */
async function tryModel(model: ClipModel): Promise<void> {
  const create = { width: 64, height: 64, channels: 3, background: '#c03020' } as const;
  const text = await model.embedText('a red square');
  const [image] = await model.embedImages([await sharp({ create }).jpeg().toBuffer()]);
  if (image?.length !== text.length)
    throw new Error('its texts and its images have vectors of different sizes');
}

function explain(error: unknown, place: ClipPlace): string {
  if (error instanceof ClipModelError) return error.message;
  const reasons = new Set<string>();
  for (let link = error; link instanceof Error; link = link.cause) {
    reasons.add(link.message.split('\n', 1)[0] ?? '');
  }
  const reason = [...reasons].join(': ');
  return place.kind === 'folder'
    ? `the files in ${place.path} are not a CLIP model that can be loaded: ${reason}`
    : `it is not in the cache and cannot be fetched from the hub, or it is not a CLIP model in ONNX format: ${reason}`;
}
