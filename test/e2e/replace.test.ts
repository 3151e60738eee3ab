import http from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { expectSound } from '../support/expect-sound.ts';
import { poll } from '../support/poll.ts';
import { createRestClient } from '../support/rest-client.ts';
import { startWorld } from '../support/start-world.ts';

const CLIENTS = 6;
const ROOT = '/api/llm-editor/cta';

interface Answer {
  status: number;
  body: string;
  isLast: boolean;
}

/**
 * A client that moves from the old address to the new one. With a kept connection, it moves when it
 * is told to close it, or refused. With a new connection for each request, it checks `/readyz`, as
 * a load balancer does.
 */
function createClient(
  token: string,
  { addresses, isKept }: { addresses: readonly [old: string, fresh: string]; isKept: boolean },
) {
  const agent = new http.Agent({ keepAlive: isKept, maxSockets: 1 });
  let at: 0 | 1 = 0;
  function send(address: string | undefined, method: string, path: string, body?: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const request = http.request(`${address}${path}`, { agent, method, headers });
      request.on('error', reject);
      request.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
        });
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            body: text,
            isLast: response.headers.connection === 'close',
          }),
        );
      });
      request.end(body);
    });
  }
  return {
    /** Number of answers from the old and the new address. */
    answers: [0, 0] as [number, number],
    close: () => agent.destroy(),
    async ask(method: string, path: string, body?: unknown): Promise<Answer> {
      if (!isKept && at === 0 && (await send(addresses[at], 'GET', '/readyz')).status !== 200) at = 1;
      const text = body === undefined ? undefined : JSON.stringify(body);
      let answer: Answer;
      try {
        answer = await send(addresses[at], method, ROOT + path, text);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED' || !isKept || at === 1) throw error;
        at = 1;
        answer = await send(addresses[at], method, ROOT + path, text);
      }
      this.answers[at] += 1;
      if (isKept && answer.isLast) at = 1;
      return answer;
    },
  };
}

test('a new version takes over under load without failed requests and duplicate calls', {
  timeout: 360_000,
}, async () => {
  const world = await startWorld({ ai: { latencyMs: 600 } });
  onTestFinished(world.end);
  const oldProgram = await world.start('all', { STOP_DELAY: '1s', STOP_GRACE: '20s' });
  const { token } = await world.db.addWorkspace('one');
  const rest = createRestClient(oldProgram.address, token);
  const sources = (name: string) =>
    [1, 2, 3].map((n) => ({ url: world.shop.productUrl(`${name}-${n}`), batch_size: 10 }));
  const batches = [await rest.create(sources('first')), await rest.create(sources('second'))];
  await world.ai.waitForCalls(20);
  const fresh = await world.start('all');

  const statuses = new Map<number, number>();
  const problems: string[] = [];
  let isOver = false;
  const clients = Array.from({ length: CLIENTS }, (_, i) => {
    const addresses = [oldProgram.address, fresh.address] as const;
    return createClient(token, { addresses, isKept: i % 2 === 0 });
  });
  const loops = clients.map(async (client, i) => {
    for (let n = 0; !isOver; n += 1) {
      const batch = batches[n % 2]?.id;
      const [method, path, body] =
        n % 10 === i
          ? ([
              'POST',
              '/batch/',
              { sources: [{ url: world.shop.productUrl(`more-${i}-${n}`), batch_size: 1 }] },
            ] as const)
          : n % 2 === 0
            ? (['GET', `/batch/${batch}/`] as const)
            : (['GET', `/previews/?bulk_task_id=${batch}`] as const);
      const answer = await client.ask(method, path, body).catch((error: Error) => {
        problems.push(`${method} ${path}: ${error.message}`);
        return undefined;
      });
      if (!answer) continue;
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      if (answer.status >= 400) problems.push(`${method} ${path}: ${answer.status} ${answer.body}`);
    }
  });
  // All of them now have a connection to the old program.
  await poll(
    async () => clients.every((client) => client.answers[0] > 2),
    (all) => all,
  );
  expect(await world.stop(oldProgram)).toEqual({ code: 0, signal: null });
  await poll(
    async () => clients.every((client) => client.answers[1] > 5),
    (all) => all,
  );
  isOver = true;
  await Promise.all(loops);
  for (const client of clients) client.close();
  expect(problems).toEqual([]);
  expect([...statuses.keys()].sort()).toEqual([200, 201]);

  const next = createRestClient(fresh.address, token);
  for (const { id } of batches) {
    expect(await next.follow(id)).toMatchObject({ status: 'done', progress: { done: 30 } });
  }
  await poll(
    async () => (await next.call('GET', '/batch/?page_size=100')).body.results,
    (all: { status: string }[]) => all.every(({ status }) => status === 'done'),
  );
  const times = Map.groupBy(world.ai.calls, (call) => call.idempotencyKey);
  expect([...times.values()].filter((calls) => calls.length > 1)).toEqual([]);
  await expectSound(world.db, { calls: world.ai.calls, alive: world.alive });
});
