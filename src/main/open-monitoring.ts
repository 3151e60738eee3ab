import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { describeHealth, type Health } from '../lib/health.ts';
import type { Log } from '../lib/log.ts';
import type { Settings } from './config.ts';
import { addressOf, explainListenError } from './explain-listen-error.ts';

/** The metrics, as their server needs them. */
export interface MetricsPage {
  readonly contentType: string;
  render(): Promise<string>;
}

/** The servers for monitoring. */
export interface Monitoring {
  /** For each server, a line that says which paths it serves at which address. */
  readonly lines: readonly string[];
  close(): Promise<void>;
}

/** The responses of a server, by path. */
type Pages = Record<string, () => Promise<{ status: number; contentType: string; body: string }>>;

/** A request consists of a request line and some headers, so it arrives quickly. */
const REQUEST_MS = 5000;

/**
 * Opens HEALTH_PORT and METRICS_PORT if they are set; one server serves both if they are the same.
 *
 * @throws SettingsError if a port cannot be opened.
 */
export async function openMonitoring(
  settings: Pick<Settings, 'HOST' | 'HEALTH_PORT' | 'METRICS_PORT'>,
  { health, metrics }: { health: Health; metrics: MetricsPage | undefined },
  log: Log,
): Promise<Monitoring> {
  const { HOST: host, HEALTH_PORT: healthPort, METRICS_PORT: metricsPort } = settings;
  const healthPages = listHealthPages(health);
  const metricsPages = metrics ? listMetricsPages(metrics) : {};
  const servers: Server[] = [];
  const lines: string[] = [];
  const close = async () => {
    for (const server of servers) server.closeAllConnections();
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  };
  async function open(
    setting: 'HEALTH_PORT' | 'METRICS_PORT',
    port: number | undefined,
    pages: Pages,
  ): Promise<void> {
    if (port === undefined) return;
    const server = createServer(
      { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, connectionsCheckingInterval: 1000 },
      answer(pages, log),
    );
    try {
      server.listen({ host, port });
      await once(server, 'listening');
    } catch (error) {
      throw explainListenError(error, { setting, host, port });
    }
    servers.push(server);
    lines.push(`${Object.keys(pages).join(', ')} at ${addressOf(server)}`);
  }
  try {
    const isShared = healthPort !== undefined && healthPort === metricsPort;
    await open('HEALTH_PORT', healthPort, isShared ? { ...healthPages, ...metricsPages } : healthPages);
    if (!isShared) await open('METRICS_PORT', metricsPort, metricsPages);
  } catch (error) {
    await close();
    throw error;
  }
  return { lines, close };
}

function answer(pages: Pages, log: Log): RequestListener {
  return async (request, response) => {
    const { method = '', url = '' } = request;
    const path = url.split('?', 1)[0] ?? '';
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    if (!page) return void response.writeHead(404, { 'cache-control': 'no-store' }).end();
    if (method !== 'GET' && method !== 'HEAD')
      return void response.writeHead(405, { allow: 'GET, HEAD', 'cache-control': 'no-store' }).end();
    try {
      const { status, contentType, body } = await page();
      response.writeHead(status, {
        'content-type': contentType,
        'content-length': Buffer.byteLength(body),
        'cache-control': 'no-store',
      });
      response.end(method === 'HEAD' ? undefined : body);
    } catch (err) {
      log.error({ err, path }, 'monitoring request failed');
      response.writeHead(500, { 'cache-control': 'no-store' }).end();
    }
  };
}

function listHealthPages(health: Health): Pages {
  const page = (path: '/livez' | '/readyz') => async () => {
    const { status, body } = await describeHealth(health, path);
    return { status, contentType: 'application/json; charset=utf-8', body: JSON.stringify(body) };
  };
  return { '/livez': page('/livez'), '/readyz': page('/readyz') };
}

function listMetricsPages({ contentType, render }: MetricsPage): Pages {
  return { '/metrics': async () => ({ status: 200, contentType, body: await render() }) };
}
