import { AppError, type ErrorCode, toAppError } from '../../lib/app-error.ts';
import type { PageProduct } from './page-product.ts';
import { estimateMarkupSize } from './parse/estimate-markup-size.ts';
import { type ProductPage, readProductPage } from './read-product-page.ts';

/** A page with more markup than this (see `estimateMarkupSize`) is not parsed: the heaviest pages of large shops weigh about a fourth. */
const MAX_WEIGHT = 300_000;

/** What a reading process answers: errors lose their class on the way between processes, so they go as data. */
export type PageAnswer = { product: PageProduct } | { code: ErrorCode; message: string; stack: string };

/** Reads one page. Never throws. */
export function parsePage(page: Omit<ProductPage, 'html'> & { html: Uint8Array }): PageAnswer {
  try {
    if (estimateMarkupSize(page.html) > MAX_WEIGHT) {
      throw new AppError('page_too_large', { detail: 'The page is too complex to read.' });
    }
    return { product: readProductPage({ ...page, html: Buffer.from(page.html) }) };
  } catch (error) {
    const { code, message, cause } = toAppError(error);
    return { code, message, stack: cause instanceof Error ? (cause.stack ?? '') : '' };
  }
}
