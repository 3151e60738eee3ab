import { extname } from 'node:path';
import { AppError } from '../../lib/app-error.ts';
import { ChildEndedError, createChildPool } from '../../lib/child-pool.ts';
import type { Requester } from '../../lib/fair-limit.ts';
import type { PageProduct } from './page-product.ts';
import type { PageAnswer } from './parse-page.ts';
import type { ProductPage } from './read-product-page.ts';

/** Parsing uses a whole core, so more processes would only wait for each other. */
const PROCESSES = 2;
/** For a workspace that has no process at work while other workspaces keep the rest busy. */
const RESERVE = 1;
/** Far more than any page of a shop needs. A page that takes longer is hostile. */
const PARSE_TIMEOUT_MS = 10_000;
/** The largest page that is parsed (see `MAX_MARKUP_SIZE`) needs about this much. */
const HEAP_MB = 400;
/** A process takes 100 MB, so an idle program keeps none. */
const IDLE_MS = 30_000;

/**
 * Parses pages in child processes: a page can neither block the event loop nor use the memory of
 * the program, and a process that runs out of memory fails alone.
 */
export interface PageParser {
  /**
   * Parses a page with `readProductPage`. In addition, throws `page_too_large` when that takes too
   * much time or memory, `internal` when the process ended for another reason, and `signal.reason`
   * when the signal aborts.
   */
  parse(page: ProductPage, requester: Requester): Promise<PageProduct>;
  /** Starts a process if there is none. Call this before a page arrives, to save time. */
  prepare(): void;
  close(): void;
}

/** No process is started before `prepare` or the first page. */
export function createPageParser(): PageParser {
  // The extension is .ts in the source and another one in the build.
  const here = import.meta.url;
  const pool = createChildPool<ProductPage, PageAnswer>({
    file: new URL(`./parse-page-process${extname(here)}`, here),
    processes: PROCESSES,
    reserve: RESERVE,
    heapMb: HEAP_MB,
    idleMs: IDLE_MS,
    // Otherwise a hostile page could keep a core busy until the timeout.
    endWhenAborted: true,
  });
  return {
    prepare: pool.prepare,
    async parse(page, requester) {
      const answer = await pool
        .send(page, { ...requester, timeoutMs: PARSE_TIMEOUT_MS })
        .catch((error: unknown): never => {
          throw error instanceof ChildEndedError ? nameEnd(error) : error;
        });
      if ('product' in answer) return answer.product;
      throw new AppError(answer.code, { detail: answer.message, cause: new Error(answer.stack) });
    },
    close: pool.close,
  };
}

/**
 * V8 aborts when its heap is full. Any other end says nothing about the page, so a later try may
 * succeed.
 */
function nameEnd(cause: ChildEndedError): AppError {
  if (!cause.late && cause.signal !== 'SIGABRT') return new AppError('internal', { cause });
  return new AppError('page_too_large', { detail: 'The page is too complex to read.', cause });
}
