import type { FastifyInstance } from 'fastify';
import { ASSET_KEY } from '../assets/asset.ts';
import { findAsset } from '../assets/find-asset.ts';
import { AppError } from '../lib/app-error.ts';
import type { ApiDeps } from './context.ts';

/**
 * A day, for browsers and shared caches: pictures stand in pages with many visitors, so a cache in
 * front must be able to serve them, but one whose preview was deleted must be gone everywhere soon
 * after.
 */
const CACHE_CONTROL = 'public, max-age=86400, immutable';

/**
 * `GET /assets/{key}`: pictures, for anyone who has the key, as an `<img>` sends no token. The content of a key never
 * changes, so it may be kept for ever; and it is a picture, whatever a browser would like to see in it.
 */
export function registerAssets(app: FastifyInstance, deps: Pick<ApiDeps, 'orm'>): void {
  app.get<{ Params: { key: string } }>('/assets/:key', async (request, reply) => {
    const { key } = request.params;
    const asset = ASSET_KEY.test(key) ? await findAsset(deps, key) : undefined;
    if (!asset) throw new AppError('not_found', { detail: 'There is no picture at this address.' });
    return reply
      .headers({
        'content-type': asset.contentType,
        'cache-control': CACHE_CONTROL,
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; sandbox",
        'cross-origin-resource-policy': 'cross-origin',
      })
      .send(asset.bytes);
  });
}
