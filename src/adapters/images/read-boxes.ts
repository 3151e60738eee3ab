/** A box of the ISO base media file format (ISO/IEC 14496-12). `content` follows its header. */
export interface Box {
  readonly type: string;
  readonly content: Buffer;
}

/** Returns the top-level boxes in `bytes`. Throws a RangeError for more than `max` boxes. */
export function readBoxes(bytes: Buffer, max: number): Box[] {
  const boxes: Box[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (boxes.length === max) throw new RangeError('too many boxes');
    const type = bytes.toString('latin1', at + 4, at + 8);
    const short = bytes.readUInt32BE(at);
    const head = short === 1 ? 16 : 8;
    const size = findSize(bytes, at, short);
    if (size < head || at + size > bytes.length) throw new RangeError(`the box ${type} has a wrong size`);
    boxes.push({ type, content: bytes.subarray(at + head, at + size) });
    at += size;
  }
  return boxes;
}

function findSize(bytes: Buffer, at: number, short: number): number {
  if (short === 0) return bytes.length - at;
  return short === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : short;
}

/** Reads big-endian numbers in sequence. Throws a RangeError beyond the end, as `Buffer` does. */
export class ByteReader {
  private at = 0;
  private readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** Reads an unsigned number of 0 to 8 bytes; returns 0 for no bytes. */
  number(size: number): number {
    if (this.at + size > this.bytes.length) throw new RangeError('a box ends too early');
    let value = 0;
    for (const end = this.at + size; this.at < end; this.at += 1)
      value = value * 256 + (this.bytes[this.at] ?? 0);
    return value;
  }

  type(): string {
    return String.fromCharCode(this.number(1), this.number(1), this.number(1), this.number(1));
  }

  rest(): Buffer {
    return this.bytes.subarray(this.at);
  }
}
