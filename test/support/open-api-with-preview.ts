import type { AppOptions } from '../../src/http/app.ts';
import { addQueuedBatch, addWorker, claim, finish } from './seed.ts';
import { openTestApi } from './test-api.ts';

/**
 * Opens the API with one finished preview, and returns the paths of its page and its background.
 */
export async function openApiWithPreview(options: Partial<AppOptions>) {
  const opened = await openTestApi({ publicUrl: undefined, ...options });
  const { token, workspaceId } = opened.one;
  const { id: batchId } = await addQueuedBatch(opened.db, workspaceId, [1]);
  await finish(opened.db, await claim(opened.db, await addWorker(opened.db)));
  const { body } = await opened.api.rest(token, 'GET', '/previews/');
  return {
    ...opened,
    token,
    batchId,
    embedPath: new URL(body.results[0].embed_url).pathname,
    assetPath: new URL(body.results[0].prefill.background_image_url).pathname,
  };
}
