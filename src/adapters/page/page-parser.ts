import { extname } from 'node:path';
import { Piscina } from 'piscina';
import { AppError } from '../../lib/app-error.ts';
import type { PageProduct } from './page-product.ts';
import type { ThreadAnswer } from './parse-page-thread.ts';
import type { ProductPage } from './read-product-page.ts';

/** Reading takes a core: more at once only wait for each other. */
const THREADS = 2;
/** Far more than any shop's page takes; what takes longer was made to. */
const PARSE_TIMEOUT_MS = 10_000;
/** For a thread's objects, in MB. A page of 10 MB needs about a third of it. */
const HEAP_MB = 768;
/** The second thread gives its memory back when it had nothing to do for so long. */
const IDLE_MS = 30_000;

/** Reads pages in threads of their own, so that no page holds up the event loop or takes the memory of the program. */
export interface PageParser {
  /** As `readProductPage`; also `page_too_large` for a page that takes too long or too much memory to read. */
  parse(page: ProductPage): Promise<PageProduct>;
  close(): Promise<void>;
}

/** One thread is there from the start and has loaded what it needs: the first page does not wait for it. */
export function createPageParser(): PageParser {
  // The file beside this one, whether as TypeScript or as it was built.
  const here = import.meta.url;
  const pool = new Piscina<unknown, ThreadAnswer>({
    filename: new URL(`./parse-page-thread${extname(here)}`, here).href,
    minThreads: 1,
    maxThreads: THREADS,
    idleTimeout: IDLE_MS,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  const empty = { html: Buffer.from('<p>'), contentType: 'text/html', url: 'https://localhost/' };
  pool.run(empty).catch(() => {});
  return {
    async parse(page) {
      const answer = await runBounded(pool, page);
      if ('product' in answer) return answer.product;
      throw new AppError(answer.code, { detail: answer.message });
    },
    close: () => pool.destroy(),
  };
}

async function runBounded(pool: Piscina<unknown, ThreadAnswer>, page: ProductPage): Promise<ThreadAnswer> {
  try {
    // An abort ends the thread, whatever it does.
    return await pool.run(page, { signal: AbortSignal.timeout(PARSE_TIMEOUT_MS) });
  } catch (cause) {
    const { code, name } = cause as { code?: string; name?: string };
    if (name === 'AbortError' || code === 'ERR_WORKER_OUT_OF_MEMORY') {
      throw new AppError('page_too_large', { detail: 'The page is too complex to read.', cause });
    }
    throw cause;
  }
}
