import { AppError, type ErrorCode } from '../../lib/app-error.ts';
import type { PageProduct } from './page-product.ts';
import { type ProductPage, readProductPage } from './read-product-page.ts';
import { weighMarkup } from './weigh-markup.ts';

/**
 * A page with more markup than this (see `weighMarkup`) is not parsed: it would take gigabytes or minutes, and a thread
 * that runs out of memory may take the program with it. The heaviest pages of large shops weigh about a fourth.
 */
const MAX_WEIGHT = 300_000;

/** What a thread answers: errors lose their class on the way between threads, so they go as data. */
export type ThreadAnswer = { product: PageProduct } | { code: ErrorCode; message: string };

/** The task of a thread: reads one page. @public (loaded by its address) */
export default function parsePage(page: Omit<ProductPage, 'html'> & { html: Uint8Array }): ThreadAnswer {
  if (weighMarkup(page.html) > MAX_WEIGHT) {
    return { code: 'page_too_large', message: 'The page is too complex to read.' };
  }
  try {
    return { product: readProductPage({ ...page, html: Buffer.from(page.html) }) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { code: error.code, message: error.message };
  }
}
