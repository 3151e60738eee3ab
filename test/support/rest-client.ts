import { expect } from 'vitest';
import { poll } from './poll.ts';

/** Creates a client of the REST API, written as a user without our client would write it. */
export function createRestClient(address: string, token: string) {
  const root = `${address}/api/llm-editor/cta`;

  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
  async function call(method: string, path: string, body?: unknown): Promise<{ status: number; body: any }> {
    const response = await fetch(path.startsWith('http') ? path : root + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  }

  /** Polls a batch until it is final, and expects its counts to add up every time. */
  async function follow(id: string, load?: (batch: Batch) => void, timeoutMs?: number): Promise<Batch> {
    return poll(
      async () => {
        const { status, body } = await call('GET', `/batch/${id}/`);
        // While the database is unavailable, requests get a 503. Polling continues.
        if (status === 503) return body;
        expect(status).toBe(200);
        expectSum(body.progress);
        for (const source of body.sources) expectSum(source.progress);
        load?.(body);
        return body as Batch;
      },
      (batch) => ['done', 'failed', 'cancelled'].includes(batch.status),
      timeoutMs === undefined ? {} : { timeoutMs },
    );
  }

  /** Returns all previews of a batch. */
  async function previews(id: string) {
    const results = [];
    let next: string | null = `/previews/?bulk_task_id=${id}&page_size=100`;
    while (next !== null) {
      const { body } = await call('GET', next);
      results.push(...body.results);
      next = body.next;
    }
    return results;
  }

  return {
    call,
    follow,
    previews,
    create: async (sources: { url: string; batch_size?: number }[]) =>
      (await call('POST', '/batch/', { sources })).body,
  };
}

interface Batch {
  readonly id: string;
  readonly status: string;
  readonly progress: Record<string, number>;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
  readonly sources: any[];
  readonly error: { code: string } | null;
  readonly finished_at: string | null;
}

function expectSum({ total, ...counts }: Record<string, number>): void {
  expect(Object.values(counts).reduce((a, b) => a + b, 0)).toBe(total);
}
