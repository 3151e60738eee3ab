import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** A message that reached the receiver. */
export interface ReceivedMessage {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** A running receiver. */
export type FakeReceiver = Awaited<ReturnType<typeof startFakeReceiver>>;

/**
 * Starts a real HTTP server on loopback that receives webhooks. It gives the answers of `script` in
 * order, and then 204.
 */
export async function startFakeReceiver() {
  const messages: ReceivedMessage[] = [];
  const scripted: ((response: http.ServerResponse) => void)[] = [];
  const server = http.createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const headers = request.headers as Record<string, string>;
      messages.push({ path: request.url ?? '', headers, body: Buffer.concat(pieces).toString() });
      const answer = scripted.shift();
      if (answer) answer(response);
      else response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    /** In the format of `FETCH_ALLOW_HOSTS`. */
    host: `127.0.0.1:${port}`,
    port,
    messages,
    script(...answers: (number | ((response: http.ServerResponse) => void))[]): void {
      for (const answer of answers)
        scripted.push(
          typeof answer === 'function' ? answer : (response) => response.writeHead(answer).end('no matter'),
        );
    },
    async close(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
