import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { AiCall } from '../fakes/fake-ai.ts';
import { expectSound } from '../support/expect-sound.ts';
import { type Gate, type GatePlace, makeGate } from '../support/make-gate.ts';
import { poll } from '../support/poll.ts';
import type { Program } from '../support/program.ts';
import { startWorld, type World } from '../support/start-world.ts';

/** Longer than any test. */
const NEVER_MS = 120_000;
/** Kills in a row at each point; more for a release (`npm run check:release`). */
const DEATHS = Number(process.env.DEATHS ?? 1);
const PREVIEWS = 2;
/** Far longer than the next worker takes to continue after it is ready. */
const CONTINUE_TIMEOUT_MS = 10_000;

let world: World;
let rest: Awaited<ReturnType<World['connect']>>;
let worker: Program;
beforeAll(async () => {
  world = await startWorld({ ai: { latencyMs: 50 } });
  rest = await world.connect(await world.start('api'));
  worker = await world.start('worker');
});
afterAll(() => world.end());

const gates: Gate[] = [];
afterEach(async () => {
  for (const gate of gates.splice(0)) await gate.open();
  world.ai.setScript(undefined);
});

async function addGate(gate: Promise<Gate>): Promise<Gate> {
  gates.push(await gate);
  return gate;
}

/** Returns how many rows of a table match a condition. */
async function count(table: string, condition: string): Promise<number> {
  const query = sql.raw(`select count(*)::int as n from cta.${table} where ${condition}`);
  return (await world.db.orm.execute<{ n: number }>(query)).rows[0]?.n ?? 0;
}

async function untilCount(table: string, condition: string, wanted = PREVIEWS): Promise<void> {
  const quick = { everyMs: 10, timeoutMs: CONTINUE_TIMEOUT_MS };
  await poll(
    () => count(table, condition),
    (found) => found === wanted,
    quick,
  );
}

/** A point in the pipeline at which the worker is killed. */
interface KillPoint {
  readonly name: string;
  /** Runs before the batch is created, and makes the pipeline stop at this point. */
  arrange(path: string): Promise<void>;
  /** Resolves when the pipeline is at this point (again). `death` counts from 0. */
  reached(path: string, death: number): Promise<void>;
  /** Runs after the last kill, and lets the pipeline continue. */
  letGo?(path: string): Promise<void>;
  /** The calls per preview that the provider receives; 1 of each kind by default. */
  readonly calls?: { readonly text: number; readonly image: number };
}

/** Makes a kill point at which transactions wait to write a row. */
function atGate(name: string, where: GatePlace, more: Partial<KillPoint> = {}): KillPoint {
  return {
    name,
    arrange: async () => void (await addGate(makeGate(world.db.url, where))),
    reached: async () => gates[0]?.reached(),
    ...more,
  };
}

const imageOf = (path: string) => `/images/${path.split('/').at(-1)}-1.jpg`;
const inProgress = () => world.ai.inflight();

