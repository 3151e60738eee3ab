import type { FastifyInstance, FastifyRequest } from 'fastify';
import fresh from 'fresh';
import { ASSET_KEY } from '../assets/asset.ts';
import { findAssetFacts } from '../assets/find-asset.ts';
import { AppError } from '../lib/app-error.ts';
import { type AssetCache, createAssetCache } from './asset-cache.ts';
import type { ApiDeps } from './context.ts';

/**
 * One day, also in shared caches, because images are on pages with many visitors. The bytes of a
 * key never change, but a deleted image must be gone from all caches about a day later.
 */
const CACHE_CONTROL = 'public, max-age=86400, immutable';

/**
 * Serves `GET /assets/{key}`: images, for anyone who has the key, because an `<img>` sends no
 * token. Browsers must treat them as images, whatever they contain. Only an answer with a body
 * reads the bytes or fills the cache: HEAD and 304 do not.
 */
export function registerAssets(app: FastifyInstance, deps: Pick<ApiDeps, 'orm'>): void {
  const cache = createAssetCache(deps);
  app.route<{ Params: { key: string } }>({
    url: '/assets/:key',
    method: ['GET', 'HEAD'],
    async handler(request, reply) {
      const { key } = request.params;
      const etag = `"${key}"`;
      const isKnown = fresh(request.headers, { etag });
      const asset = ASSET_KEY.test(key) ? await loadContent(request, { deps, cache, isKnown }) : undefined;
      if (!asset) throw new AppError('not_found', { detail: 'There is no image at this address.' });
      reply.headers({
        'content-type': asset.contentType,
        'cache-control': CACHE_CONTROL,
        etag,
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; sandbox",
        'cross-origin-resource-policy': 'cross-origin',
      });
      if (isKnown) return reply.code(304).send();
      if (asset.bytes === undefined) return reply.header('content-length', asset.size).send();
      return reply.send(asset.bytes);
    },
  });
}

interface AssetContent {
  readonly contentType: string;
  readonly size: number;
  /** Absent for HEAD and 304. */
  readonly bytes?: Buffer;
}

async function loadContent(
  { method, params }: FastifyRequest<{ Params: { key: string } }>,
  options: { deps: Pick<ApiDeps, 'orm'>; cache: AssetCache; isKnown: boolean },
): Promise<AssetContent | undefined> {
  const needsBytes = method === 'GET' && !options.isKnown;
  if (!needsBytes) return findAssetFacts(options.deps, params.key);
  const asset = await options.cache.find(params.key);
  return asset && { ...asset, size: asset.bytes.length };
}
