import { isDeepStrictEqual } from 'node:util';
import { and, eq, sql } from 'drizzle-orm';
import { contrastOf, MIN_CONTRAST } from '../creative/choose-colors.ts';
import { mergePrefill, type Overrides, patchOverrides } from '../creative/merge-prefill.ts';
import type { Prefill, PrefillPatch } from '../creative/prefill.ts';
import type { Orm } from '../db/client.ts';
import { previews } from '../db/schema/previews.ts';
import { AppError } from '../lib/app-error.ts';
import { getPreviewRow } from './get-preview.ts';
import type { Preview } from './preview.ts';
import { previewColumns, showPreview } from './show-preview.ts';

/** Something that was accepted but should be looked at. */
export interface PatchWarning {
  readonly code: 'low_contrast';
  readonly path: readonly string[];
  readonly message: string;
}

/** Changes of the same preview at the same time are few; each lost round means that another one was written. */
const ROUNDS = 50;

/**
 * Changes part or whole of a prefill (merge patch). Throws `not_found`, `not_ready` before the preview is `done`, or
 * `precondition_failed` when it has none of the versions it is to be changed from.
 *
 * Two patches at once lose nothing: each is written only over the version it was made from, otherwise made again
 * from what the other one left.
 */
export async function patchPreview(
  deps: { orm: Orm },
  options: {
    workspaceId: string;
    id: string;
    patch: PrefillPatch;
    /** Only over one of these versions. */
    ifVersions?: readonly number[] | undefined;
    baseUrl: string;
  },
): Promise<{ preview: Preview; warnings: PatchWarning[] }> {
  const { workspaceId, id, baseUrl } = options;
  const patch = withStoredAddresses(options.patch, baseUrl);
  for (let round = 0; round < ROUNDS; round += 1) {
    const row = await getPreviewRow(deps, { workspaceId, id });
    if (options.ifVersions && !options.ifVersions.includes(row.version)) {
      throw new AppError('precondition_failed');
    }
    if (row.status !== 'done') throw new AppError('not_ready');
    const generated = row.generated as Prefill;
    const overrides = patchOverrides({ generated, overrides: row.overrides as Overrides | null }, patch);
    const warnings = findWarnings(mergePrefill(generated, overrides), patch);
    if (isDeepStrictEqual(overrides, row.overrides ?? {})) {
      return { preview: showPreview(row, baseUrl), warnings };
    }
    const [written] = await deps.orm
      .update(previews)
      .set({ overrides, version: sql`${previews.version} + 1`, updatedAt: sql`clock_timestamp()` })
      .where(
        and(
          eq(previews.id, id),
          eq(previews.workspaceId, workspaceId),
          eq(previews.version, row.version),
          eq(previews.status, 'done'),
        ),
      )
      .returning(previewColumns);
    if (written) return { preview: showPreview(written, baseUrl), warnings };
  }
  throw new AppError('unavailable', { detail: 'The preview is being changed by many at once. Try again.' });
}

/** Our own images are stored without the host, so that they follow PUBLIC_URL. */
function withStoredAddresses(patch: PrefillPatch, baseUrl: string): PrefillPatch {
  const assets = `${baseUrl}/assets/`;
  const stored = { ...patch };
  for (const field of ['productImageUrl', 'backgroundImageUrl'] as const) {
    const url = stored[field];
    if (url?.startsWith(assets)) stored[field] = url.slice(baseUrl.length);
  }
  return stored;
}

/** A contrast below AA is the person's choice; it is said, for the pairs that were touched. */
function findWarnings({ colors }: Prefill, patch: PrefillPatch): PatchWarning[] {
  const touched = patch.colors ?? {};
  const pairs = [
    ['background', 'text'],
    ['button', 'buttonText'],
  ] as const;
  return pairs.flatMap(([fill, ink]) => {
    const contrast = contrastOf(colors[fill], colors[ink]);
    if ((touched[fill] ?? touched[ink]) === undefined || contrast >= MIN_CONTRAST) return [];
    const message = `The contrast is ${contrast.toFixed(1)}; below ${MIN_CONTRAST} many people cannot read the text (WCAG AA).`;
    return [{ code: 'low_contrast' as const, path: ['prefill', 'colors', ink], message }];
  });
}
