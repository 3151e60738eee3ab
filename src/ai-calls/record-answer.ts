import { type SQL, sql } from 'drizzle-orm';
import { assetValues, insertAsset, type NewAsset } from '../assets/store-asset.ts';
import type { Executor } from '../db/client.ts';
import { prepareSql } from '../db/prepare-sql.ts';
import type { StoredCopy } from './ai-call.ts';
import { closeCall } from './close-call.ts';
import { toCount } from './to-count.ts';

/** The usage and model that the provider reports. */
export interface ReportedUsage {
  readonly model: string;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
}

/** The content of an answer: the texts, or an image with its palette. */
export type ReceivedAnswer = ReportedUsage &
  (
    | { readonly texts: StoredCopy }
    | { readonly palette: readonly string[]; readonly image: NewAsset; readonly workspaceId: string }
  );

/**
 * Stores an answer, with its image, in a commit of its own as soon as it arrives. Idempotent. If
 * the preview was deleted, it stores no content and only closes the call.
 *
 * Returns `in_time` if the call still belonged to this worker, which may then go on with the
 * preview. Returns `late` if the worker was marked as dead: the answer is stored if its step has
 * none, and the worker must change nothing else.
 *
 * A unique violation means that the step got its answer from another try: see `supersedeCall`.
 */
export async function recordAnswer(
  db: Executor,
  call: { callId: string; workerId: string; previewId: string },
  answer: ReceivedAnswer,
): Promise<'in_time' | 'late'> {
  const common = {
    ...call,
    model: toModelName(answer.model),
    inputTokens: toCount(answer.inputTokens),
    outputTokens: toCount(answer.outputTokens),
  };
  const [row] =
    'texts' in answer
      ? await recordCopy(db, { ...common, kept: JSON.stringify(answer.texts) })
      : await recordBackground(db, {
          ...common,
          ...assetValues(answer.workspaceId, answer.image),
          kept: JSON.stringify({ palette: answer.palette }),
        });
  return row?.mine ? 'in_time' : 'late';
}

const value = sql.placeholder;

function prepareRecord(name: string, asset: SQL) {
  return prepareSql<{ mine: boolean }>(
    name,
    sql`
    with preview as (
      -- Locked before the call, so that a delete waits until the call refers to the image.
      select id from cta.previews where id = ${value('previewId')} for key share
    ), call as (
      select id, preview_id, generation, kind, status, worker_id from cta.ai_calls
      where id = ${value('callId')} and (select count(*) from preview) >= 0 for update
    ), asset as (${asset})
    update cta.ai_calls c set
      status = 'answered',
      error_code = null,
      answer = case when call.preview_id is not null then ${value('kept')}::jsonb end,
      asset_id = (select id from asset),
      model = ${value('model')},
      input_tokens = ${value('inputTokens')}::int,
      output_tokens = ${value('outputTokens')}::int,
      left_at = coalesce(c.left_at, clock_timestamp()),
      ended_at = clock_timestamp()
    from call
    where c.id = call.id and (
      call.status in ('sent', 'answered')
      or not exists (
        select 1 from cta.ai_calls other
        where other.preview_id = call.preview_id and other.generation = call.generation
          and other.kind = call.kind and other.status = 'answered'
      )
    )
    returning call.status in ('sent', 'answered') and call.worker_id = ${value('workerId')} as mine`,
  );
}

const recordCopy = prepareRecord('record_texts', sql`select null::uuid as id`);
const recordBackground = prepareRecord('record_image', insertAsset({ ifAny: sql`preview` }));

/**
 * Closes a call whose step was answered by another try while it was under way (by a worker that was
 * marked as dead). Returns the same as `recordAnswer`.
 */
export async function supersedeCall(
  db: Executor,
  call: { callId: string; workerId: string },
): Promise<'in_time' | 'late'> {
  return (await closeCall(db, call, 'superseded')) === undefined ? 'late' : 'in_time';
}

/**
 * Makes a model name that can be stored: a service may return anything, and the answer must not be
 * lost because of it.
 */
function toModelName(model: string): string {
  return model
    .replace(/\p{Cc}/gu, '')
    .toWellFormed()
    .slice(0, 200);
}
