import { sql } from 'drizzle-orm';
import { boolean, check, index, integer, jsonb, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { assets } from './assets.ts';
import { cta, oneOf, primaryId, timestamp } from './columns.ts';
import { previews } from './previews.ts';
import type { StoredAnswer } from './stored-json.ts';
import { CALL_KINDS, CALL_STATUSES } from './values.ts';
import { workspaces } from './workspaces.ts';

/**
 * The ledger: one row for each AI call, written before the call is sent. A row outlives its preview
 * and workspace (their ids become null), because a call that was sent must still count against the
 * limit.
 */
export const aiCalls = cta.table(
  'ai_calls',
  {
    id: primaryId(),
    workspaceId: uuid('workspace_id').references(() => workspaces.id, { onDelete: 'set null' }),
    previewId: uuid('preview_id').references(() => previews.id, { onDelete: 'set null' }),
    kind: text('kind', { enum: CALL_KINDS }).notNull(),
    generation: integer('generation').notNull(),
    /** The round of its preview. Failures of earlier rounds do not count. */
    round: integer('round').notNull().default(1),
    /** 1 for the first try of a step. */
    attempt: integer('attempt').notNull(),
    /** The worker that makes the call; kept after the row of that worker is deleted. */
    workerId: uuid('worker_id'),
    status: text('status', { enum: CALL_STATUSES }).notNull().default('sent'),
    /** Whether the call takes a slot; false if it was claimed while the limit was off. */
    counted: boolean('counted').notNull(),
    /** Whether the call was a probe of a provider whose breaker was open. */
    probe: boolean('probe').notNull().default(false),
    /** When the slot was taken. */
    claimedAt: timestamp('claimed_at').notNull().default(sql`clock_timestamp()`),
    /** When the last byte of the request was sent, at the latest; null while this is not known. */
    leftAt: timestamp('left_at'),
    endedAt: timestamp('ended_at'),
    errorCode: text('error_code'),
    provider: text('provider').notNull(),
    model: text('model').notNull(),
    inputTokens: integer('input_tokens'),
    outputTokens: integer('output_tokens'),
    /** The texts, or the palette of the image, of an answered call. */
    answer: jsonb('answer').$type<StoredAnswer>(),
    /** The image of an answered image call. */
    assetId: uuid('asset_id').references(() => assets.id, { onDelete: 'set null' }),
  },
  (t) => [
    // A stored answer is never bought again: at most one answer for each step.
    uniqueIndex('ai_calls_one_answer').on(t.previewId, t.generation, t.kind).where(sql`status = 'answered'`),
    index('ai_calls_preview').on(t.previewId, t.generation),
    index('ai_calls_left').on(t.kind, t.leftAt).where(sql`counted`),
    // The latest outcomes of a kind, for the breaker.
    index('ai_calls_ended').on(t.kind, t.endedAt).where(sql`status <> 'sent'`),
    index('ai_calls_open').on(t.workerId).where(sql`status = 'sent'`),
    index('ai_calls_workspace').on(t.workspaceId),
    index('ai_calls_asset').on(t.assetId).where(sql`asset_id is not null`),
    check('ai_calls_kind', oneOf('kind', CALL_KINDS)),
    check('ai_calls_status', oneOf('status', CALL_STATUSES)),
    check('ai_calls_ended', sql`(${t.status} = 'sent') = (${t.endedAt} is null)`),
    check('ai_calls_attempt', sql`${t.attempt} >= 1 and ${t.generation} >= 1`),
  ],
);

/**
 * The current limit, one row for each kind of call. Claims run one after another under its lock.
 */
export const callLimits = cta.table(
  'call_limits',
  {
    kind: text('kind', { enum: CALL_KINDS }).primaryKey(),
    /** The setting: `20/m`, or `off`. */
    rate: text('rate').notNull(),
    /** Null: no limit. */
    maxCalls: integer('max_calls'),
    windowMs: integer('window_ms'),
    /** The earliest start of a call of this kind; set when the provider asks us to wait. */
    pausedUntil: timestamp('paused_until'),
    /** When the breaker opened: calls of this kind wait. Null if it is closed. */
    failingSince: timestamp('failing_since'),
    /** The failure that opened the breaker. */
    failingCode: text('failing_code'),
    /** The earliest time of the next probe while the breaker is open. */
    probeAfter: timestamp('probe_after'),
    updatedAt: timestamp('updated_at').notNull().defaultNow(),
  },
  (t) => [
    check('call_limits_kind', oneOf('kind', CALL_KINDS)),
    check(
      'call_limits_breaker',
      sql`(${t.failingSince} is null) = (${t.probeAfter} is null) and (${t.failingSince} is null) = (${t.failingCode} is null)`,
    ),
    check(
      'call_limits_rate',
      sql`(${t.maxCalls} is null) = (${t.windowMs} is null) and coalesce(${t.maxCalls}, 1) > 0 and coalesce(${t.windowMs}, 1) > 0`,
    ),
  ],
);
