/** The parts of a sequence header that bound the cost of decoding a frame. */
export interface SequenceHeader {
  /**
   * Whether frame headers are reduced: they are shorter and cannot show an existing frame again.
   */
  readonly isReduced: boolean;
  /** The maximum for frames, which can be smaller. */
  readonly width: number;
  readonly height: number;
}

/**
 * Reads the start of a `sequence_header_obu` (AV1 specification, section 5.5.1), up to the size of
 * frames.
 *
 * @throws RangeError if the payload ends before that.
 */
export function readSequenceHeader(payload: Buffer): SequenceHeader {
  const bits = new BitReader(payload);
  bits.skip(3 + 1); // seq_profile, still_picture
  const isReduced = bits.flag();
  if (isReduced) bits.skip(5);
  else skipOperatingPoints(bits);
  const [widthBits, heightBits] = [bits.number(4) + 1, bits.number(4) + 1];
  return { isReduced, width: bits.number(widthBits) + 1, height: bits.number(heightBits) + 1 };
}

function skipOperatingPoints(bits: BitReader): void {
  const delayBits = bits.flag() ? skipTimingInfo(bits) : 0;
  const hasDisplayDelay = bits.flag();
  const points = bits.number(5) + 1;
  for (let point = 0; point < points; point += 1) {
    bits.skip(12);
    const level = bits.number(5);
    if (level > 7) bits.skip(1);
    if (delayBits > 0 && bits.flag()) bits.skip(2 * delayBits + 1);
    if (hasDisplayDelay && bits.flag()) bits.skip(4);
  }
}

/** Returns the number of bits of each delay of an operating point; 0 if these have no delays. */
function skipTimingInfo(bits: BitReader): number {
  bits.skip(32 + 32);
  if (bits.flag()) bits.skipExpGolomb();
  if (!bits.flag()) return 0;
  const delayBits = bits.number(5) + 1;
  bits.skip(32 + 5 + 5);
  return delayBits;
}

/**
 * Reads numbers of any length in bits, the highest bit first. Throws a RangeError beyond the end.
 */
class BitReader {
  private at = 0;
  private readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  flag(): boolean {
    const byte = this.bytes.readUInt8(this.at >> 3);
    const bit = (byte >> (7 - (this.at & 7))) & 1;
    this.at += 1;
    return bit === 1;
  }

  number(count: number): number {
    let value = 0;
    for (let index = 0; index < count; index += 1) value = value * 2 + (this.flag() ? 1 : 0);
    return value;
  }

  skip(count: number): void {
    this.at += count;
  }

  /** Skips a `uvlc()` of the specification: zeros, a one, and as many bits as there are zeros. */
  skipExpGolomb(): void {
    let zeros = 0;
    while (!this.flag()) zeros += 1;
    if (zeros < 32) this.skip(zeros);
  }
}
