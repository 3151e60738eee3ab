import { isDeepStrictEqual } from 'node:util';
import { and, eq, sql } from 'drizzle-orm';
import { keepAssets } from '../assets/keep-assets.ts';
import { contrastOf, MIN_CONTRAST } from '../creative/choose-colors.ts';
import { mergePrefill, type Overrides, patchOverrides } from '../creative/merge-prefill.ts';
import type { Prefill, PrefillPatch } from '../creative/prefill.ts';
import type { Tx } from '../db/client.ts';
import { previews } from '../db/schema/previews.ts';
import { AppError } from '../lib/app-error.ts';
import { requireValue } from '../lib/require-value.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { getPreviewRow } from './get-preview.ts';
import type { Preview } from './preview.ts';
import { type PreviewRow, previewColumns, showPreview } from './show-preview.ts';

/** A warning about a change that was accepted. */
export interface PatchWarning {
  readonly code: 'low_contrast';
  readonly path: readonly string[];
  readonly message: string;
}

/**
 * Tries before a change is refused. Changes of one preview at the same time are rare, and each lost
 * try means that another change was written.
 */
const MAX_TRIES = 50;

/**
 * Changes a part or all of a prefill (merge patch). Throws `not_found`, `not_ready` before the
 * preview is `done`, or `precondition_failed` if it has none of the versions in `ifVersions`.
 *
 * No patch is lost if two come at once: each is written only if the version that it was made from
 * is still present; otherwise it is made again from the new version.
 */
export async function patchPreview(
  deps: FeatureDeps,
  options: {
    workspaceId: string;
    id: string;
    patch: PrefillPatch;
    /** The change is made only if the preview has one of these versions. */
    ifVersions?: readonly number[] | undefined;
    baseUrl: string;
  },
): Promise<{ preview: Preview; warnings: PatchWarning[] }> {
  const { workspaceId, id, baseUrl } = options;
  const patch = withStoredAddresses(options.patch, baseUrl);
  for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
    const row = await getPreviewRow(deps, { workspaceId, id });
    if (options.ifVersions && !options.ifVersions.includes(row.version)) {
      throw new AppError('precondition_failed');
    }
    if (row.status !== 'done') throw new AppError('not_ready');
    const generated = requireValue(row.generated, 'the prefill of a preview that is done');
    const overrides = patchOverrides({ generated, overrides: row.overrides }, patch);
    const warnings = findWarnings(mergePrefill(generated, overrides), patch);
    if (isDeepStrictEqual(overrides, row.overrides ?? {})) {
      return { preview: showPreview(row, baseUrl), warnings };
    }
    const written = await deps.transact((tx) =>
      writeOverrides(tx, { workspaceId, id, version: row.version, before: row.overrides }, overrides),
    );
    if (written) return { preview: showPreview(written, baseUrl), warnings };
  }
  throw new AppError('unavailable', {
    detail: 'Too many requests are changing this preview at the same time. Try again.',
  });
}

/** The addresses of images in a person's changes. */
const imagesOf = (overrides: Overrides | null) => [overrides?.productImageUrl, overrides?.backgroundImageUrl];

/** Returns the changed row; undefined if the preview has another version by now, or is not done. */
async function writeOverrides(
  tx: Tx,
  {
    workspaceId,
    id,
    version,
    before,
  }: { workspaceId: string; id: string; version: number; before: Overrides | null },
  overrides: Overrides,
): Promise<PreviewRow | undefined> {
  const [written] = await tx
    .update(previews)
    .set({ overrides, version: version + 1, updatedAt: sql`clock_timestamp()` })
    .where(
      and(
        eq(previews.id, id),
        eq(previews.workspaceId, workspaceId),
        eq(previews.version, version),
        eq(previews.status, 'done'),
      ),
    )
    .returning(previewColumns);
  const images = imagesOf(overrides);
  if (written && !isDeepStrictEqual(images, imagesOf(before)))
    await keepAssets(tx, { previewId: id, workspaceId }, images);
  return written;
}

/** Our own images are stored without the host, so that their addresses follow PUBLIC_URL. */
function withStoredAddresses(patch: PrefillPatch, baseUrl: string): PrefillPatch {
  const assets = `${baseUrl}/assets/`;
  const stored = { ...patch };
  for (const field of ['productImageUrl', 'backgroundImageUrl'] as const) {
    const url = stored[field];
    if (url?.startsWith(assets)) stored[field] = url.slice(baseUrl.length);
  }
  return stored;
}

/** A person may choose a contrast below AA. Returns a warning for each changed pair of colors. */
function findWarnings({ colors }: Prefill, patch: PrefillPatch): PatchWarning[] {
  const changed = patch.colors ?? {};
  const pairs = [
    ['background', 'text'],
    ['button', 'buttonText'],
  ] as const;
  return pairs.flatMap(([fill, ink]) => {
    const contrast = contrastOf(colors[fill], colors[ink]);
    if ((changed[fill] ?? changed[ink]) === undefined || contrast >= MIN_CONTRAST) return [];
    const message = `The contrast is ${contrast.toFixed(1)}; below ${MIN_CONTRAST} many people cannot read the text (WCAG AA).`;
    return [{ code: 'low_contrast' as const, path: ['prefill', 'colors', ink], message }];
  });
}
