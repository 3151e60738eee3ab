import type { AddressInfo } from 'node:net';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { createBatchWatch } from '../../src/batches/watch-batches.ts';
import { createCtaBatchClient } from '../../src/client/index.ts';
import { type AppOptions, createApp } from '../../src/http/app.ts';
import { readBuildInfo } from '../../src/lib/build-info.ts';
import { createHealth } from '../../src/lib/health.ts';
import { type Meter, noMeter } from '../../src/lib/meter.ts';
import { noTracing } from '../../src/lib/tracing.ts';
import { createTokenWatch } from '../../src/workspaces/watch-tokens.ts';
import { createMemoryLog } from './quiet-log.ts';
import { openTestDatabase, type TestDatabase } from './test-database.ts';

export const ROOT = '/api/llm-editor/cta';

/** An answer of the REST API with parsed JSON. */
export interface Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into any shape of answer
  readonly body: any;
}

/** Opens the API on a new database with two workspaces. `close` ends both. */
export async function openTestApi(options: Partial<AppOptions> = {}) {
  const db = await openTestDatabase();
  const api = await startTestApi(db, options);
  const [one, two] = [await db.addWorkspace('one'), await db.addWorkspace('two')];
  async function close(): Promise<void> {
    await api.close();
    await db.drop();
  }
  return { db, api, one, two, close };
}

/** Starts the API on a test database, without a worker. */
export async function startTestApi(db: TestDatabase, options: Partial<AppOptions> & { meter?: Meter } = {}) {
  const log = createMemoryLog();
  const health = createHealth({ role: 'api', build: readBuildInfo() });
  health.start();
  const batchWatch = createBatchWatch(db);
  const app: FastifyInstance = await createApp(
    {
      ...db.deps,
      log,
      batchWatch,
      // A short interval, so that no test has to wait for it.
      tokenWatch: createTokenWatch(db, { checkMs: 250 }),
      health,
      meter: options.meter ?? noMeter,
      tracing: noTracing,
    },
    { corsOrigins: [], frameAncestors: '*', trustProxy: false, publicUrl: 'https://cta.example', ...options },
  );
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;

  /** Makes a REST call. `path` is relative to the API's root unless it begins with `//`. */
  async function rest(
    token: string | undefined,
    method: 'GET' | 'POST' | 'PATCH',
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const request: InjectOptions = {
      method,
      url: path.startsWith('//') ? path.slice(1) : ROOT + path,
      headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
    };
    if (body !== undefined) {
      request.payload = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
      request.headers = { 'content-type': 'application/json', ...request.headers };
    }
    const answer = await app.inject(request);
    const json = answer.payload !== '' && String(answer.headers['content-type']).includes('json');
    return {
      status: answer.statusCode,
      headers: answer.headers,
      body: json ? answer.json() : answer.rawPayload,
    };
  }

  return {
    app,
    log,
    health,
    batchWatch,
    address,
    rest,
    client: (token: string) => createCtaBatchClient({ url: address, token }),
    close: () => app.close(),
  };
}

export type TestApi = Awaited<ReturnType<typeof startTestApi>>;
