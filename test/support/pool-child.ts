import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { serveParent } from '../../src/lib/serve-parent.ts';

/** What a process must do before it answers, for `child-pool.test.ts`. */
export interface PoolRequest {
  /** Write a file with this name, to show that the work has begun. */
  readonly begun?: string;
  /** Wait until a file with this name exists. */
  readonly until?: string;
  readonly never?: true;
  /** Also send another answer, as hostile code in the process could. */
  readonly forge?: true;
  readonly exit?: number;
  /** `native`: memory that `heapMb` does not limit. */
  readonly fill?: 'heap' | 'native';
}

export interface PoolResponse {
  readonly pid: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const MAX_RSS_MB = 300;

async function fillNative(): Promise<never> {
  const blocks: Buffer[] = [];
  for (;;) {
    blocks.push(Buffer.alloc(5_000_000, 1));
    await sleep(1);
  }
}

const handle = async (request: PoolRequest): Promise<PoolResponse> => {
  if (request.begun !== undefined) writeFileSync(request.begun, '');
  if (request.exit !== undefined) process.exit(request.exit);
  // Blocks the event loop, so that not even messages are received.
  while (request.never);
  if (request.forge) process.send?.({ id: 'of the next question', response: { pid: 0, environment: {} } });
  const blocks: number[][] = [];
  if (request.fill === 'native') await fillNative();
  while (request.fill) blocks.push(Array.from({ length: 10_000 }, Math.random));
  while (request.until !== undefined && !existsSync(request.until)) await sleep(10);
  return { pid: process.pid, environment: process.env };
};

/** Loading the code takes until a file with this name exists. */
const { LOAD_WHEN } = process.env;

serveParent(
  async () => {
    while (LOAD_WHEN !== undefined && !existsSync(LOAD_WHEN)) await sleep(10);
    return handle;
  },
  { maxRssMb: MAX_RSS_MB },
);
