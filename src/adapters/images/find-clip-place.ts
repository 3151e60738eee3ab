import { statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { ClipModelError } from './clip-model.ts';

/** The place of a model, and the name that is stored for it. */
export type ClipPlace =
  | { readonly kind: 'hub'; readonly id: string; readonly name: string }
  | {
      readonly kind: 'folder';
      readonly path: string;
      readonly name: string;
      readonly dtype: 'fp32' | 'fp16' | 'q8';
    };

const HUB_ID = /^\w[\w.-]*\/\w[\w.-]*$/;
const FILES = ['config.json', 'preprocessor_config.json', 'tokenizer.json', 'tokenizer_config.json'];
/** The exact weights come first: the quality of smaller ones depends on their author. */
const WEIGHTS = [
  { dtype: 'fp32', suffix: '' },
  { dtype: 'fp16', suffix: '_fp16' },
  { dtype: 'q8', suffix: '_quantized' },
] as const;

/**
 * Interprets the setting CLIP_MODEL: it is a folder if one of that name exists, or if it cannot be
 * a hub id.
 *
 * @throws ClipModelError when the folder lacks a file that a CLIP model needs.
 */
export function findClipPlace(model: string): ClipPlace {
  const path = resolve(model);
  if (HUB_ID.test(model) && !isThere(path)) return { kind: 'hub', id: model, name: model };
  if (!isThere(path)) throw new ClipModelError(`there is no folder ${path}`);
  const missing = FILES.find((file) => !isThere(join(path, file)));
  if (missing !== undefined) throw new ClipModelError(`the folder ${path} has no ${missing}`);
  const weights = WEIGHTS.find(({ suffix }) =>
    ['text', 'vision'].every((part) => isThere(join(path, 'onnx', `${part}_model${suffix}.onnx`))),
  );
  if (weights === undefined) {
    throw new ClipModelError(`the folder ${path} has no onnx/text_model.onnx and onnx/vision_model.onnx`);
  }
  // Store only the last part of the path: readers of previews must not learn where the machine
  // keeps its files.
  return { kind: 'folder', path, name: basename(path), dtype: weights.dtype };
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