const KILL_POINTS: readonly KillPoint[] = [
  atGate('batch.start is being taken', {
    table: 'cta.batches',
    on: 'update',
    when: 'old.started_at is null and new.started_at is not null',
  }),
  {
    name: 'the page is claimed',
    arrange: async (path) => world.shop.script(path, { hang: true }),
    reached: (_, death) => untilCount('sources', `status = 'running' and attempts = ${death + 1}`, 1),
    letGo: async (path) => world.shop.script(path, undefined),
  },
  {
    name: 'the page is being read',
    arrange: async (path) => world.shop.script(imageOf(path), { hang: true }),
    async reached(path, death) {
      const asked = async () =>
        world.shop.requests.filter((request) => request.path === imageOf(path)).length;
      await poll(asked, (times) => times > death, { everyMs: 10, timeoutMs: CONTINUE_TIMEOUT_MS });
      await untilCount('sources', `status = 'running'`, 1);
    },
    letGo: async (path) => world.shop.script(imageOf(path), undefined),
  },
  atGate('images are being assigned', {
    table: 'cta.previews',
    on: 'update',
    when: "old.status = 'pending' and new.status = 'queued'",
  }),
  {
    name: 'images are assigned, previews wait',
    // As if the provider had asked us to wait.
    arrange: () => pauseUntil(`clock_timestamp() + interval '1 hour'`),
    reached: () => untilCount('previews', `status = 'queued'`),
    letGo: () => pauseUntil('null'),
  },
  atGate('calls are being claimed', { table: 'cta.ai_calls', on: 'insert', when: 'true' }),
  atGate(
    'calls are claimed, nothing is sent',
    { table: 'cta.ai_calls', on: 'insert', when: 'true', atCommit: true },
    {
      // The commit succeeds, but the worker does not learn of it.
      async reached() {
        await gates[0]?.reached();
        worker.process.kill('SIGSTOP');
        await gates[0]?.pass();
        // When calls are retried, not all of them are in one claim.
        expect(await count('ai_calls', `status = 'sent'`)).toBeGreaterThan(0);
      },
    },
  ),
  {
    name: 'calls are under way',
    arrange: async () => world.ai.setScript(() => ({ do: 'ok', delayMs: NEVER_MS })),
    reached: () =>
      poll(
        async () => inProgress(),
        (calls) => calls === 2 * PREVIEWS,
      ).then(() => {}),
    letGo: async () => world.ai.setScript(undefined),
    calls: { text: DEATHS + 1, image: DEATHS + 1 },
  },
  {
    name: 'one answer is stored, the other is under way',
    arrange: async () =>
      world.ai.setScript((_, kind) => (kind === 'image' ? { do: 'ok', delayMs: NEVER_MS } : undefined)),
    async reached() {
      await poll(
        async () => inProgress(),
        (calls) => calls === PREVIEWS,
      );
      await untilCount('ai_calls', `status = 'sent'`);
    },
    letGo: async () => world.ai.setScript(undefined),
    calls: { text: 1, image: DEATHS + 1 },
  },
  atGate(
    'answers are being stored',
    { table: 'cta.ai_calls', on: 'update', when: "new.status = 'answered'" },
    {
      reached: async () => gates[0]?.reached(2 * PREVIEWS),
      calls: { text: DEATHS + 1, image: DEATHS + 1 },
    },
  ),
  atGate('both answers are stored, the prefill is being written', {
    table: 'cta.previews',
    on: 'update',
    when: "new.status = 'done'",
  }),
  atGate('the last preview ends its batch', {
    table: 'cta.batches',
    on: 'update',
    when: 'old.finished_at is null and new.finished_at is not null',
  }),
];

async function pauseUntil(time: string): Promise<void> {
  await world.db.orm.execute(sql.raw(`update cta.call_limits set paused_until = ${time}`));
}

/**
 * For each kill point, how long the next worker took to reach it again, to make the next call and
 * to finish: in milliseconds from its start, and in parentheses from when it was ready.
 */
const report: string[] = [];

test.each(KILL_POINTS)('survives kills at the point where $name', { timeout: 360_000 }, async (point) => {
  const path = `/products/kill-${KILL_POINTS.indexOf(point)}`;
  const before = world.ai.calls.length;
  const timings: string[] = [];
  await point.arrange(path);
  const created = await rest.create([{ url: world.shop.origin + path, batch_size: PREVIEWS }]);
  let startedAt = 0;
  let readyAt = 0;
  const recordTiming = (what: string, at: number) =>
    timings.push(`${what} ${Math.round(at - startedAt)} (${Math.round(at - readyAt)})`);
  for (let death = 0; death < DEATHS; death += 1) {
    await point.reached(path, death);
    if (death > 0) recordTiming('there again', performance.now());
    await world.kill(worker);
    for (const gate of gates) await gate.forget();
    if (death === DEATHS - 1) {
      await point.letGo?.(path);
      for (const gate of gates.splice(0)) await gate.open();
    }
    startedAt = performance.now();
    worker = await world.start('worker');
    readyAt = performance.now();
  }
  expect(await rest.follow(created.id)).toMatchObject({ status: 'done', progress: { done: PREVIEWS } });
  const sent = world.ai.calls.slice(before);
  const next = sent.find((call) => call.at > startedAt);
  if (next) recordTiming('next call', next.at);
  recordTiming('done', performance.now());
  report.push(`  ${point.name}: ${timings.join(', ')}`);
  await expectSound(world.db, { calls: world.ai.calls, alive: world.alive });
  const { text, image } = point.calls ?? { text: 1, image: 1 };
  const paid = countKinds(sent);
  expect(paid.text).toBeGreaterThanOrEqual(text * PREVIEWS);
  expect(paid.image).toBeGreaterThanOrEqual(image * PREVIEWS);
  // On a busy machine, a kill may hit another call in progress, so each kill may repeat one call
  // per preview.
  const cut = DEATHS * PREVIEWS;
  expect(paid.text).toBeLessThanOrEqual(text * PREVIEWS + cut);
  expect(paid.image).toBeLessThanOrEqual(image * PREVIEWS + cut);
});

function countKinds(calls: readonly AiCall[]): { text: number; image: number } {
  const groups = Object.groupBy(calls, (call) => call.kind);
  return { text: groups.text?.length ?? 0, image: groups.image?.length ?? 0 };
}

afterAll(() => {
  process.stdout.write(
    `Times of the next worker in ms from its start (and from when it was ready)\n${report.join('\n')}\n`,
  );
});
