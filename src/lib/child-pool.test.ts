import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { poll } from '../../test/support/poll.ts';
import type { PoolRequest, PoolResponse } from '../../test/support/pool-child.ts';
import { type ChildPool, type ChildPoolOptions, createChildPool } from './child-pool.ts';

let folder: string;
const pools: ChildPool<PoolRequest, PoolResponse>[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cta-pool-'));
});
afterEach(() => {
  for (const pool of pools.splice(0)) pool.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const never = new AbortController().signal;

function open(options: Partial<ChildPoolOptions<PoolResponse>> = {}) {
  const pool = createChildPool<PoolRequest, PoolResponse>({
    file: new URL('../../test/support/pool-child.ts', import.meta.url),
    processes: 1,
    heapMb: 100,
    idleMs: 60_000,
    endWhenAborted: false,
    ...options,
  });
  pools.push(pool);
  return {
    ...pool,
    ask: (request: PoolRequest = {}, { timeoutMs = 30_000, signal = never } = {}) =>
      pool.send(request, { owner: 'test', timeoutMs, signal }),
  };
}

function isThere(file: string): Promise<boolean> {
  return poll(async () => existsSync(file), Boolean);
}

/** Resolves when no process with this pid exists. */
function exited(pid: number): Promise<boolean> {
  return poll(async () => !isAlive(pid), Boolean);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('one process answers many requests, and gets only the given environment variables', async () => {
  const pool = open({ env: { GREETING: 'hello' } });
  const [one, two] = await Promise.all([pool.ask(), pool.ask()]);
  expect(two.pid).toBe(one.pid);
  expect(one.pid).not.toBe(process.pid);
  expect(one.environment).toMatchObject({ GREETING: 'hello' });
  expect(Object.keys((await open().ask()).environment)).not.toContain('PATH');
});

test('runs as many requests at the same time as allowed', async () => {
  const pool = open({ processes: 2 });
  const file = join(folder, 'two');
  const running = pool.ask({ until: file });
  const other = await pool.ask();
  await writeFile(file, '');
  expect((await running).pid).not.toBe(other.pid);
});

test('kills a process that takes too long, and answers the next request with another one', async () => {
  const pool = open();
  const { pid } = await pool.ask();
  await expect(pool.ask({ never: true }, { timeoutMs: 100 })).rejects.toMatchObject({
    name: 'ChildEndedError',
    late: true,
    wasKilled: true,
  });
  expect(isAlive(pid)).toBe(false);
  expect((await pool.ask()).pid).not.toBe(pid);
});

test('fails only the request of a process that exits by itself', async () => {
  const pool = open();
  const { pid } = await pool.ask();
  const [ended, full, next] = await Promise.allSettled([
    pool.ask({ exit: 3 }),
    pool.ask({ fill: 'heap' }),
    pool.ask(),
  ]);
  const name = 'ChildEndedError';
  expect(ended).toMatchObject({ reason: { name, late: false, signal: null, wasKilled: false } });
  expect(full).toMatchObject({ reason: { name, late: false, signal: 'SIGABRT', wasKilled: true } });
  expect(next).toMatchObject({ status: 'fulfilled' });
  expect(next.status === 'fulfilled' && next.value.pid).not.toBe(pid);
});

test('limits memory outside of the JavaScript heap', async () => {
  const pool = open();
  const rss = process.memoryUsage.rss();
  await expect(pool.ask({ fill: 'native' })).rejects.toMatchObject({
    name: 'ChildEndedError',
    late: false,
    signal: 'SIGKILL',
  });
  expect(process.memoryUsage.rss() - rss).toBeLessThan(50_000_000);
  await pool.ask();
});

test.skipIf(process.platform !== 'linux')(
  'lets the system kill a child process first when memory runs out',
  async () => {
    const { pid } = await open().ask();
    expect((await readFile(`/proc/${pid}/oom_score_adj`, 'utf8')).trim()).toBe('1000');
  },
);

/** Opens a pool with one busy process and a second one that does not become ready. */
async function openBusy(name: string, options: Partial<ChildPoolOptions<PoolResponse>> = {}) {
  const [loadWhen, begun, until] = ['load', 'begun', 'until'].map((of) => join(folder, `${name}-${of}`)) as [
    string,
    string,
    string,
  ];
  await writeFile(loadWhen, '');
  const pool = open({ processes: 2, env: { LOAD_WHEN: loadWhen }, ...options });
  const running = pool.ask({ begun, until });
  await isThere(begun);
  await rm(loadWhen);
  return { pool, held: running, free: () => writeFile(until, ''), load: () => writeFile(loadWhen, '') };
}

test('gives a request that started a process to the first free process', async () => {
  const busy = await openBusy('free');
  const other = busy.pool.ask();
  await busy.free();
  expect((await other).pid).toBe((await busy.held).pid);
  const started = await openBusy('started');
  const another = started.pool.ask();
  await started.load();
  const { pid } = await another;
  await started.free();
  expect(pid).not.toBe((await started.held).pid);
});

test('does not send a request that was aborted while it waited for a process', async () => {
  const { pool, held: running, free } = await openBusy('aborted');
  const never = join(folder, 'second');
  const unwanted = new AbortController();
  const sending = pool.ask({ begun: never }, { signal: unwanted.signal });
  unwanted.abort(new Error('not wanted'));
  await expect(sending).rejects.toThrow('not wanted');
  await free();
  expect((await pool.ask()).pid).toBe((await running).pid);
  expect(existsSync(never)).toBe(false);
});

test('does not lose a process that becomes free just after the abort of a waiting request', async () => {
  const unwanted = new AbortController();
  const isLast = () => {
    unwanted.abort(new Error('not wanted'));
    return false;
  };
  const { pool, held: running, free } = await openBusy('lost', { isLast });
  const refused = expect(pool.ask({}, { signal: unwanted.signal })).rejects.toThrow('not wanted');
  await free();
  await refused;
  expect((await pool.ask()).pid).toBe((await running).pid);
});

test('reports why the code of a process cannot be loaded', async () => {
  const pool = open({ file: new URL('../../test/support/broken-child.ts', import.meta.url) });
  await expect(pool.ask()).rejects.toThrow(/^there is no library$/);
  const both = open({ file: new URL('../../test/support/broken-child.ts', import.meta.url), processes: 2 });
  for (const { status } of await Promise.allSettled([both.ask(), both.ask()]))
    expect(status).toBe('rejected');
});

test('replaces a process that is killed while idle', async () => {
  const pool = open();
  const { pid } = await pool.ask();
  process.kill(pid, 'SIGKILL');
  await exited(pid);
  expect((await pool.ask()).pid).not.toBe(pid);
});

test('keeps the process of an aborted request, which answers the next one', async () => {
  const pool = open();
  const { pid } = await pool.ask();
  const file = join(folder, 'on');
  const [first, second] = [new AbortController(), new AbortController()];
  const unwanted = pool.ask({ until: file }, { signal: first.signal });
  const waiting = pool.ask({}, { signal: second.signal });
  const next = pool.ask();
  first.abort(new Error('not wanted'));
  await expect(unwanted).rejects.toThrow('not wanted');
  second.abort(new Error('nor this'));
  await expect(waiting).rejects.toThrow('nor this');
  await writeFile(file, '');
  expect((await next).pid).toBe(pid);
});

test('ends the process of an aborted request if the pool is configured so', async () => {
  const pool = open({ endWhenAborted: true });
  const { pid } = await pool.ask();
  const unwanted = new AbortController();
  const begun = join(folder, 'unwanted');
  const sending = pool.ask({ begun, never: true }, { signal: unwanted.signal });
  const next = pool.ask();
  await isThere(begun);
  unwanted.abort(new Error('not wanted'));
  await expect(sending).rejects.toThrow('not wanted');
  expect((await next).pid).not.toBe(pid);
  await exited(pid);
});

test('ends a process that is idle, and one that has reached its maximum number of requests', async () => {
  const { pid } = await open({ idleMs: 1 }).ask();
  await exited(pid);
  const short = open({ isLast: () => true });
  const pids = [(await short.ask()).pid, (await short.ask()).pid];
  expect(new Set(pids).size).toBe(2);
  for (const served of pids) await exited(served);
});

test('leaves no process after close, and starts none', async () => {
  const pool = open();
  const { pid } = await pool.ask();
  const begun = join(folder, 'closed');
  const sending = Promise.allSettled([pool.ask({ begun, never: true }), pool.ask()]);
  await isThere(begun);
  pool.close();
  pool.prepare();
  const [running, waited] = await sending;
  expect(running).toMatchObject({
    reason: { name: 'ChildEndedError', late: false, signal: 'SIGKILL' },
  });
  expect(waited).toMatchObject({ reason: { message: 'the processes were ended' } });
  await exited(pid);
});

test('ends a process that sends an unexpected answer, and gives that answer to no request', async () => {
  const pool = open();
  const forged = await pool.ask({ forge: true }).catch((error: Error) => error);
  expect(forged).toMatchObject({ name: 'ChildEndedError' });
  expect((await pool.ask()).pid).toBeGreaterThan(0);
});

test('gives a reserved process to an owner without one while another holds all', async () => {
  const pool = createChildPool<PoolRequest, PoolResponse>({
    file: new URL('../../test/support/pool-child.ts', import.meta.url),
    processes: 1,
    reserve: 1,
    heapMb: 100,
    idleMs: 60_000,
    endWhenAborted: true,
  });
  pools.push(pool);
  const stopped = new AbortController();
  const alice = { owner: 'alice', timeoutMs: 60_000, signal: stopped.signal };
  const running = [pool.send({ never: true }, alice), pool.send({ never: true }, alice)];
  const bob = { owner: 'bob', timeoutMs: 60_000, signal: never };
  for (let at = 0; at < 3; at += 1) expect((await pool.send({}, bob)).pid).toBeGreaterThan(0);
  stopped.abort(new Error('enough'));
  for (const sending of running) await expect(sending).rejects.toThrow('enough');
});
