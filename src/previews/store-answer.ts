import { eq } from 'drizzle-orm';
import type { StoredTexts } from '../ai-calls/ai-call.ts';
import { type ReportedUsage, recordAnswer, supersedeCall } from '../ai-calls/record-answer.ts';
import { type NewAsset, storeAsset } from '../assets/store-asset.ts';
import type { Orm, Transact } from '../db/client.ts';
import { previews } from '../db/schema/previews.ts';
import { isUniqueViolation } from '../lib/database-error.ts';
import { refreshUsage } from './refresh-usage.ts';

/** A call whose answer has come, and who made it. */
export interface AnsweredCall {
  readonly callId: string;
  readonly workerId: string;
  readonly workspaceId: string;
  readonly previewId: string;
}

/** Stores texts the moment they arrive, in a commit of its own; see `recordAnswer`. */
export function storeTexts(
  deps: { orm: Orm },
  call: AnsweredCall,
  answer: { texts: StoredTexts; usage: ReportedUsage },
): Promise<'mine' | 'late'> {
  const texts = { ...answer.usage, answer: answer.texts, assetId: null };
  return orSupersede(deps, call, recordAnswer(deps.orm, call, texts));
}

/**
 * Stores a picture and that it is the call's answer, in one commit. If the preview was deleted, the picture is not
 * kept and the call is only closed.
 */
export function storeBackground(
  deps: { orm: Orm; transact: Transact },
  call: AnsweredCall,
  answer: { picture: NewAsset; palette: readonly string[]; usage: ReportedUsage },
): Promise<'mine' | 'late'> {
  const stored = deps.transact(async (tx) => {
    // Holds the preview: a delete waits until the picture it would orphan is tied to the call.
    const [preview] = await tx
      .select({ id: previews.id })
      .from(previews)
      .where(eq(previews.id, call.previewId))
      .for('key share');
    const asset = preview ? await storeAsset(tx, call.workspaceId, answer.picture) : undefined;
    return recordAnswer(tx, call, {
      ...answer.usage,
      answer: { palette: answer.palette },
      assetId: asset?.id ?? null,
    });
  });
  return orSupersede(deps, call, stored);
}

/** The step has one answer at most: if another try brought it in the meantime, this call is only closed. */
async function orSupersede(
  deps: { orm: Orm },
  call: AnsweredCall,
  stored: Promise<'mine' | 'late'>,
): Promise<'mine' | 'late'> {
  try {
    const fate = await stored;
    // Nobody settles the preview for a late answer, but it was paid for.
    if (fate === 'late') await refreshUsage(deps.orm, call.previewId);
    return fate;
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    return supersedeCall(deps.orm, call);
  }
}
