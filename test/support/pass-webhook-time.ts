import { sql } from 'drizzle-orm';
import type { Orm } from '../../src/db/client.ts';

/** Lets six hours pass for webhooks, which is longer than any of their pauses. */
export async function passWebhookTime({ orm }: { orm: Orm }): Promise<void> {
  const long = sql`interval '6 hours'`;
  await orm.execute(
    sql`update cta.webhook_deliveries set attempted_at = attempted_at - ${long}, due_at = due_at - ${long}`,
  );
  await orm.execute(
    sql`update cta_jobs.job set start_after = start_after - ${long} where name = 'webhook.deliver'`,
  );
}
