/** An open bitstream unit: the building block of an AV1 stream (AV1 specification, section 5.3). */
export interface Obu {
  readonly type: number;
  readonly payload: Buffer;
}

/** Values of `obu_type` (AV1 specification, section 6.2.2). */
export const OBU = {
  sequenceHeader: 1,
  temporalDelimiter: 2,
  frameHeader: 3,
  tileGroup: 4,
  metadata: 5,
  frame: 6,
  redundantFrameHeader: 7,
  tileList: 8,
  padding: 15,
} as const;

const MAX_LEB128_BYTES = 8;

/**
 * Yields the OBUs of a stream without copying them. Takes linear time.
 *
 * @throws RangeError for a unit without a size, which libaom refuses too, and for one that does not
 *   fit in `bytes`.
 */
export function* readObus(bytes: Buffer): Generator<Obu> {
  let at = 0;
  while (at < bytes.length) {
    const header = bytes.readUInt8(at);
    const [isForbidden, hasExtension, hasSize] = [header & 0x80, header & 4, header & 2];
    if (isForbidden || !hasSize) throw new RangeError('an OBU with a wrong header');
    const { value: size, end: start } = readLeb128(bytes, at + (hasExtension ? 2 : 1));
    const end = start + size;
    if (end > bytes.length) throw new RangeError('an OBU with a wrong size');
    yield { type: (header >> 3) & 15, payload: bytes.subarray(start, end) };
    at = end;
  }
}

/** Reads 7 bits from each byte, the lowest bits first (AV1 specification, section 4.10.5). */
function readLeb128(bytes: Buffer, start: number): { value: number; end: number } {
  let value = 0;
  for (let index = 0; index < MAX_LEB128_BYTES; index += 1) {
    const byte = bytes.readUInt8(start + index);
    // A shift would lose the bits above 32.
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return { value, end: start + index + 1 };
  }
  throw new RangeError('a number that is too long');
}
