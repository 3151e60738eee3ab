import http from 'node:http';
import https from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import { proxyAuthorization } from './proxy.ts';

/**
 * Opens a connection to a host and port through an HTTP proxy (`CONNECT`; RFC 9110, section 9.3.6).
 * The caller must start TLS on the returned socket if needed, and close it.
 *
 * @throws Error that does not contain the credentials of the proxy; `signal.reason` when the signal
 * aborts.
 */
export function openTunnel(
  proxy: URL,
  target: { hostname: string; port: number },
  { signal, lookup }: { signal: AbortSignal; lookup?: LookupFunction },
): Promise<Socket> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const host = target.hostname.includes(':') ? `[${target.hostname}]` : target.hostname;
  const authority = `${host}:${target.port}`;
  const request = requestProxy(proxy, {
    method: 'CONNECT',
    path: authority,
    headers: { host: authority },
    ...(lookup === undefined ? {} : { lookup }),
  });
  const onAbort = () => {
    reject(signal.reason);
    request.destroy();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  request.once('connect', (response, socket: Socket, head) => {
    const status = response.statusCode ?? 0;
    if (status >= 200 && status <= 299) {
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    } else {
      socket.destroy();
      reject(new Error(`the proxy returned ${status} for CONNECT`));
    }
  });
  request.once('error', (cause) => reject(new Error('the proxy could not be reached', { cause })));
  request.once('close', () => reject(new Error('the proxy closed the connection')));
  request.end();
  return promise.finally(() => signal.removeEventListener('abort', onAbort));
}

/**
 * Creates a request to the proxy itself, over a new connection, with the credentials in its URL.
 */
export function requestProxy(proxy: URL, options: http.RequestOptions): http.ClientRequest {
  const isSecure = proxy.protocol === 'https:';
  return (isSecure ? https : http).request({
    ...options,
    host: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port || (isSecure ? 443 : 80),
    headers: { ...options.headers, ...proxyAuthorization(proxy) },
    // With NODE_USE_ENV_PROXY, the global agent would send this through the proxy again.
    agent: false,
  });
}
