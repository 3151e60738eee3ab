import { OBU, type Obu, readObus } from './read-obus.ts';
import { readSequenceHeader, type SequenceHeader } from './read-sequence-header.ts';

/** A frame has at most 64 x 64 tiles (AV1 specification, section 3), each in a group of its own. */
const MAX_TILE_GROUPS = 64 * 64;
/** Encoders write one or two delimiters and metadata units. */
const MAX_OTHER_OBUS = 64;
/**
 * Lossless noise in 3 channels of 12 bits takes 4.5 bytes per pixel. More is refused because tiles
 * can share data, which is copied for each tile.
 */
const MAX_BYTES_PER_PIXEL = 8;
const MAX_FIXED_BYTES = 64 * 1024;

/** The data of an `av01` item, in the order in which a decoder gets it. */
export interface CodedImage {
  /** The OBUs in its `av1C` property: libheif puts them before the data. */
  readonly config: Buffer;
  readonly data: Buffer;
  /** From its `ispe` property. */
  readonly width: number;
  readonly height: number;
}

/**
 * Checks that a coded image is one frame of at most its stated size: decoders decode all frames in
 * the data but show only one. Refuses layered images too, because each layer is a frame. Takes
 * linear time.
 *
 * @throws RangeError for all other data.
 */
export function checkCodedImage({ config, data, width, height }: CodedImage): void {
  if (data.length > width * height * MAX_BYTES_PER_PIXEL + MAX_FIXED_BYTES) {
    throw new RangeError('a coded image with too much data');
  }
  const frame = new FrameCheck(width, height);
  for (const obu of readObus(config)) {
    if (isPartOfFrame(obu)) throw new RangeError('a frame in the configuration');
    frame.add(obu);
  }
  frame.startData();
  for (const obu of readObus(data)) frame.add(obu);
  frame.end();
}

function isPartOfFrame({ type }: Obu): boolean {
  return (
    type === OBU.frame ||
    type === OBU.frameHeader ||
    type === OBU.redundantFrameHeader ||
    type === OBU.tileGroup
  );
}

/** Checks the OBUs of one image in their order. */
class FrameCheck {
  private readonly width: number;
  private readonly height: number;
  private sequence: SequenceHeader | undefined;
  private sequences = 0;
  private hasFrame = false;
  private hasTiles = false;
  private tileGroups = 0;
  private others = 0;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
  }

  /** The data may repeat the sequence header of the configuration. */
  startData(): void {
    this.sequences = 0;
  }

  add(obu: Obu): void {
    switch (obu.type) {
      case OBU.sequenceHeader:
        this.addSequence(obu.payload);
        break;
      case OBU.frame:
        this.addFrame(obu.payload);
        this.hasTiles = true;
        break;
      case OBU.frameHeader:
        this.addFrame(obu.payload);
        break;
      case OBU.tileGroup:
        this.addTileGroup();
        break;
      case OBU.tileList:
        throw new RangeError('a list of tiles');
      default:
        this.addOther(obu);
    }
  }

  end(): void {
    if (!this.hasTiles) throw new RangeError('a coded image without a frame');
  }

  private addSequence(payload: Buffer): void {
    this.sequences += 1;
    if (this.hasFrame || this.sequences > 1) throw new RangeError('a second sequence header');
    this.sequence = readSequenceHeader(payload);
    if (this.sequence.width !== this.width || this.sequence.height !== this.height) {
      throw new RangeError('a coded image of another size than stated');
    }
  }

  private addFrame(payload: Buffer): void {
    if (this.hasFrame) throw new RangeError('a second frame');
    if (this.sequence === undefined) throw new RangeError('a frame without a sequence header');
    // The first bit is show_existing_frame.
    if (payload.readUInt8(0) >= 0x80 && !this.sequence.isReduced) {
      throw new RangeError('a frame that is shown again');
    }
    this.hasFrame = true;
  }

  private addTileGroup(): void {
    this.tileGroups += 1;
    if (!this.hasFrame || this.tileGroups > MAX_TILE_GROUPS) throw new RangeError('tiles without a frame');
    this.hasTiles = true;
  }

  /** Limits metadata, padding and similar OBUs, and copies of the frame header. */
  private addOther({ type }: Obu): void {
    this.others += 1;
    if (this.others > MAX_OTHER_OBUS) throw new RangeError('too many OBUs');
    if (type === OBU.redundantFrameHeader && !this.hasFrame) {
      throw new RangeError('a copy of no frame header');
    }
  }
}
