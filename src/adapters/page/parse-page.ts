import { AppError, type ErrorCode, toAppError } from '../../lib/app-error.ts';
import type { PageProduct } from './page-product.ts';
import { estimateMarkupSize } from './parse/estimate-markup-size.ts';
import { type ProductPage, readProductPage } from './read-product-page.ts';

/**
 * A page with more tags and attributes than this is not parsed. The largest pages of large shops
 * have about a quarter of it.
 */
const MAX_MARKUP_SIZE = 300_000;

/**
 * The response of a parsing process. Errors lose their class between processes, so they are sent as
 * data.
 */
export type PageAnswer = { product: PageProduct } | { code: ErrorCode; message: string; stack: string };

/** Parses one page. Never throws. */
export function parsePage(page: Omit<ProductPage, 'html'> & { html: Uint8Array }): PageAnswer {
  try {
    if (estimateMarkupSize(page.html) > MAX_MARKUP_SIZE) {
      throw new AppError('page_too_large', { detail: 'The page is too complex to read.' });
    }
    return { product: readProductPage({ ...page, html: Buffer.from(page.html) }) };
  } catch (error) {
    const { code, message, cause } = toAppError(error);
    return { code, message, stack: cause instanceof Error ? (cause.stack ?? '') : '' };
  }
}
