import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  index,
  integer,
  jsonb,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { assets } from './assets.ts';
import { cta, oneOf, primaryId, timestamp } from './columns.ts';
import { previews } from './previews.ts';
import { workspaces } from './workspaces.ts';

/**
 * The ledger: a row per AI call, written before the call goes out. It outlives the preview and the workspace it
 * was for (their ids become null), since what was sent must go on counting against the limit.
 */
export const aiCalls = cta.table(
  'ai_calls',
  {
    id: primaryId(),
    workspaceId: uuid('workspace_id').references(() => workspaces.id, { onDelete: 'set null' }),
    previewId: uuid('preview_id').references(() => previews.id, { onDelete: 'set null' }),
    kind: text('kind').notNull(),
    generation: integer('generation').notNull(),
    /** The round of its preview in which it was made: what failed in an earlier one does not count. */
    round: integer('round').notNull().default(1),
    /** 1 for the first try of a step. */
    attempt: integer('attempt').notNull(),
    /** Who makes it; kept when that worker's row is deleted. */
    workerId: uuid('worker_id'),
    status: text('status').notNull().default('sent'),
    /** Whether it takes a slot; false when it was claimed while the limit was off. */
    counted: boolean('counted').notNull(),
    /** Whether it was the one call that was let through to see if a failing provider works again. */
    probe: boolean('probe').notNull().default(false),
    /** When the slot was taken. */
    claimedAt: timestamp('claimed_at').notNull().default(sql`clock_timestamp()`),
    /** When the request's last byte had gone out, or at the latest can have: null while that is not known. */
    leftAt: timestamp('left_at'),
    endedAt: timestamp('ended_at'),
    errorCode: text('error_code'),
    provider: text('provider').notNull(),
    model: text('model').notNull(),
    inputTokens: integer('input_tokens'),
    outputTokens: integer('output_tokens'),
    /** Of an answered call: the texts, or the palette of the image. */
    answer: jsonb('answer'),
    /** The image, for an answered image call. */
    assetId: uuid('asset_id').references(() => assets.id, { onDelete: 'set null' }),
  },
  (t) => [
    // What is stored is never bought again: at most one answer per step.
    uniqueIndex('ai_calls_one_answer').on(t.previewId, t.generation, t.kind).where(sql`status = 'answered'`),
    index('ai_calls_preview').on(t.previewId, t.generation),
    index('ai_calls_left').on(t.kind, t.leftAt).where(sql`counted`),
    // The latest outcomes of a kind: what the breaker is judged by.
    index('ai_calls_ended').on(t.kind, t.endedAt).where(sql`status <> 'sent'`),
    index('ai_calls_open').on(t.workerId).where(sql`status = 'sent'`),
    index('ai_calls_workspace').on(t.workspaceId),
    index('ai_calls_asset').on(t.assetId),
    check('ai_calls_kind', oneOf('kind', ['text', 'image'])),
    check('ai_calls_status', oneOf('status', ['sent', 'answered', 'refused', 'failed', 'unknown'])),
    check('ai_calls_attempt', sql`${t.attempt} >= 1 and ${t.generation} >= 1`),
  ],
);

/** The limit in force, a row per kind of call. Its row lock is what makes claims one after another. */
export const callLimits = cta.table(
  'call_limits',
  {
    kind: text('kind').primaryKey(),
    /** As set: `20/m`, or `off`. */
    rate: text('rate').notNull(),
    /** Null: no limit. */
    maxCalls: integer('max_calls'),
    windowMs: integer('window_ms'),
    /** No call of this kind starts before; set when the provider asks us to wait. */
    pausedUntil: timestamp('paused_until'),
    /** Since when the breaker is open: the provider keeps failing, and calls of this kind wait. Null: it is closed. */
    failingSince: timestamp('failing_since'),
    /** The failure that opened it. */
    failingCode: text('failing_code'),
    /** While it is open: not before this one call is let through, to see. */
    probeAfter: timestamp('probe_after'),
    /** The largest fair tag that has started: where a workspace with nothing waiting joins the order. */
    virtualTag: integer('virtual_tag').notNull().default(0),
    updatedAt: timestamp('updated_at').notNull().defaultNow(),
  },
  (t) => [
    check('call_limits_kind', oneOf('kind', ['text', 'image'])),
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

/**
 * The fullest window of each kind of call among those whose last call left before `until`, for each length of window that
 * was asked for. The ledger's rows may be gone.
 */
export const worstWindows = cta.table(
  'worst_windows',
  {
    kind: text('kind').notNull(),
    windowMs: integer('window_ms').notNull(),
    calls: integer('calls').notNull(),
    /** When the first and the last of the calls left; null while there are none. */
    firstLeftAt: timestamp('first_left_at'),
    lastLeftAt: timestamp('last_left_at'),
    until: timestamp('until').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.kind, t.windowMs] }),
    check('worst_windows_kind', oneOf('kind', ['text', 'image'])),
    check(
      'worst_windows_calls',
      sql`${t.calls} >= 0 and (${t.calls} = 0) = (${t.firstLeftAt} is null) and (${t.calls} = 0) = (${t.lastLeftAt} is null)`,
    ),
  ],
);
