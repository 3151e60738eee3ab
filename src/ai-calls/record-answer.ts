import { type SQL, sql } from 'drizzle-orm';
import { assetValues, insertAsset, type NewAsset } from '../assets/store-asset.ts';
import type { Executor } from '../db/client.ts';
import { prepareSql } from '../db/prepare-sql.ts';
import type { StoredTexts } from './ai-call.ts';
import { closeCall } from './close-call.ts';
import { toCount } from './to-count.ts';

/** What the provider says it used, and of which model. */
export interface ReportedUsage {
  readonly model: string;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
}

/** What came back: the texts, or an image with its palette. */
export type ArrivedAnswer = ReportedUsage &
  (
    | { readonly texts: StoredTexts }
    | { readonly palette: readonly string[]; readonly image: NewAsset; readonly workspaceId: string }
  );

/**
 * Stores an answer the moment it arrives, its image with it, in a commit of its own. Safe to run twice. Of a preview that was
 * deleted nothing is kept: the call is only closed.
 *
 * Answers `mine` when the call was still this worker's, so that it may go on with the preview; `late` when the
 * worker had been taken for dead: the answer is stored if its step has none, and nothing else may be changed.
 * A unique violation means that the step got its answer from another try: see `supersedeCall`.
 */
export async function recordAnswer(
  db: Executor,
  call: { callId: string; workerId: string; previewId: string },
  answer: ArrivedAnswer,
): Promise<'mine' | 'late'> {
  const common = {
    ...call,
    model: toModelName(answer.model),
    inputTokens: toCount(answer.inputTokens),
    outputTokens: toCount(answer.outputTokens),
  };
  const [row] =
    'texts' in answer
      ? await recordTexts(db, { ...common, kept: JSON.stringify(answer.texts) })
      : await recordImage(db, {
          ...common,
          ...assetValues(answer.workspaceId, answer.image),
          kept: JSON.stringify({ palette: answer.palette }),
        });
  return row?.mine ? 'mine' : 'late';
}

const value = sql.placeholder;

function prepareRecord(name: string, asset: SQL) {
  return prepareSql<{ mine: boolean }>(
    name,
    sql`
    with preview as (
      -- Held, and before the call: a delete waits until the image that it would orphan is tied to the call.
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

const recordTexts = prepareRecord('record_texts', sql`select null::uuid as id`);
const recordImage = prepareRecord('record_image', insertAsset({ ifAny: sql`preview` }));

/**
 * Closes a call whose step was answered by another try (a worker that was thought dead brought it) while this one was
 * under way. Answers like `recordAnswer`.
 */
export async function supersedeCall(
  db: Executor,
  call: { callId: string; workerId: string },
): Promise<'mine' | 'late'> {
  return (await closeCall(db, call, 'superseded')) === undefined ? 'late' : 'mine';
}

/** A service may call its model anything; a name that cannot be stored must not cost the answer. */
function toModelName(model: string): string {
  return model
    .replace(/\p{Cc}/gu, '')
    .toWellFormed()
    .slice(0, 200);
}
