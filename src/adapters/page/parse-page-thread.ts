import { AppError, type ErrorCode } from '../../lib/app-error.ts';
import type { PageProduct } from './page-product.ts';
import { type ProductPage, readProductPage } from './read-product-page.ts';

/** What a thread answers: errors lose their class on the way between threads, so they go as data. */
export type ThreadAnswer = { product: PageProduct } | { code: ErrorCode; message: string };

/** The task of a thread: reads one page. @public (loaded by its address) */
export default function parsePage(page: Omit<ProductPage, 'html'> & { html: Uint8Array }): ThreadAnswer {
  try {
    return { product: readProductPage({ ...page, html: Buffer.from(page.html) }) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { code: error.code, message: error.message };
  }
}
