import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { sql } from 'drizzle-orm';
import { expect, onTestFinished, test } from 'vitest';
import { poll } from '../support/poll.ts';
import { createRestClient } from '../support/rest-client.ts';
import { startWorld } from '../support/start-world.ts';
import { addDatabase, findSystemPostgres, startSystemServer } from '../support/system-server.ts';
import { adoptDatabase } from '../support/test-database.ts';

const inProject = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const run = promisify(execFile);
const bin = findSystemPostgres();

/** Returns the commands of the page, unchanged: one block to back up, one to restore. */
async function readDrill(): Promise<string[]> {
  const page = await readFile(inProject('docs/operations/backup.md'), 'utf8');
  return [...page.matchAll(/^```sh\n(.*?)^```/gms)].map((match) => match[1] ?? '');
}

test.skipIf(bin === undefined)(
  'restores a backup that was taken during work, as documented, and continues (needs Debian’s postgresql)',
  { timeout: 360_000 },
  async () => {
    const server = await startSystemServer(bin ?? '');
    onTestFinished(server.end);
    const url = await addDatabase(server, 'service');
    const restoredUrl = await addDatabase(server, 'restored');
    const folder = await mkdtemp(join(tmpdir(), 'cta-backup-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const db = await adoptDatabase(url);
    const world = await startWorld({ db });
    onTestFinished(world.end);
    const drill = await readDrill();
    expect(drill).toHaveLength(2);
    await writeFile(
      join(folder, 'cta-batch'),
      `#!/bin/sh\nexec node "${inProject('src/main/cli.ts')}" "$@"\n`,
      { mode: 0o755 },
    );
    const carryOut = (commands = '') =>
      run('/bin/sh', ['-ec', commands], {
        cwd: folder,
        env: {
          PATH: `${folder}:${bin}:${process.env.PATH}`,
          HOME: folder,
          DATABASE_URL: url,
          RESTORE_URL: restoredUrl,
        },
      });

    const { token } = await db.addWorkspace('one');
    const program = await world.start('all');
    const rest = createRestClient(program.address, token);
    const source = (name: string) => ({ url: world.shop.productUrl(name), batch_size: 2 });
    const finished = await rest.follow((await rest.create([source('before')])).id);
    const before = await rest.previews(finished.id);

    // The texts are stored, and the image calls are in progress.
    world.ai.setScript((_, kind) => (kind === 'image' ? 'hang' : undefined));
    const halfway = await rest.create([source('halfway')]);
    const stored = sql`
      select count(*) filter (where c.kind = 'text' and c.status = 'answered') = 2
        and count(*) filter (where c.status = 'sent') = 2 as now
      from cta.ai_calls c join cta.previews p on p.id = c.preview_id where p.batch_id = ${halfway.id}`;
    await poll(
      async () => (await db.orm.execute<{ now: boolean }>(stored)).rows[0]?.now,
      (now) => now === true,
    );
    await carryOut(drill[0]);
    await rest.create([source('after')]);
    await world.kill(program);
    world.ai.setScript(undefined);
    const bought = world.ai.calls.length;

    // Throws for an exit code other than 0.
    await carryOut(drill[1]);
    const again = await world.start('all', { DATABASE_URL: restoredUrl });
    const restored = createRestClient(again.address, token);
    expect(await restored.follow(halfway.id)).toMatchObject({ status: 'done', progress: { done: 2 } });
    const list = (await restored.call('GET', '/batch/')).body.results;
    expect(list.map((batch: { id: string }) => batch.id)).toEqual([halfway.id, finished.id]);
    const atItsPlace = (value: unknown) =>
      JSON.parse(JSON.stringify(value).replaceAll(program.address, again.address));
    expect(await restored.previews(finished.id)).toEqual(atItsPlace(before));
    const image = await fetch(atItsPlace(before[0]?.prefill.background_image_url));
    expect([image.status, image.headers.get('content-type')]).toEqual([
      200,
      expect.stringMatching(/^image\//),
    ]);
    // Only the two images are bought again.
    expect(world.ai.calls.slice(bought).map((call) => call.kind)).toEqual(['image', 'image']);
    await world.stop(again);
    await db.drop();
  },
);
