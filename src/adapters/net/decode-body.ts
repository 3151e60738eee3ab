import { promisify } from 'node:util';
import { brotliDecompress, constants, gunzip, inflate, inflateRaw } from 'node:zlib';
import { AppError, type ErrorCode } from '../../lib/app-error.ts';

/** The content codings that `decodeBody` supports, as the value of `Accept-Encoding`. */
export const ACCEPT_ENCODING = 'gzip, deflate, br';

/** One coding by the shop and one by a proxy. More would only enlarge a decompression bomb. */
const MAX_CODINGS = 2;

export interface DecodeOptions {
  /** The header `Content-Encoding`, or null. Unknown codings are ignored, as in browsers. */
  readonly contentEncoding: string | null;
  /**
   * Whether HTTP itself proved that all bytes arrived (Content-Length, chunks). If so, a compressed
   * stream may lack its end, as in browsers. Otherwise, its end is the only proof that nothing is
   * missing.
   */
  readonly isWhole: boolean;
  /** Limits the result, and the result of each coding. */
  readonly maxBytes: number;
}

type Unzip = (bytes: Buffer, options: { maxOutputLength: number; finishFlush?: number }) => Promise<Buffer>;
interface Coding {
  readonly unzip: Unzip;
  /** The flush mode that accepts a stream without its end. */
  readonly lenient: number;
}

const GZIP: Coding = { unzip: promisify(gunzip) as Unzip, lenient: constants.Z_SYNC_FLUSH };
const INFLATE: Coding = { unzip: promisify(inflate) as Unzip, lenient: constants.Z_SYNC_FLUSH };
const RAW: Coding = { unzip: promisify(inflateRaw) as Unzip, lenient: constants.Z_SYNC_FLUSH };
const BROTLI: Coding = {
  unzip: promisify(brotliDecompress) as Unzip,
  lenient: constants.BROTLI_OPERATION_FLUSH,
};

const FAILURES: Readonly<Record<string, ErrorCode>> = {
  ERR_BUFFER_TOO_LARGE: 'page_too_large',
  Z_BUF_ERROR: 'page_cut',
};

/**
 * Decompresses a whole body in the thread pool, so the event loop is not blocked.
 *
 * @throws AppError `page_cut` when the end is missing; `page_too_large` for more than `maxBytes`;
 *   `page_failed` when the bytes do not match the header, and for more than two codings.
 */
export async function decodeBody(bytes: Buffer, options: DecodeOptions): Promise<Buffer> {
  const { contentEncoding, isWhole, maxBytes } = options;
  const names = (contentEncoding ?? '').toLowerCase().split(',', 100);
  const codings = names.map((name) => name.trim()).filter((name) => KNOWN.test(name));
  if (codings.length > MAX_CODINGS)
    throw new AppError('page_failed', { cause: new Error(contentEncoding ?? '') });
  let decoded = bytes;
  // The last coding in the header was applied last.
  for (const name of codings.reverse()) {
    const { unzip, lenient } = chooseCoding(name, decoded);
    try {
      decoded = await unzip(decoded, {
        maxOutputLength: maxBytes,
        ...(isWhole ? { finishFlush: lenient } : {}),
      });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const named = code !== undefined && Object.hasOwn(FAILURES, code) ? FAILURES[code] : undefined;
      throw new AppError(named ?? 'page_failed', { cause: error });
    }
  }
  return decoded;
}

const KNOWN = /^(?:(?:x-)?gzip|deflate|br)$/;

function chooseCoding(name: string, bytes: Buffer): Coding {
  if (name === 'br') return BROTLI;
  if (name !== 'deflate') return GZIP;
  // RFC 9110 defines deflate as the zlib format, but some servers send the raw stream, and browsers
  // accept both. The only method of zlib is 8.
  return ((bytes[0] ?? 0) & 0x0f) === 8 ? INFLATE : RAW;
}
