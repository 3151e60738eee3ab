/**
 * Runs the part of the program that reads pages in a separate process. Reads the pages that it
 * receives over the channel as `source.process` does, a few at a time, and replies with a failure
 * code or the result. Replies to "measure" with measurements of this process.
 */
import { readFileSync } from 'node:fs';
import pLimit from 'p-limit';
import { createImageDecoder } from '../../src/adapters/images/image-decoder.ts';
import type { LookupAll } from '../../src/adapters/net/host-resolver.ts';
import { AppError } from '../../src/lib/app-error.ts';
import { readSettings } from '../../src/main/config.ts';
import { createPageReader } from '../../src/main/create-page-reader.ts';
import { pickImageEnvironment } from '../../src/main/image-environment.ts';

/** A page to read. The test sends it over the channel. */
export interface Visit {
  readonly id: number;
  readonly url: string;
  /** Collect the images too. A page without usable images then fails. */
  readonly wantsImages: boolean;
}

/** The result of a visit. */
export interface VisitResult {
  readonly id: number;
  /** "read", or the code of the failure. "crash: …" for an error that is not an `AppError`. */
  readonly code: string;
  readonly title: string | null;
  readonly ms: number;
}

/** Measurements of this process. */
export interface Measures {
  /** Null on systems without /proc. */
  readonly peakMb: number | null;
  readonly maxLoopDelayMs: number;
  readonly lookups: Readonly<Record<string, number>>;
}

/** DNS answers, or error codes, by name. All other names resolve to this machine. */
const NAMES: Readonly<Record<string, readonly string[] | string>> = {
  'gone.test': 'ENOTFOUND',
  'busy.test': 'EAI_AGAIN',
  'mixed.test': ['93.184.216.34', '10.0.0.1'],
  'mixed6.test': ['2606:4700::1111', '::1'],
  'mapped.test': ['::ffff:10.0.0.1'],
  'metadata.google.internal': ['169.254.169.254'],
  'nothing.test': [],
};
/** Resolves to an address of this machine once, and to a public address afterwards. */
const REBINDING = 'rebind.test';

const lookups: Record<string, number> = {};
const lookupAll: LookupAll = (name, _options, callback) => {
  lookups[name] = (lookups[name] ?? 0) + 1;
  const answer = NAMES[name] ?? [name === REBINDING && lookups[name] > 1 ? '93.184.216.34' : '127.0.0.1'];
  if (typeof answer === 'string') return callback(Object.assign(new Error(answer), { code: answer }), []);
  callback(
    null,
    answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
  );
};

const images = createImageDecoder({ env: pickImageEnvironment(process.env) });
const reader = createPageReader(images, { ...readSettings(process.env), idleTimeoutMs: 3000, lookupAll });

/**
 * The longest time that this thread worked without returning to its event loop, as CPU time: on a
 * busy machine, wall-clock time would include waiting for a processor.
 */
let maxLoopDelayMs = 0;
let worked = process.threadCpuUsage();
setInterval(() => {
  const { user, system } = process.threadCpuUsage(worked);
  worked = process.threadCpuUsage();
  maxLoopDelayMs = Math.max(maxLoopDelayMs, (user + system) / 1000);
}, 1).unref();
const limit = pLimit(4);

process.on('message', (message: Visit | 'measure') => {
  if (message === 'measure') process.send?.(measure());
  else void limit(async () => process.send?.(await visit(message)));
});
process.on('disconnect', () => void reader.close().then(images.close));

async function visit({ id, url, wantsImages }: Visit): Promise<VisitResult> {
  const began = performance.now();
  const end = (code: string, title: string | null) => ({ id, code, title, ms: performance.now() - began });
  const requester = { owner: 'test', signal: new AbortController().signal };
  try {
    const { title, images: candidates, address } = await reader.pages.readPage(url, requester);
    if (!wantsImages) return end('read', title);
    const images = await reader.pages.collectImages(candidates, address, requester);
    return end(images.length === 0 ? 'no_usable_picture' : 'read', title);
  } catch (error) {
    return end(error instanceof AppError ? error.code : `crash: ${error}`, null);
  }
}

function measure(): Measures {
  return { peakMb: readPeakMb(), maxLoopDelayMs, lookups };
}

function readPeakMb(): number | null {
  try {
    const kilobytes = /VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) / 1024;
  } catch {
    return null;
  }
}
