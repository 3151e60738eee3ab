import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib';
import { AppError } from '../../lib/app-error.ts';

type Bytes = Buffer<ArrayBuffer>;
type Decode = (bytes: Bytes, options: { maxOutputLength: number }) => Promise<Bytes>;

const DECODERS: Readonly<Record<string, Decode>> = {
  gzip: promisify(gunzip) as Decode,
  'x-gzip': promisify(gunzip) as Decode,
  br: promisify(brotliDecompress) as Decode,
  zstd: promisify(zstdDecompress) as Decode,
  // RFC 9110 defines deflate as the zlib format, but some servers send the raw stream. The only
  // method of zlib is 8.
  deflate: (bytes, options) =>
    (((bytes[0] ?? 0) & 0x0f) === 8 ? promisify(inflate) : promisify(inflateRaw))(bytes, options),
};

/** One coding by the service and one by a gateway. More would only enlarge a decompression bomb. */
const MAX_CODINGS = 2;

/**
 * Decompresses an answer that a gateway compressed although `identity` was requested. Returns
 * undefined for an unknown coding. Throws `ai_bad_answer` if the bytes do not match the header, and
 * for more than `maxBytes`.
 */
export async function decodeAnswer(
  bytes: Bytes,
  contentEncoding: string,
  maxBytes: number,
): Promise<Bytes | undefined> {
  const codings = contentEncoding
    .toLowerCase()
    .split(',', MAX_CODINGS + 2)
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding !== 'identity');
  if (codings.length > MAX_CODINGS || !codings.every((coding) => Object.hasOwn(DECODERS, coding))) {
    return undefined;
  }
  let decoded = bytes;
  // The last coding in the header was applied last.
  for (const coding of codings.reverse()) {
    try {
      decoded = (await DECODERS[coding]?.(decoded, { maxOutputLength: maxBytes })) ?? decoded;
    } catch (cause) {
      throw new AppError('ai_bad_answer', { cause });
    }
  }
  return decoded;
}
