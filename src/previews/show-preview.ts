import { mergePrefill } from '../creative/merge-prefill.ts';
import { previews } from '../db/schema/previews.ts';
import { describeError, isErrorCode } from '../lib/app-error.ts';
import { makeEmbedKey } from './embed-key.ts';
import type { Failure, Preview } from './preview.ts';
import type { Waiting } from './waiting.ts';

/** The columns that a returned preview is made from. */
export const previewColumns = {
  id: previews.id,
  batchId: previews.batchId,
  sourceId: previews.sourceId,
  productId: previews.productId,
  imageId: previews.imageId,
  position: previews.position,
  status: previews.status,
  ranking: previews.ranking,
  generated: previews.generated,
  overrides: previews.overrides,
  embedSecret: previews.embedSecret,
  embedRevokedAt: previews.embedRevokedAt,
  generator: previews.generator,
  errorCode: previews.errorCode,
  errorMessage: previews.errorMessage,
  usageCalls: previews.usageCalls,
  usageInputTokens: previews.usageInputTokens,
  usageOutputTokens: previews.usageOutputTokens,
  usageImages: previews.usageImages,
  usageMs: previews.usageMs,
  version: previews.version,
  createdAt: previews.createdAt,
  updatedAt: previews.updatedAt,
};

export type PreviewRow = {
  readonly [K in keyof typeof previewColumns]: (typeof previewColumns)[K]['_']['data'] | NullOf<K>;
};
type NullOf<K extends keyof typeof previewColumns> = (typeof previewColumns)[K]['_']['notNull'] extends true
  ? never
  : null;

/**
 * Makes a preview as both APIs return it. `baseUrl` (without a slash at its end) makes our own
 * addresses absolute; `waiting` is the result of `loadWaiting` for it.
 */
export function showPreview(row: PreviewRow, baseUrl: string, waiting?: Waiting): Preview {
  const prefill = row.generated ? mergePrefill(row.generated, row.overrides) : null;
  return {
    id: row.id,
    bulkTaskId: row.batchId,
    sourceId: row.sourceId,
    productId: row.productId,
    imageId: row.imageId,
    position: row.position,
    status: row.status,
    prefill: prefill && {
      ...prefill,
      productImageUrl: absolute(prefill.productImageUrl, baseUrl),
      backgroundImageUrl: absolute(prefill.backgroundImageUrl, baseUrl),
    },
    embedUrl: prefill && !row.embedRevokedAt ? `${baseUrl}/cta/${makeEmbedKey(row)}` : null,
    error: showFailure(row),
    ranking: row.ranking,
    generator: row.generator,
    usage: {
      calls: row.usageCalls,
      inputTokens: row.usageInputTokens,
      outputTokens: row.usageOutputTokens,
      pictures: row.usageImages,
      durationMs: row.usageMs,
    },
    queuePosition: waiting?.queuePosition ?? null,
    eta: waiting?.eta ?? null,
    waitingFor: waiting?.waitingFor ?? null,
    version: row.version,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
  };
}

/** Makes a failure from its two columns; null if there is none. */
export function showFailure(row: { errorCode: string | null; errorMessage: string | null }): Failure | null {
  if (row.errorCode === null) return null;
  const code = isErrorCode(row.errorCode) ? row.errorCode : 'internal';
  const { sentence, retry } = describeError(code);
  return { code: row.errorCode, message: row.errorMessage ?? sentence, retryable: retry !== 'never' };
}

function absolute(url: string, baseUrl: string): string {
  return url.startsWith('/') ? baseUrl + url : url;
}
