import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/*
 * A CLIP model that is small enough to write by hand but gives meaningful results: the vector of an
 * image is its mean color, and the vector of a text is the mean of the colors of its words. Its
 * files have the names, formats and tensors of real ones, so the code that loads and runs real
 * weights can run it. ONNX is protobuf; the field numbers come from onnx.proto3.
 */

type Vector = readonly [red: number, green: number, blue: number];

/**
 * Words that mean a color. Things that shops put beside products are white; unknown words are
 * slightly gray.
 */
const WORDS: Readonly<Record<string, Vector>> = {
  '[PAD]': [0, 0, 0],
  '[UNK]': [0.01, 0.01, 0.01],
  a: [0, 0, 0],
  red: [1, 0, 0],
  green: [0, 1, 0],
  blue: [0, 0, 1],
  logo: [1, 1, 1],
  banner: [1, 1, 1],
};

/** Writes the model's files into a folder, which it creates. */
export async function writeTinyClip(folder: string): Promise<void> {
  await mkdir(join(folder, 'onnx'), { recursive: true });
  const json = (name: string, content: object) => writeFile(join(folder, name), JSON.stringify(content));
  await json('config.json', { model_type: 'clip', architectures: ['CLIPModel'] });
  await json('preprocessor_config.json', {
    image_processor_type: 'CLIPImageProcessor',
    do_resize: true,
    size: { shortest_edge: 224 },
    resample: 3,
    do_center_crop: true,
    crop_size: { height: 224, width: 224 },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [0.48145466, 0.4578275, 0.40821073],
    image_std: [0.26862954, 0.26130258, 0.27577711],
  });
  await json('tokenizer_config.json', {
    tokenizer_class: 'CLIPTokenizer',
    model_max_length: 77,
    pad_token: '[PAD]',
    unk_token: '[UNK]',
  });
  await json('tokenizer.json', {
    version: '1.0',
    added_tokens: ['[PAD]', '[UNK]'].map((content, id) => ({
      id,
      content,
      special: true,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
    })),
    normalizer: { type: 'BertNormalizer', lowercase: true, clean_text: true, strip_accents: null },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: null,
    decoder: null,
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(Object.keys(WORDS).map((word, id) => [word, id])),
    },
  });
  await writeFile(join(folder, 'onnx/text_model.onnx'), textModel());
  await writeFile(join(folder, 'onnx/vision_model.onnx'), visionModel());
}

/** input_ids [texts, words] -> Gather -> ReduceMean -> text_embeds [texts, 3]. */
function textModel(): Buffer {
  return model({
    nodes: [
      node('Gather', ['words', 'input_ids'], 'vectors'),
      node('ReduceMean', ['vectors'], 'text_embeds', [ints('axes', [1]), int('keepdims', 0)]),
    ],
    weights: tensor('words', [Object.keys(WORDS).length, 3], Object.values(WORDS).flat()),
    input: value('input_ids', INT64, ['texts', 'words']),
    output: value('text_embeds', FLOAT, ['texts', 3]),
  });
}

/**
 * pixel_values [images, 3, 224, 224] -> GlobalAveragePool -> Flatten -> MatMul -> image_embeds
 * [images, 3].
 */
function visionModel(): Buffer {
  return model({
    nodes: [
      node('GlobalAveragePool', ['pixel_values'], 'pooled'),
      node('Flatten', ['pooled'], 'flat'),
      node('MatMul', ['flat', 'projection'], 'image_embeds'),
    ],
    weights: tensor('projection', [3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1]),
    input: value('pixel_values', FLOAT, ['images', 3, 224, 224]),
    output: value('image_embeds', FLOAT, ['images', 3]),
  });
}

const FLOAT = 1;
const INT64 = 7;
const IR_VERSION = 8;
const OPSET = 17;

function varint(number: number): Buffer {
  const bytes: number[] = [];
  let rest = number;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

function num(field: number, number: number): Buffer {
  return Buffer.concat([varint(field << 3), varint(number)]);
}

function message(field: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([varint((field << 3) | 2), varint(body.length), body]);
}

function str(field: number, text: string): Buffer {
  return message(field, Buffer.from(text));
}

function int(name: string, number: number): Buffer {
  return message(5, str(1, name), num(3, number), num(20, 2));
}

function ints(name: string, numbers: readonly number[]): Buffer {
  return message(5, str(1, name), ...numbers.map((number) => num(8, number)), num(20, 7));
}

function node(
  operator: string,
  inputs: readonly string[],
  output: string,
  attributes: Buffer[] = [],
): Buffer {
  return message(1, ...inputs.map((name) => str(1, name)), str(2, output), str(4, operator), ...attributes);
}

function tensor(name: string, dims: readonly number[], values: readonly number[]): Buffer {
  const raw = Buffer.from(Float32Array.from(values).buffer);
  return message(5, ...dims.map((dim) => num(1, dim)), num(2, FLOAT), str(8, name), message(9, raw));
}

function value(name: string, type: number, dims: readonly (string | number)[]) {
  const shape = dims.map((dim) => message(1, typeof dim === 'number' ? num(1, dim) : str(2, dim)));
  return [str(1, name), message(2, message(1, num(1, type), message(2, ...shape)))];
}

function model(graph: { nodes: Buffer[]; weights: Buffer; input: Buffer[]; output: Buffer[] }): Buffer {
  return Buffer.concat([
    num(1, IR_VERSION),
    message(
      7,
      ...graph.nodes,
      str(2, 'tiny'),
      graph.weights,
      message(11, ...graph.input),
      message(12, ...graph.output),
    ),
    message(8, num(2, OPSET)),
  ]);
}
