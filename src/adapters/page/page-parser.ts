import { extname } from 'node:path';
import { AppError } from '../../lib/app-error.ts';
import { ChildEndedError, createChildPool } from '../../lib/child-pool.ts';
import type { Requester } from '../../lib/fair-limit.ts';
import type { PageProduct } from './page-product.ts';
import type { PageAnswer } from './parse-page.ts';
import type { ProductPage } from './read-product-page.ts';

/** Reading takes a core: more at once only wait for each other. */
const PROCESSES = 2;
/** For a workspace of which none is at work, while others keep these busy. */
const RESERVE = 1;
/** Far more than any shop's page takes; what takes longer was made to. */
const PARSE_TIMEOUT_MS = 10_000;
/** The heaviest page that is parsed at all (see `MAX_WEIGHT`) needs about that. */
const HEAP_MB = 400;
/** A process takes 100 MB: a program at rest has none. */
const IDLE_MS = 30_000;

/**
 * Reads pages in processes of their own: whatever a page does to the one that reads it, it neither holds up the event
 * loop nor takes the memory of the program, and a process that runs out of memory ends alone.
 */
export interface PageParser {
  /**
   * As `readProductPage`; also `page_too_large` for a page that takes too long or too much memory to read, `internal` when the
   * process ended for another reason, and `signal.reason` when the signal aborts.
   */
  parse(page: ProductPage, requester: Requester): Promise<PageProduct>;
  /** A page is on its way: starts a process meanwhile, if there is none. */
  prepare(): void;
  close(): void;
}

/** No process is started before `prepare` or the first page. */
export function createPageParser(): PageParser {
  // The file beside this one, whether as TypeScript or as it was built.
  const here = import.meta.url;
  const pool = createChildPool<ProductPage, PageAnswer>({
    file: new URL(`./parse-page-process${extname(here)}`, here),
    processes: PROCESSES,
    reserve: RESERVE,
    heapMb: HEAP_MB,
    idleMs: IDLE_MS,
    // What strangers wrote may take a core for as long as it can.
    endWhenAborted: true,
  });
  return {
    prepare: pool.prepare,
    async parse(page, requester) {
      const answer = await pool
        .ask(page, { ...requester, timeoutMs: PARSE_TIMEOUT_MS })
        .catch((error: unknown): never => {
          throw error instanceof ChildEndedError ? nameEnd(error) : error;
        });
      if ('product' in answer) return answer.product;
      throw new AppError(answer.code, { detail: answer.message, cause: new Error(answer.stack) });
    },
    close: pool.close,
  };
}

/** V8 aborts when its heap is full. Any other end says nothing about the page: it may be read the next time. */
function nameEnd(cause: ChildEndedError): AppError {
  if (!cause.late && cause.signal !== 'SIGABRT') return new AppError('internal', { cause });
  return new AppError('page_too_large', { detail: 'The page is too complex to read.', cause });
}
