/**
 * The baseline of the APIs: Fastify without hooks or schemas. Each route runs the one statement
 * that a person would write by hand for the same rows. It has no authentication and no validation,
 * and returns the rows unchanged.
 */
import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import { Pool } from 'pg';
import { v7 } from 'uuid';

const PREVIEW = `id, batch_id, source_id, product_id, position, status, ranking, generated, overrides, generator,
  error_code, error_message, version, created_at, updated_at`;
const BATCH = `b.id, b.task_id, b.cancel_requested_at, b.started_at, b.finished_at, b.created_at,
  s.id as source_id, s.url, s.batch_size, s.status, s.product_id, s.error_code, s.error_message, c.counts`;
const SOURCES = `join cta.sources s on s.batch_id = b.id
  cross join lateral (
    select jsonb_object_agg(status, n) as counts from (
      select status, count(*)::int as n from cta.previews
      where batch_id = b.id and source_id = s.id group by status
    ) by_status
  ) c`;

const LIST_BATCHES = `select ${BATCH} from (
    select * from cta.batches where workspace_id = $1 order by created_at desc, id desc limit $2
  ) b ${SOURCES} order by b.created_at desc, b.id desc, s.position`;
const GET_BATCH = `select ${BATCH} from cta.batches b ${SOURCES}
  where b.workspace_id = $1 and b.id = $2 order by s.position`;
const LIST_PREVIEWS = `select ${PREVIEW} from cta.previews where workspace_id = $1 order by created_at, id limit $2`;
const GET_PREVIEW = `select ${PREVIEW} from cta.previews where workspace_id = $1 and id = $2`;
const PATCH_PREVIEW = `update cta.previews set overrides = $3, version = version + 1, updated_at = clock_timestamp()
  where workspace_id = $1 and id = $2 and status = 'done' returning ${PREVIEW}`;
const CREATE_BATCH = `with
  batch as (insert into cta.batches (id, workspace_id, task_id) values ($2, $1, $3) returning *),
  source as (insert into cta.sources (id, workspace_id, batch_id, position, url, batch_size)
    values ($4, $1, $2, 0, $5, 1) returning *),
  preview as (insert into cta.previews (id, workspace_id, batch_id, source_id, position)
    values ($6, $1, $2, $4, 0) returning *)
  select batch.*, source.id as source_id, source.url, preview.id as preview_id from batch, source, preview`;

const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const app = fastify();

async function query(name: string, text: string, values: readonly unknown[]) {
  const { rows } = await pool.query({ name, text, values: [...values] });
  return rows;
}

app.get<{ Params: Params }>('/:workspace/batches', ({ params }) =>
  query('list_batches', LIST_BATCHES, [params.workspace, 20]),
);
app.get<{ Params: Params }>('/:workspace/batches/:id', ({ params }) =>
  query('get_batch', GET_BATCH, [params.workspace, params.id]),
);
app.get<{ Params: Params }>('/:workspace/previews', ({ params }) =>
  query('list_previews', LIST_PREVIEWS, [params.workspace, 20]),
);
app.get<{ Params: Params }>('/:workspace/previews/:id', ({ params }) =>
  query('get_preview', GET_PREVIEW, [params.workspace, params.id]),
);
app.patch<{ Params: Params; Body: { prefill: unknown } }>('/:workspace/previews/:id', ({ params, body }) =>
  query('patch_preview', PATCH_PREVIEW, [params.workspace, params.id, body.prefill]),
);
app.post<{ Params: Params; Body: { sources: { url: string }[] } }>(
  '/:workspace/batches',
  ({ params, body }) =>
    query('create_batch', CREATE_BATCH, [params.workspace, v7(), v7(), v7(), body.sources[0]?.url, v7()]),
);

interface Params {
  readonly workspace: string;
  readonly id: string;
}

await app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(
  `The bare server is ready at http://127.0.0.1:${(app.server.address() as AddressInfo).port}\n`,
);
process.once('SIGTERM', async () => {
  await app.close();
  await pool.end();
});
