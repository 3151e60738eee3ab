import type { PoolClient } from 'pg';
import type { StageDatabase } from './stage-database.ts';

/** The amount of data to insert. */
export interface Filling {
  readonly batches: number;
  readonly sourcesPerBatch: number;
  readonly previewsPerSource: number;
  /** The number of workspaces that share the batches; the first one is the database's own. */
  readonly workspaces: number;
  /** Settled jobs to insert into the queue's table. */
  readonly settledJobs: number;
  /**
   * Drops the indexes while inserting and rebuilds them afterwards. Faster from about 100,000
   * previews on.
   */
  readonly rebuildIndexes: boolean;
}

/** One in this many previews has failed. */
const FAILED_EVERY = 50;
const TABLES = ['batches', 'sources', 'products', 'product_images', 'assets', 'previews', 'ai_calls'];

/**
 * Inserts finished batches, spread over the last year, with everything that the service would have
 * written: products, images (of few bytes), answered calls that took a slot. Uses SQL directly,
 * without the service's own checks.
 */
export async function fillDatabase({ pool, workspaceId }: StageDatabase, filling: Filling): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('set synchronous_commit = off');
    await client.query(`set maintenance_work_mem = '512MB'`);
    // Foreign keys need no check: the statements below create only valid references.
    await client.query('set session_replication_role = replica');
    const write = () => writeRows(client, workspaceId, filling);
    if (filling.rebuildIndexes) await withoutIndexes(client, write);
    else await write();
  } finally {
    // Closes the connection, which drops its settings and temporary tables.
    client.release(true);
  }
  await pool.query(`vacuum analyze ${TABLES.map((table) => `cta.${table}`).join(', ')}, cta_jobs.job`);
}

