import { type Box, ByteReader, readBoxes } from './read-boxes.ts';

/** An item of a HEIF file (ISO/IEC 23008-12): an image, or data that belongs to an image. */
export interface HeifItem {
  readonly type: string;
  readonly properties: readonly Box[];
  /** The ids of the items that this item refers to, by the type of the reference. */
  readonly references: ReadonlyMap<string, readonly number[]>;
}

/** The contents of the `meta` box of a file. */
export interface HeifItems {
  readonly primary: number;
  readonly items: ReadonlyMap<number, HeifItem>;
  /**
   * Returns all data of an item. Copies it only if it has several extents. All copies together have
   * at most as many bytes as the file.
   */
  readData(id: number): Buffer;
}

/** A grid of 256 tiles, a second grid for alpha, a thumbnail, Exif and XMP make about 520 items. */
const MAX_ITEMS = 600;
const MAX_PROPERTIES = 256;
const MAX_CHILDREN = 64;
const MAX_EXTENTS = 16;

/**
 * Reads the items of a file from its boxes. Takes linear time.
 *
 * @throws RangeError for broken, ambiguous or excessive data, because it is unknown how a decoder
 *   reads it.
 */
export function readHeifItems(file: Buffer, boxes: readonly Box[]): HeifItems {
  const meta = readBoxes(find(boxes, 'meta').content.subarray(4), MAX_CHILDREN);
  const iprp = readBoxes(find(meta, 'iprp').content, MAX_CHILDREN);
  const properties = readProperties(
    find(iprp, 'ipma'),
    readBoxes(find(iprp, 'ipco').content, MAX_PROPERTIES),
  );
  const references = readReferences(
    meta.some(({ type }) => type === 'iref') ? find(meta, 'iref') : undefined,
  );
  const places = readPlaces(find(meta, 'iloc'));
  let copied = 0;
  const items = new Map<number, HeifItem>();
  for (const [id, type] of readTypes(find(meta, 'iinf'))) {
    items.set(id, {
      type,
      properties: properties.get(id) ?? [],
      references: references.get(id) ?? new Map(),
    });
  }
  return {
    primary: readPrimary(find(meta, 'pitm')),
    items,
    readData(id) {
      const place = places.get(id);
      if (place === undefined) throw new RangeError('an item without data');
      const source = place.isInside ? find(meta, 'idat').content : file;
      const parts = place.extents.map((extent) => cut(source, extent));
      const [first] = parts;
      if (parts.length === 1 && first !== undefined) return first;
      // Extents can overlap, so their total can exceed the size of the file.
      for (const { length } of parts) copied += length;
      if (copied > file.length) throw new RangeError('items with too much data');
      return Buffer.concat(parts);
    },
  };
}

function find(boxes: readonly Box[], type: string): Box {
  const [box, second] = boxes.filter((each) => each.type === type);
  if (box === undefined || second !== undefined) throw new RangeError(`there is not one box ${type}`);
  return box;
}

/** Opens a box that begins with a version and flags. */
function open({ content }: Box): { version: number; flags: number; reader: ByteReader } {
  const reader = new ByteReader(content);
  return { version: reader.number(1), flags: reader.number(3), reader };
}

function readPrimary(pitm: Box): number {
  const { version, reader } = open(pitm);
  return reader.number(version === 0 ? 2 : 4);
}

function readTypes(iinf: Box): Map<number, string> {
  const { version, reader } = open(iinf);
  reader.number(version === 0 ? 2 : 4);
  const types = new Map<number, string>();
  for (const infe of readBoxes(reader.rest(), MAX_ITEMS)) {
    const { version: kind, reader: entry } = open(infe);
    if (infe.type !== 'infe' || kind < 2) throw new RangeError('an item without a type');
    const id = entry.number(kind === 2 ? 2 : 4);
    entry.number(2);
    if (types.has(id)) throw new RangeError('an item is described twice');
    types.set(id, entry.type());
  }
  return types;
}

function readReferences(iref: Box | undefined): Map<number, Map<string, readonly number[]>> {
  const references = new Map<number, Map<string, readonly number[]>>();
  if (iref === undefined) return references;
  const { version, reader } = open(iref);
  const idBytes = version === 0 ? 2 : 4;
  for (const { type, content } of readBoxes(reader.rest(), MAX_ITEMS)) {
    const entry = new ByteReader(content);
    const from = entry.number(idBytes);
    const count = limit(entry.number(2), MAX_ITEMS);
    const own = references.get(from) ?? new Map<string, readonly number[]>();
    if (own.has(type)) throw new RangeError('an item has two lists of references of a type');
    own.set(
      type,
      Array.from({ length: count }, () => entry.number(idBytes)),
    );
    references.set(from, own);
  }
  return references;
}

function readProperties(ipma: Box, properties: readonly Box[]): Map<number, Box[]> {
  const { version, flags, reader } = open(ipma);
  const count = limit(reader.number(4), MAX_ITEMS);
  const byItem = new Map<number, Box[]>();
  // The highest bit marks a property that a reader must support.
  const [indexBytes, indexMask] = (flags & 1) === 1 ? [2, 0x7fff] : [1, 0x7f];
  for (let entry = 0; entry < count; entry += 1) {
    const id = reader.number(version === 0 ? 2 : 4);
    if (byItem.has(id)) throw new RangeError('an item has two lists of properties');
    const indexes = Array.from({ length: reader.number(1) }, () => reader.number(indexBytes) & indexMask);
    // Indexes start at 1; 0 means no property.
    byItem.set(
      id,
      indexes.flatMap((index) => properties[index - 1] ?? []),
    );
  }
  return byItem;
}

interface Extent {
  readonly offset: number;
  readonly length: number;
}

/** The location of an item's data: its extents, in order. */
interface Place {
  /** Whether the data is in the `meta` box itself. */
  readonly isInside: boolean;
  readonly extents: readonly Extent[];
}

/**
 * Refuses an extent of length 0: for some readers it is the rest of the file, for others nothing.
 */
function cut(source: Buffer, { offset, length }: Extent): Buffer {
  if (length === 0 || offset + length > source.length)
    throw new RangeError('an item has data outside of the file');
  return source.subarray(offset, offset + length);
}

function readPlaces(iloc: Box): Map<number, Place> {
  const { version, reader } = open(iloc);
  const sizes = reader.number(2);
  const [offsetBytes, lengthBytes, baseBytes, indexBytes] = [sizes >> 12, sizes >> 8, sizes >> 4, sizes].map(
    (size) => limit(size & 15, 8),
  ) as [number, number, number, number];
  const idBytes = version < 2 ? 2 : 4;
  const count = limit(reader.number(idBytes), MAX_ITEMS);
  const places = new Map<number, Place>();
  for (let entry = 0; entry < count; entry += 1) {
    const id = reader.number(idBytes);
    // 0: in the file, 1: in `idat`, 2: in another item.
    const method = limit(version > 0 ? reader.number(2) & 15 : 0, 1);
    if (reader.number(2) !== 0) throw new RangeError('an item is in another file');
    const base = reader.number(baseBytes);
    const extents = Array.from({ length: limit(reader.number(2), MAX_EXTENTS) }, () => {
      if (version > 0) reader.number(indexBytes);
      return { offset: base + reader.number(offsetBytes), length: reader.number(lengthBytes) };
    });
    if (places.has(id)) throw new RangeError('an item has two places');
    places.set(id, { isInside: method === 1, extents });
  }
  return places;
}

function limit(count: number, most: number): number {
  if (count > most) throw new RangeError('there is too much of something');
  return count;
}
