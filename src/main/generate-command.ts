import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import Table from 'cli-table3';
import { findAsset } from '../assets/find-asset.ts';
import type { Batch, Progress } from '../batches/batch.ts';
import { newBatchSchema } from '../batches/batch.ts';
import { createBatch } from '../batches/create-batch.ts';
import { getBatch } from '../batches/get-batch.ts';
import type { Orm } from '../db/client.ts';
import type { Log } from '../lib/log.ts';
import { listPreviews } from '../previews/list-previews.ts';
import type { Preview } from '../previews/preview.ts';
import { ensureWorkspace } from '../workspaces/ensure-workspace.ts';
import { type Closer, closeAll } from './close-all.ts';
import type { Settings } from './config.ts';
import { createAdapters } from './create-adapters.ts';
import { DEFAULT_WORKSPACE } from './get-default-token.ts';
import { openRuntime } from './open-runtime.ts';
import { renderPage, type ShownPreview } from './render-page.ts';
import { startWorker } from './start-worker.ts';
import { waitForStopSignal } from './stop-signals.ts';

export interface GenerateOptions {
  readonly size: number;
  readonly out: string;
}

const POLL_MS = 200;
const GRACE_MS = 2000;

/**
 * `generate`: runs one batch from start to end in this process and writes the results into a
 * folder. Returns true if every preview is done. A stop signal ends the command; the batch stays in
 * the database, and the next start continues it.
 */
export async function runGenerate(
  settings: Settings,
  log: Log,
  urls: readonly string[],
  options: GenerateOptions,
): Promise<boolean> {
  const input = newBatchSchema.parse({ sources: urls.map((url) => ({ url, batchSize: options.size })) });
  const stopped = waitForStopSignal().then(() => true);
  const adapters = await createAdapters(settings, log);
  const closers: Closer[] = [{ name: 'the page reader', close: adapters.close }];
  try {
    const runtime = await openRuntime(settings, log, { supervise: true });
    closers.unshift(...runtime.closers);
    const { database, queue } = runtime;
    const workspaceId = await ensureWorkspace(database, DEFAULT_WORKSPACE);
    const limits = { maxSources: settings.MAX_SOURCES, maxBatchSize: settings.MAX_BATCH_SIZE };
    const deps = { orm: database.orm, transact: database.transact, queue, limits };
    const { id } = await createBatch(deps, { workspaceId, batch: input });
    const worker = await startWorker(runtime, adapters, settings, { log });
    let batch: Batch | undefined;
    try {
      batch = await followBatch(database, { workspaceId, id }, stopped);
    } finally {
      await worker.stop(GRACE_MS);
    }
    if (!batch) {
      process.stderr.write('Stopped. The batch is saved, and the next start continues it.\n');
      return false;
    }
    const previews = await readAll(database, workspaceId, id);
    const page = await writeFolder(database, previews, options.out);
    process.stdout.write(`${drawTable(batch, previews)}\n\nOpen ${page}\n`);
    return batch.progress.done === batch.progress.total;
  } finally {
    await closeAll(closers, log);
  }
}

/**
 * Shows the progress of the batch until it is finished. Returns undefined if a stop signal came
 * first.
 */
async function followBatch(
  db: { orm: Orm },
  options: { workspaceId: string; id: string },
  stopped: Promise<boolean>,
): Promise<Batch | undefined> {
  const bar = new SingleBar({
    format:
      '{bar} {value}/{total}  queued {queued}  running {running}  failed {failed}  {duration_formatted}',
    stream: process.stderr,
    noTTYOutput: true,
    notTTYSchedule: 5000,
    hideCursor: true,
  });
  const started = await getBatch(db, options);
  bar.start(started.progress.total, 0, toPayload(started.progress));
  try {
    for (;;) {
      const batch = await getBatch(db, options);
      const { done, failed, cancelled } = batch.progress;
      bar.update(done + failed + cancelled, toPayload(batch.progress));
      if (batch.finishedAt) return batch;
      if (await Promise.race([stopped, sleep(POLL_MS, false)])) return undefined;
    }
  } finally {
    bar.stop();
  }
}

function toPayload({ pending, queued, running, failed }: Progress): object {
  return { queued: pending + queued, running, failed };
}

async function readAll(db: { orm: Orm }, workspaceId: string, bulkTaskId: string): Promise<Preview[]> {
  const previews: Preview[] = [];
  let cursor: string | undefined;
  do {
    const page = await listPreviews(db, { workspaceId, bulkTaskId, baseUrl: '', pageSize: 100, cursor });
    previews.push(...page.items);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return previews;
}

/**
 * Writes the images, the previews as JSON, and a page that shows them. Returns the path of the
 * page.
 */
async function writeFolder(db: { orm: Orm }, previews: readonly Preview[], folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const shown: ShownPreview[] = [];
  for (const [i, preview] of previews.entries()) {
    const { prefill } = preview;
    if (!prefill) {
      shown.push({ preview });
      continue;
    }
    const number = String(i + 1).padStart(2, '0');
    shown.push({
      preview,
      backgroundFile: await writeImage(db, prefill.backgroundImageUrl, folder, `${number}-background`),
      productFile: await writeImage(db, prefill.productImageUrl, folder, `${number}-product`),
    });
  }
  await writeFile(join(folder, 'previews.json'), `${JSON.stringify(previews, null, 2)}\n`);
  const page = join(folder, 'index.html');
  await writeFile(page, renderPage(shown));
  return page;
}

async function writeImage(
  db: { orm: Orm },
  path: string,
  folder: string,
  name: string,
): Promise<string | undefined> {
  const asset = await findAsset(db, path.slice(path.lastIndexOf('/') + 1));
  if (!asset) return undefined;
  const file = `${name}.${asset.contentType.replace('image/', '').replace('jpeg', 'jpg')}`;
  await writeFile(join(folder, file), asset.bytes);
  return file;
}

function drawTable(batch: Batch, previews: readonly Preview[]): string {
  const table = new Table({
    head: ['Source', '#', 'Status', 'Headline or reason', 'Button', 'Price'],
    colWidths: [26, 4, 9, 46, 18, 14],
    wordWrap: true,
    style: { head: [], border: [] },
  });
  for (const preview of previews) {
    const source = batch.sources.find(({ id }) => id === preview.sourceId);
    const { prefill, error } = preview;
    table.push([
      shorten(source?.url ?? ''),
      preview.position + 1,
      preview.status,
      prefill?.headline ?? error?.message ?? '',
      prefill?.ctaText ?? '',
      prefill?.priceText ?? '',
    ]);
  }
  return table.toString();
}

/** Keeps the end of a URL, because it distinguishes products. */
function shorten(url: string): string {
  return url.length <= 24 ? url : `…${url.slice(-23)}`;
}
