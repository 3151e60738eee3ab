import http from 'node:http';
import https from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import { proxyAuthorization } from './proxy.ts';

/**
 * Asks an HTTP proxy for a connection to a host and port (`CONNECT`; RFC 9110, section 9.3.6). The socket that is
 * returned is the caller's to secure and to close.
 *
 * @throws an error that holds nothing of the proxy's credentials; `signal.reason` when the signal aborts.
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
  const giveUp = () => {
    reject(signal.reason);
    request.destroy();
  };
  signal.addEventListener('abort', giveUp, { once: true });
  request.once('connect', (response, socket: Socket, head) => {
    const status = response.statusCode ?? 0;
    if (status >= 200 && status <= 299) {
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    } else {
      socket.destroy();
      reject(new Error(`the proxy answered ${status} to CONNECT`));
    }
  });
  request.once('error', (cause) => reject(new Error('the proxy could not be reached', { cause })));
  request.once('close', () => reject(new Error('the proxy closed the connection')));
  request.end();
  return promise.finally(() => signal.removeEventListener('abort', giveUp));
}

/** Begins a request to the proxy itself, over a connection of its own, with the credentials of its address. */
export function requestProxy(proxy: URL, options: http.RequestOptions): http.ClientRequest {
  const isSecure = proxy.protocol === 'https:';
  return (isSecure ? https : http).request({
    ...options,
    host: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port || (isSecure ? 443 : 80),
    headers: { ...options.headers, ...proxyAuthorization(proxy) },
    // Not the global agent: NODE_USE_ENV_PROXY would send this through the proxy once more.
    agent: false,
  });
}
