import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { OWN_CERTIFICATE, OWN_KEY } from './own-certificate.ts';

/** A request to the proxy, as it arrived. */
export interface ProxiedRequest {
  readonly method: string;
  /** `host:port` of a CONNECT, otherwise the complete URL. */
  readonly target: string;
  readonly host: string;
  readonly authorization: string | null;
}

/** An HTTP proxy on loopback. The test chooses where it really connects to. */
export interface FakeProxy {
  /** `http://127.0.0.1:port`, or https. */
  readonly origin: string;
  readonly requests: ProxiedRequest[];
  /** The real destination of each `host:port`. Others get a 502. */
  readonly routes: Map<string, string>;
  close(): Promise<void>;
}

export interface FakeProxyOptions {
  /** `user:password` that a request must send. Without it, the proxy returns 407. */
  readonly credentials?: string;
  readonly isSecure?: boolean;
  /** Reads requests and does not answer them. */
  readonly isSilent?: boolean;
}

export async function startFakeProxy(options: FakeProxyOptions = {}): Promise<FakeProxy> {
  const requests: ProxiedRequest[] = [];
  const routes = new Map<string, string>();
  const sockets = new Set<Socket>();
  const server = options.isSecure
    ? https.createServer({ cert: OWN_CERTIFICATE, key: OWN_KEY })
    : http.createServer();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });

  /** Returns the status to answer at once, or the destination of the request. */
  function judge(request: http.IncomingMessage, target: string): 407 | 502 | URL {
    const authorization = request.headers['proxy-authorization'] ?? null;
    requests.push({
      method: request.method ?? '',
      target: request.url ?? '',
      host: request.headers.host ?? '',
      authorization,
    });
    const expected = `Basic ${Buffer.from(options.credentials ?? '').toString('base64')}`;
    if (options.credentials !== undefined && authorization !== expected) return 407;
    const route = routes.get(target);
    return route === undefined ? 502 : new URL(`http://${route}`);
  }

  server.on('connect', (request, socket: Socket) => {
    const route = judge(request, request.url ?? '');
    if (options.isSilent) return;
    if (!(route instanceof URL)) {
      socket.end(`HTTP/1.1 ${route} No\r\n\r\n`);
      return;
    }
    const other = connect(Number(route.port), route.hostname, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      other.pipe(socket).pipe(other);
    });
    sockets.add(other);
    other.on('error', () => socket.destroy());
    socket.on('error', () => other.destroy());
  });
  server.on('request', (request: http.IncomingMessage, response: http.ServerResponse) => {
    const url = URL.parse(request.url ?? '');
    const route = judge(request, url === null ? '' : `${url.hostname}:${url.port || '80'}`);
    if (options.isSilent) return;
    if (url === null || !(route instanceof URL)) {
      response.writeHead(Number(route)).end();
      return;
    }
    const { 'proxy-authorization': _, ...headers } = request.headers;
    const to = {
      host: route.hostname,
      port: route.port,
      path: url.pathname + url.search,
      agent: false as const,
    };
    const forward = http.request({ ...to, method: request.method ?? '', headers }, (answer) => {
      answer.pipe(response.writeHead(answer.statusCode ?? 502, answer.headers));
    });
    forward.on('error', () => response.destroy());
    request.pipe(forward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    origin: `${options.isSecure ? 'https' : 'http'}://127.0.0.1:${port}`,
    requests,
    routes,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
