import { check, integer, primaryKey, text } from 'drizzle-orm/pg-core';
import { cta, oneOf } from './columns.ts';
import { FAIR_QUEUES } from './values.ts';
import { inWorkspace } from './workspaces.ts';

/**
 * The turns of the workspaces in each queue, for the fair order over all of them. See
 * `workspaces/start-tags` for the rule.
 */
export const turns = cta.table(
  'turns',
  {
    queue: text('queue', { enum: FAIR_QUEUES }).notNull(),
    workspaceId: inWorkspace(),
    /** The largest start tag of its work that has started. Its next work gets a later one. */
    lastTag: integer('last_tag').notNull().default(-1),
  },
  (t) => [
    primaryKey({ columns: [t.workspaceId, t.queue] }),
    check('turns_queue', oneOf('queue', FAIR_QUEUES)),
  ],
);

/** The virtual time of each queue: the largest start tag that has started, of any workspace. */
export const virtualTimes = cta.table(
  'virtual_times',
  {
    queue: text('queue', { enum: FAIR_QUEUES }).primaryKey(),
    tag: integer('tag').notNull().default(0),
  },
  () => [check('virtual_times_queue', oneOf('queue', FAIR_QUEUES))],
);
