import type { StoredCopy } from '../ai-calls/ai-call.ts';
import { type ReportedUsage, recordAnswer, supersedeCall } from '../ai-calls/record-answer.ts';
import { recordUsage } from '../ai-calls/record-usage.ts';
import type { NewAsset } from '../assets/store-asset.ts';
import { isUniqueViolation } from '../lib/database-error.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { refreshUsage } from './refresh-usage.ts';

/** A call whose answer has arrived, and the worker that made it. */
export interface AnsweredCall {
  readonly callId: string;
  readonly workerId: string;
  readonly workspaceId: string;
  readonly previewId: string;
}

/** Stores texts as soon as they arrive, in a commit of their own; see `recordAnswer`. */
export function storeCopy(
  deps: Pick<FeatureDeps, 'orm'>,
  call: AnsweredCall,
  answer: { texts: StoredCopy; usage: ReportedUsage },
): Promise<'in_time' | 'late'> {
  const { texts, usage } = answer;
  return orSupersede(deps, { ...call, usage }, recordAnswer(deps.orm, call, { ...usage, texts }));
}

/** Stores an image as the call's answer, in one commit; see `recordAnswer`. */
export function storeBackground(
  deps: Pick<FeatureDeps, 'orm'>,
  call: AnsweredCall,
  answer: { image: NewAsset; palette: readonly string[]; usage: ReportedUsage },
): Promise<'in_time' | 'late'> {
  const { image, palette, usage } = answer;
  const { workspaceId } = call;
  const stored = recordAnswer(deps.orm, call, { ...usage, image, palette, workspaceId });
  return orSupersede(deps, { ...call, usage }, stored);
}

/**
 * Waits until the answer is stored, and adds the usage of a late one. A step has at most one
 * answer: if another try has stored it, only closes this call as superseded.
 */
async function orSupersede(
  deps: Pick<FeatureDeps, 'orm'>,
  call: AnsweredCall & { usage: ReportedUsage },
  stored: Promise<'in_time' | 'late'>,
): Promise<'in_time' | 'late'> {
  try {
    const outcome = await stored;
    // Settling a preview updates its usage. A late answer settles none, so update it here.
    if (outcome === 'late') {
      await recordUsage(deps.orm, call.callId, call.usage);
      await refreshUsage(deps.orm, call.previewId);
    }
    return outcome;
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    await recordUsage(deps.orm, call.callId, call.usage);
    return supersedeCall(deps.orm, call);
  }
}