async function writeRows(client: PoolClient, workspaceId: string, filling: Filling): Promise<void> {
  const { batches, sourcesPerBatch, previewsPerSource, workspaces, settledJobs } = filling;
  await client.query('create temporary table place (n int, workspace_id uuid)');
  await client.query('insert into place values (0, $1)', [workspaceId]);
  await client.query(
    `with made as (
      insert into cta.workspaces (id, name) select uuidv7(), 'filled ' || n from generate_series(1, $1 - 1) n
      returning id
    ), turns as (
      insert into cta.turns (workspace_id, queue) select id, queue from made, unnest(array['previews', 'sources']) queue
    ) insert into place select row_number() over (), id from made`,
    [workspaces],
  );
  const products = Math.max(1, Math.floor(batches / 10));
  await client.query(
    `create temporary table thing as
     select i as n, uuidv7() as product_id, uuidv7() as image_id, uuidv7() as asset_id, place.workspace_id,
       encode(sha256(('key' || i)::bytea), 'hex') as key
     from generate_series(0, ${products} - 1) i join place on place.n = i % ${workspaces}`,
  );
  await client.query(`
    insert into cta.products (id, workspace_id, address, title, description, brand, provenance)
    select product_id, workspace_id, 'https://shop.example/products/' || n, 'Product ' || n,
      'Product ' || n || ' is made for every day. It is light, sturdy and easy to care for.', 'Example',
      '{"title": "json-ld"}' from thing`);
  await client.query(`
    insert into cta.assets (id, workspace_id, key, sha256, content_type, width, height, bytes)
    select asset_id, workspace_id, key, sha256(key::bytea), 'image/jpeg', 800, 800, decode(repeat('ab', 200), 'hex')
    from thing`);
  await client.query(`
    insert into cta.product_images (id, workspace_id, product_id, asset_id, url, rank, score, method, palette)
    select image_id, workspace_id, product_id, asset_id, 'https://shop.example/images/' || n, 0, 0.9, 'heuristic',
      '["#b00020", "#eeeeee"]' from thing`);
  await client.query('create unique index on thing (n)');
  await client.query(`
    create temporary table filled as
    select moment.n, uuidv7(at - clock_timestamp()) as id, place.workspace_id, at
    from (select n, date_trunc('milliseconds', now() - ((${batches} - n + 1) * (interval '1 year' / ${batches}))) as at
      from generate_series(1, ${batches}) n) moment
    join place on place.n = moment.n % ${workspaces} order by moment.n`);
  await client.query(`
    insert into cta.batches (id, workspace_id, task_id, started_at, finished_at, created_at)
    select id, workspace_id, gen_random_uuid(), at, at + interval '1 minute', at from filled order by n`);
  // Product n modulo the number of products belongs to the workspace of batch n, because both are
  // assigned to the workspaces in rotation.
  await client.query(`
    create temporary table part as
    select uuidv7(f.at - clock_timestamp()) as id, f.id as batch_id, f.workspace_id, f.at, position, t.*
    from filled f cross join generate_series(0, ${sourcesPerBatch} - 1) position
    join (select n as thing_n, product_id, image_id, asset_id, key from thing) t
      on t.thing_n = f.n % ${products - (products % workspaces) || products}
    order by f.n, position`);
  await client.query(`
    insert into cta.sources (id, workspace_id, batch_id, position, url, batch_size, status, product_id, attempts,
      brief, claimed_at, started_at, finished_at, created_at)
    select id, workspace_id, batch_id, position, 'https://shop.example/products/' || thing_n, ${previewsPerSource},
      'done', product_id, 1, jsonb_build_object('title', 'Product ' || thing_n, 'locale', 'en',
        'url', 'https://shop.example/products/' || thing_n), at, at, at, at from part`);
  await client.query(`
    insert into cta.previews (id, workspace_id, batch_id, source_id, product_id, image_id, position, variant, status,
      start_tag, ranking, generated, generator, error_code, version, created_at, updated_at, finished_at)
    select uuidv7(at - clock_timestamp()), workspace_id, batch_id, id, product_id, image_id, i, i,
      case when failed then 'failed' else 'done' end, 1,
      '{"method": "heuristic", "score": 0.9, "model": null}',
      case when not failed then jsonb_build_object(
        'headline', 'Product ' || thing_n || ', idea ' || i, 'subheadline', 'A closer look at product ' || thing_n,
        'body', 'Product ' || thing_n || ' was made for days like this. It is light, sturdy and easy to care for.',
        'ctaText', 'See it now', 'ctaUrl', 'https://shop.example/products/' || thing_n, 'priceText', '€46.00',
        'productImageUrl', '/assets/' || key, 'backgroundImageUrl', '/assets/' || key, 'locale', 'en',
        'colors', '{"background": "#b00020", "text": "#ffffff", "button": "#eeeeee", "buttonText": "#111111"}'::jsonb)
      end,
      '{"text": {"provider": "openai", "model": "fake-text"}, "image": {"provider": "openai", "model": "fake-image"}}',
      case when failed then 'ai_refused' end, 3, at, at + interval '1 minute', at + interval '1 minute'
    from (
      select part.*, i, (thing_n + position + i) % ${FAILED_EVERY} = 0 as failed
      from part cross join generate_series(0, ${previewsPerSource} - 1) i
    ) p order by id, i`);
  await client.query(`
    insert into cta.ai_calls (id, workspace_id, preview_id, kind, generation, attempt, status, counted, claimed_at,
      left_at, ended_at, provider, model, input_tokens, output_tokens, answer, asset_id)
    select uuidv7(p.created_at - clock_timestamp()), p.workspace_id, p.id, kind, 1, 1, 'answered', true, p.created_at,
      p.created_at, p.finished_at, 'openai', 'fake-' || kind, 210, 60,
      case kind when 'text' then jsonb_build_object('headline', p.generated->'headline', 'subheadline', null,
        'body', p.generated->'body', 'ctaText', 'See it now') else '{"palette": ["#b00020", "#eeeeee"]}' end,
      case kind when 'image' then i.asset_id end
    from cta.previews p join cta.product_images i on i.id = p.image_id cross join (values ('text'), ('image')) k (kind)
    where p.status = 'done' order by p.id`);
  await client.query(`
    insert into cta_jobs.job (name, data, state, created_on, started_on, completed_on, keep_until)
    select 'preview.generate', jsonb_build_object('batchId', batch_id, 'previewId', id), 'completed', now(), now(), now(),
      now() + interval '1 year'
    from cta.previews order by id desc limit ${settledJobs}`);
}

/**
 * Runs `work` while the tables have no indexes except those of constraints, then recreates the
 * others.
 */
async function withoutIndexes(client: PoolClient, work: () => Promise<void>): Promise<void> {
  const { rows } = await client.query<{ name: string; definition: string }>(
    `select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition
     from pg_index i join pg_class c on c.oid = i.indrelid
     where c.relnamespace = 'cta'::regnamespace and c.relname = any ($1)
       and not exists (select 1 from pg_constraint where conindid = i.indexrelid)`,
    [TABLES],
  );
  for (const { name } of rows) await client.query(`drop index ${name}`);
  await work();
  for (const { definition } of rows) await client.query(definition);
}
