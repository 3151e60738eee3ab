import { drawImages } from './support/draw-images.ts';
import type { Figure, Report } from './support/figure.ts';
import { postBatch, waitUntilFinished } from './support/make-batches.ts';
import type { BenchOptions } from './support/options.ts';
import { say } from './support/say.ts';
import { openAi, type Stage, startRole } from './support/stage.ts';
import type { StageDatabase } from './support/stage-database.ts';
import { median, percentile } from './support/statistics.ts';

const AI_MS = 50;
const TIMES = 20;
const WARM_UPS = 3;

/**
 * Measures one preview on an idle system: all its time except that of the AI calls. The baseline
 * makes the same requests (page, images and both AI calls) in the order in which they depend on
 * each other, without processing the responses.
 */
export async function measureIdlePreview(stage: Stage, _options: BenchOptions): Promise<Report> {
  const database = await stage.addDatabase();
  await using ai = await openAi({ latencyMs: AI_MS });
  await using program = await startRole(stage, database, 'all', {
    AI_BASE_URL: ai.baseUrl,
    AI_API_KEY: 'fake',
  });
  const names = Array.from({ length: TIMES + WARM_UPS }, (_, i) => `idle-${i}`);
  await drawImages(stage.shop, names);
  const spans: Span[] = [];
  const bare: number[] = [];
  for (const [i, name] of names.entries()) {
    const url = stage.shop.productUrl(name);
    const callsBefore = ai.calls.length;
    const sentAt = Date.now();
    const id = await postBatch(program.address, database, [{ url, batch_size: 1 }]);
    const answeredAt = Date.now();
    await waitUntilFinished(database, 20);
    const callsAt = ai.calls.slice(callsBefore).map((call) => call.wallAt);
    const span = await readSpan(database, id, { sentAt, answeredAt, callsAt });
    const bareMs = await askAll(url, ai.baseUrl);
    if (i < WARM_UPS) continue;
    spans.push(span);
    bare.push(bareMs - AI_MS);
  }
  say(`idle-preview: ${median(spans.map((span) => span.whole)).toFixed(0)} ms`);
  const part = (what: string, pick: (span: Span) => number): Figure => ({
    what: `of it: ${what}, p50`,
    unit: 'ms',
    value: median(spans.map(pick)),
  });
  const at = (share: number): Figure => {
    const value = percentile(
      spans.map((span) => span.whole),
      share,
    );
    const yardstick = percentile(bare, share);
    return {
      what: `submission to done, less the AI's ${AI_MS} ms, p${share * 100}`,
      unit: 'ms',
      value,
      yardstick,
      ratio: value / yardstick,
    };
  };
  return {
    title: `One preview on an idle system, ${TIMES} times, beside the same requests alone`,
    figures: [
      at(0.5),
      at(0.95),
      part('the submission is answered', (span) => span.answered),
      part('submitted to the page claimed', (span) => span.pageClaimed),
      part('page claimed to page read and images given', (span) => span.pageRead),
      part('images given to calls claimed', (span) => span.callsClaimed),
      part('calls claimed to the later call at the AI service', (span) => span.callsOut),
      part(`the later call at the AI service to done, less ${AI_MS} ms`, (span) => span.done),
    ],
  };
}

/** Milliseconds. The parts follow each other, except for `answered`. */
interface Span {
  readonly whole: number;
  readonly answered: number;
  readonly pageClaimed: number;
  readonly pageRead: number;
  readonly callsClaimed: number;
  readonly callsOut: number;
  readonly done: number;
}

async function readSpan(
  { pool }: StageDatabase,
  batchId: string,
  seen: { sentAt: number; answeredAt: number; callsAt: readonly number[] },
): Promise<Span> {
  const { rows } = await pool.query<{ [K in 'claimed' | 'read' | 'called' | 'done']: Date }>(
    `select s.claimed_at as claimed, s.finished_at as read, p.finished_at as done,
       (select max(c.claimed_at) from cta.ai_calls c where c.preview_id = p.id) as called
     from cta.previews p join cta.sources s on s.id = p.source_id where p.batch_id = $1`,
    [batchId],
  );
  const [row] = rows;
  if (!row) throw new Error('the batch has no preview');
  const [claimed, read, called, done] = [row.claimed, row.read, row.called, row.done].map(Number) as [
    number,
    number,
    number,
    number,
  ];
  const arrived = Math.max(...seen.callsAt);
  return {
    whole: done - seen.sentAt - AI_MS,
    answered: seen.answeredAt - seen.sentAt,
    pageClaimed: claimed - seen.sentAt,
    pageRead: read - claimed,
    callsClaimed: called - read,
    callsOut: arrived - called,
    done: done - arrived - AI_MS,
  };
}

/**
 * Makes the same requests: the page, then its images in parallel, then both calls in parallel.
 * Returns the milliseconds.
 */
async function askAll(pageUrl: string, aiUrl: string): Promise<number> {
  const began = performance.now();
  const page = await (await fetch(pageUrl)).text();
  const addresses = [
    ...new Set([...page.matchAll(/<img src="(http[^"]+)"/g)].map((match) => match[1] ?? '')),
  ];
  const images = await Promise.all(addresses.map(async (address) => (await fetch(address)).blob()));
  const form = new FormData();
  form.set('image', images[0] ?? new Blob([]), 'product.jpg');
  const post = async (path: string, body: FormData | string) => {
    const headers = typeof body === 'string' ? { 'content-type': 'application/json' } : {};
    await (await fetch(aiUrl + path, { method: 'POST', body, headers })).json();
  };
  await Promise.all([post('/chat/completions', '{}'), post('/images/edits', form)]);
  return performance.now() - began;
}
