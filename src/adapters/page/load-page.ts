import { isUtf8 } from 'node:buffer';
import { type CheerioAPI, load, loadBuffer } from 'cheerio';
import { AppError } from '../../lib/app-error.ts';
import { measureDepth } from './measure-depth.ts';

/** Enough of a file to tell what it is. */
const HEAD_BYTES = 1024;
const LOOKS_LIKE_HTML = /<(?:!doctype\s+html|html|head|body|title|meta|script|div)\b/i;
/** The parser takes about 0.8 s for so many. The pages of large shops need a thousandth. */
const MAX_STEPS = 100_000_000;
/** Browsers stop at 512. The parser takes quadratic time: 0.2 s for 5,000 levels, a minute for 100,000. */
const MAX_DEPTH = 5000;
/** Shops leave some dozen open. Each new block opens all of them anew. */
const MAX_FORMATS = 1000;
const UTF16 = /^(?:utf-?16|unicode|ucs-2)/i;

/**
 * Parses the bytes of a page. The charset is the one of a byte order mark, the header, a `<meta>` or, without any
 * of these, UTF-8 if the bytes are valid UTF-8, else windows-1252. A label that is wrong or unknown is never fatal.
 *
 * @throws AppError `page_not_html` when the bytes are something else, whatever the header calls them; `page_too_large`
 *   when tags nest thousands deep.
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
  // As a browser without scripts: then the pictures in <noscript> are elements, not text.
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
    // A charset the decoder knows by name only.
    return load(new TextDecoder('utf-8').decode(html), { scriptingEnabled });
  }
}

/** Before parsing, and so about. */
function areTagsTooDeep(html: Buffer): boolean {
  const limits = { elements: MAX_DEPTH, formats: MAX_FORMATS, steps: MAX_STEPS };
  const { elements, formats, steps } = measureDepth(html.toString('latin1'), limits);
  return elements > MAX_DEPTH || formats > MAX_FORMATS || steps > MAX_STEPS;
}

/** Selectors take quadratic time, or too much stack, on deep trees. This is what was really built. */
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
