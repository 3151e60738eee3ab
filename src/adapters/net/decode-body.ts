import { promisify } from 'node:util';
import { brotliDecompress, constants, gunzip, inflate, inflateRaw } from 'node:zlib';
import { AppError, type ErrorCode } from '../../lib/app-error.ts';

/** The content codings that `decodeBody` undoes, as a request offers them. */
export const ACCEPT_ENCODING = 'gzip, deflate, br';

/** One by the shop and one by a proxy that did not look; more only multiplies a bomb. */
const MAX_CODINGS = 2;

export interface DecodeOptions {
  /** The header `Content-Encoding`; null when there is none. A coding that nobody knows changes nothing, as in browsers. */
  readonly contentEncoding: string | null;
  /**
   * Whether HTTP itself proved that all bytes came (Content-Length, chunks). Then a compressed stream without its end is
   * forgiven, as browsers do; else its end is the only proof that nothing is missing.
   */
  readonly isWhole: boolean;
  /** Of the result, and of each step to it. */
  readonly maxBytes: number;
}

type Unzip = (bytes: Buffer, options: { maxOutputLength: number; finishFlush?: number }) => Promise<Buffer>;
interface Coding {
  readonly unzip: Unzip;
  /** The flush that takes what is there for the end. */
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
 * Undoes the compression of a whole body, off the event loop.
 *
 * @throws AppError `page_cut` when the end is missing, `page_too_large` for more than `maxBytes`, `page_failed` for bytes
 *   that are not what the header calls them and for codings stacked too high.
 */
export async function decodeBody(bytes: Buffer, options: DecodeOptions): Promise<Buffer> {
  const { contentEncoding, isWhole, maxBytes } = options;
  const names = (contentEncoding ?? '').toLowerCase().split(',', 100);
  const codings = names.map((name) => name.trim()).filter((name) => KNOWN.test(name));
  if (codings.length > MAX_CODINGS)
    throw new AppError('page_failed', { cause: new Error(contentEncoding ?? '') });
  let decoded = bytes;
  // The last coding named was applied last.
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
  // RFC 9110 means zlib's format; some servers send the bare stream, and browsers take both. 8 is zlib's only method.
  return ((bytes[0] ?? 0) & 0x0f) === 8 ? INFLATE : RAW;
}
