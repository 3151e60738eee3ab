import { AppError } from '../../lib/app-error.ts';
import { checkCodedImage } from './check-coded-image.ts';
import { ByteReader, readBoxes } from './read-boxes.ts';
import { type HeifItem, type HeifItems, readHeifItems } from './read-heif-items.ts';

/**
 * Types of items that a file may have. Only images are decoded. Other types are derived from
 * images, and could use the same image many times.
 */
const ITEM_TYPES: ReadonlySet<string> = new Set(['av01', 'grid', 'Exif', 'mime', 'uri ']);
const MAX_TOP_BOXES = 64;

interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * Checks the boxes of an AVIF before a decoder reads it. Allows one coded image, or a grid that
 * uses each tile once, and at most one alpha plane of the same size. Each coded image must be one
 * frame of the stated size.
 * libheif itself decodes planes of any size, one tile 256 times, and any number of frames for one
 * image. Image sequences are refused, as libvips does.
 *
 * @throws AppError `no_usable_picture` for any other file, and for more than `maxPixels`.
 */
export function checkAvif(bytes: Buffer, maxPixels: number): void {
  try {
    const boxes = readBoxes(bytes, MAX_TOP_BOXES);
    if (boxes.some(({ type }) => type === 'moov')) throw new RangeError('an image sequence');
    const heif = readHeifItems(bytes, boxes);
    for (const { type } of heif.items.values()) {
      if (!ITEM_TYPES.has(type)) throw new RangeError(`an item of the type ${type}`);
    }
    const { width, height } = measureImage(heif, heif.primary, maxPixels);
    if (width * height > maxPixels) throw new RangeError('too many pixels');
    checkAuxiliaries(heif, maxPixels);
    checkCodedImages(heif);
  } catch (cause) {
    throw new AppError('no_usable_picture', { cause });
  }
}

/** Returns the size of a coded image, or of a grid that its tiles cover once. */
function measureImage(heif: HeifItems, id: number, maxPixels: number): Size {
  const item = findItem(heif, id);
  const size = readSize(item);
  if (item.type === 'av01') return size;
  if (item.type !== 'grid') throw new RangeError('the image is no image');
  const tiles = item.references.get('dimg') ?? [];
  const [first] = tiles.map((tile) => measureTile(heif, tile));
  const grid = readGrid(heif.readData(id));
  const isEven = tiles.every((tile) => isSame(measureTile(heif, tile), first));
  if (first === undefined || !isEven || new Set(tiles).size !== tiles.length) {
    throw new RangeError('a grid of uneven or repeated tiles');
  }
  const { rows, columns } = grid;
  const covers =
    tiles.length === rows * columns &&
    isSame(grid, size) &&
    isCovered(size.width, columns, first.width) &&
    isCovered(size.height, rows, first.height);
  if (!covers || tiles.length * first.width * first.height > maxPixels) {
    throw new RangeError('a grid that its tiles do not fit');
  }
  return size;
}

function measureTile(heif: HeifItems, id: number): Size {
  const item = findItem(heif, id);
  if (item.type !== 'av01') throw new RangeError('a tile that is no coded image');
  return readSize(item);
}

/** Whether the tiles cover the length and all of them are needed. */
function isCovered(length: number, tiles: number, tileLength: number): boolean {
  return length > (tiles - 1) * tileLength && length <= tiles * tileLength;
}

/** Checks alpha planes and other auxiliary images: each image has at most one, of the same size. */
function checkAuxiliaries(heif: HeifItems, maxPixels: number): void {
  const seen = new Set<number>();
  for (const [id, item] of heif.items) {
    const images = item.references.get('auxl') ?? [];
    const size = images.length === 0 ? undefined : measureImage(heif, id, maxPixels);
    for (const image of images) {
      if (!isSame(readSize(findItem(heif, image)), size) || seen.has(image))
        throw new RangeError('an alpha plane of another size, or a second one');
      seen.add(image);
    }
  }
}

function checkCodedImages(heif: HeifItems): void {
  for (const [id, item] of heif.items) {
    if (item.type !== 'av01') continue;
    checkCodedImage({ ...readSize(item), config: readConfig(item), data: heif.readData(id) });
  }
}

/** Returns the OBUs of `av1C`, which follow 4 bytes (AV1 in ISO base media, section 2.3.3). */
function readConfig({ properties }: HeifItem): Buffer {
  const [av1C, second] = properties.filter(({ type }) => type === 'av1C');
  if (av1C === undefined || second !== undefined) throw new RangeError('not one configuration');
  return av1C.content.subarray(4);
}

function findItem(heif: HeifItems, id: number): HeifItem {
  const item = heif.items.get(id);
  if (item === undefined) throw new RangeError('an item that is not there');
  return item;
}

function readSize({ properties }: HeifItem): Size {
  const [ispe, second] = properties.filter(({ type }) => type === 'ispe');
  if (ispe === undefined || second !== undefined) throw new RangeError('an image without one size');
  const reader = new ByteReader(ispe.content);
  reader.number(4);
  const [width, height] = [reader.number(4), reader.number(4)];
  if (width === 0 || height === 0) throw new RangeError('an image without pixels');
  return { width, height };
}

function readGrid(data: Buffer): Size & { rows: number; columns: number } {
  const reader = new ByteReader(data);
  reader.number(1);
  const sideBytes = (reader.number(1) & 1) === 1 ? 4 : 2;
  const [rows, columns] = [reader.number(1) + 1, reader.number(1) + 1];
  return { rows, columns, width: reader.number(sideBytes), height: reader.number(sideBytes) };
}

function isSame(one: Size, other: Size | undefined): boolean {
  return one.width === other?.width && one.height === other.height;
}
