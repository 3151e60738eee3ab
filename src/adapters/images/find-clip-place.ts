import { statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { ClipModelError } from './clip-model.ts';

/** Where a model is, and what is stored as its name. */
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
/** The exact weights first: how well the smaller ones rank depends on who made them. */
const WEIGHTS = [
  { dtype: 'fp32', suffix: '' },
  { dtype: 'fp16', suffix: '_fp16' },
  { dtype: 'q8', suffix: '_quantized' },
] as const;

/**
 * Reads the setting CLIP_MODEL: a folder if there is one of that name, or if it cannot be a hub id.
 *
 * @throws ClipModelError when a folder lacks what a CLIP model is made of.
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
  // A path says where a machine keeps its files: not for those who read the previews.
  return { kind: 'folder', path, name: basename(path), dtype: weights.dtype };
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
