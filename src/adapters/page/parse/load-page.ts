import { isUtf8 } from 'node:buffer';
import { type CheerioAPI, load, loadBuffer } from 'cheerio';
import { AppError } from '../../../lib/app-error.ts';
import { measureDepth } from './measure-depth.ts';

/** Enough of a file to recognize its type. */
const HEAD_BYTES = 1024;
const LOOKS_LIKE_HTML = /<(?:!doctype\s+html|html|head|body|title|meta|script|div)\b/i;
/** The parser takes about 0.8 s for this many. Pages of large shops need a thousandth of them. */
const MAX_STEPS = 100_000_000;
/**
 * Browsers stop at 512. The parser takes quadratic time: 0.2 s for 5,000 levels, a minute for
 * 100,000 levels.
 */
const MAX_DEPTH = 5000;
/**
 * Formatting elements that are never closed. Shops have a few dozen of them, and the parser opens
 * all of them again in each new block.
 */
const MAX_FORMATS = 1000;
const UTF16 = /^(?:utf-?16|unicode|ucs-2)/i;

/**
 * Parses the bytes of a page. The charset comes from a byte order mark, the header or a `<meta>`.
 * Without these, it is UTF-8 if the bytes are valid UTF-8, and otherwise windows-1252. A wrong or
 * unknown label is never fatal.
 *
 * @throws AppError `page_not_html` when the bytes are something else, whatever the header says;
 *   `page_too_large` when tags are nested thousands of levels deep.
 */
export function loadPage(html: Buffer, contentType: string): CheerioAPI {
  const head = html.subarray(0, HEAD_BYTES);
  const type = (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
  const hasBom = (head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff);
  const isWide = hasBom || head.includes(0);
  const text = head.toString('latin1').replaceAll('\0', '');
  const isHtmlType = type === 'text/html' || type === 'application/xhtml+xml';
  const isBinary = !hasBom && head.includes(0) && !LOOKS_LIKE_HTML.test(text);
  if (isBinary || (!isHtmlType && !LOOKS_LIKE_HTML.test(text))) throw new AppError('page_not_html');
  if (areTagsTooDeep(html)) throw new AppError('page_too_large');

  const label = /charset\s*=\s*["']?([^\s"';]+)/i.exec(contentType)?.[1];
  // Bytes without a single zero are not UTF-16.
  const isTrusted = label !== undefined && !(UTF16.test(label) && !isWide);
  const $ = parse(html, isTrusted ? label : undefined);
  if (isTreeTooDeep($)) throw new AppError('page_too_large');
  return $;
}

function parse(html: Buffer, label: string | undefined): CheerioAPI {
  // As in a browser without scripts: images in <noscript> are then elements, not text.
  const scriptingEnabled = false;
  try {
    return loadBuffer(html, {
      scriptingEnabled,
      encoding: {
        ...(label === undefined ? {} : { transportLayerEncodingLabel: label }),
        defaultEncoding: isUtf8(html) ? 'utf-8' : 'windows-1252',
      },
    });
  } catch {
    // The decoder knows the name of this charset but cannot decode it.
    return load(new TextDecoder('utf-8').decode(html), { scriptingEnabled });
  }
}

/** Runs before parsing, so it is an estimate. */
function areTagsTooDeep(html: Buffer): boolean {
  const limits = { elements: MAX_DEPTH, formats: MAX_FORMATS, steps: MAX_STEPS };
  const { elements, formats, steps } = measureDepth(html.toString('latin1'), limits);
  return elements > MAX_DEPTH || formats > MAX_FORMATS || steps > MAX_STEPS;
}

/**
 * Selectors take quadratic time or too much stack on deep trees. This checks the tree that the
 * parser has built.
 */
function isTreeTooDeep($: CheerioAPI): boolean {
  let level = $.root()
    .toArray()
    .flatMap((root) => root.children);
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) return true;
    level = level.flatMap((node) => ('children' in node ? node.children : []));
  }
  return false;
}
