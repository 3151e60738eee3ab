import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Behavior, type BehaviorObject, makeImages, writeAnswer } from './ai-answers.ts';
import { type AiCall, type CallKind, createCallLog } from './ai-call-log.ts';

export type { Behavior } from './ai-answers.ts';
export type { AiCall, CallKind } from './ai-call-log.ts';

/**
 * Chooses the behavior for a call. `index` counts from 0 per kind; `key` is its idempotency key.
 */
export type AiScript = (
  index: number,
  kind: CallKind,
  key: string | null,
  call: AiCall,
) => Behavior | undefined;

/** The default answers of the fake, and its port. */
export interface FakeAiOptions {
  readonly port?: number;
  readonly latencyMs?: number;
  /** For images. By default, `latencyMs`. */
  readonly imageLatencyMs?: number;
  readonly script?: AiScript;
}

/** A running fake of an AI service. See `createCallLog` for `calls` and the functions that wait. */
export type FakeAi = Awaited<ReturnType<typeof startFakeAi>>;

/**
 * Starts a real HTTP server on loopback with OpenAI's wire format: `POST /v1/chat/completions` and
 * multipart `POST /v1/images/edits`. Without a script, every call gets a valid answer. A request to
 * any other path gets a 404 and does not count as a call.
 */
export async function startFakeAi(options: FakeAiOptions = {}) {
  const images = await makeImages();
  const log = createCallLog();
  const counts: Record<CallKind, number> = { text: 0, image: 0 };
  const timers = new Set<NodeJS.Timeout>();
  let script = options.script;

  const server = http.createServer((request, response) => {
    const kind = findKind(request);
    if (kind === null) {
      if (request.url?.startsWith('/images/')) sendImage(response, images.jpegs[0]);
      else
        response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":{"code":"not_found"}}');
      return;
    }
    const call = log.add(kind, request);
    const index = counts[kind]++;
    response.once('close', () => {
      if (call.outcome === 'pending') log.finish(call, 'abandoned');
    });
    readBody(request).then(
      async (bytes) => {
        call.body = await summarize(bytes, request);
        const behavior = toObject(script?.(index, kind, call.idempotencyKey, call));
        const latency = (kind === 'image' ? options.imageLatencyMs : undefined) ?? options.latencyMs ?? 0;
        const delayMs = behavior.delayMs ?? latency;
        const answer = (): void => {
          if (response.destroyed) return;
          writeAnswer({ behavior, call, index, response, images, log });
        };
        if (delayMs <= 0) return answer();
        const timer = setTimeout(() => {
          timers.delete(timer);
          answer();
        }, delayMs);
        timers.add(timer);
      },
      // The client disconnected while it was sending, so the call stays `abandoned`.
      () => undefined,
    );
  });
  // Only the clients of the tests limit how long they wait, never this server.
  server.requestTimeout = 0;
  server.headersTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;

  async function close(): Promise<void> {
    for (const timer of timers) clearTimeout(timer);
    log.close();
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    calls: log.calls,
    inflight: log.inflight,
    worstWindow: log.worstWindow,
    waitForCalls: log.waitForCalls,
    waitFor: log.waitFor,
    /** Applies from the next answer on. Calls that were already counted keep their index. */
    setScript(next: AiScript | undefined): void {
      script = next;
    },
    close,
  };
}

function findKind(request: http.IncomingMessage): CallKind | null {
  if (request.method !== 'POST') return null;
  if (request.url === '/v1/chat/completions') return 'text';
  return request.url === '/v1/images/edits' ? 'image' : null;
}

function toObject(behavior: Behavior | undefined): BehaviorObject {
  return typeof behavior === 'object' ? behavior : { do: behavior ?? 'ok' };
}

async function readBody(request: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Returns the fields that tests inspect by name, and an image as its size and type. */
async function summarize(bytes: Buffer, request: http.IncomingMessage): Promise<Record<string, unknown>> {
  const contentType = request.headers['content-type'] ?? '';
  try {
    if (!contentType.startsWith('multipart/')) return JSON.parse(bytes.toString('utf8'));
    const form = await new Response(new Uint8Array(bytes), {
      headers: { 'content-type': contentType },
    }).formData();
    return Object.fromEntries(
      [...form].map(([name, value]) => [
        name,
        typeof value === 'string' ? value : { name: value.name, type: value.type, size: value.size },
      ]),
    );
  } catch (error) {
    return { unreadable: String(error) };
  }
}

function sendImage(response: http.ServerResponse, bytes: Buffer | undefined): void {
  response.writeHead(200, { 'content-type': 'image/jpeg' }).end(bytes);
}
