import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { poll } from '../support/poll.ts';
import { runProgram, WITHOUT } from '../support/program.ts';
import { openTestDatabase } from '../support/test-database.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CLI = join(ROOT, 'src/main/cli.ts');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cta-hosts-'));
  // If the test runs as root, the server runs as another user, which must have access.
  await chmod(folder, 0o755);
  return () => rm(folder, { recursive: true, force: true });
});

describe.skipIf(WITHOUT.embeddedServer)('without DATABASE_URL', () => {
  test('hides libpq variables of the shell from the embedded PostgreSQL', async () => {
    const env = {
      PGSSLMODE: 'verify-full',
      PGSSLNEGOTIATION: 'direct',
      PGSSLROOTCERT: '/none',
      PGHOST: 'nowhere.invalid',
      PGPORT: '1',
      PGUSER: 'nobody',
      PGPASSWORD: 'wrong',
      PGDATABASE: 'none',
      PGOPTIONS: '-c nonsense=1',
      PGSERVICE: 'none',
      PGCLIENTENCODING: 'LATIN1',
      PGREPLICATION: 'database',
      PGTARGETSESSIONATTRS: 'standby',
    };
    expect(await runProgram({ args: ['migrate'], env, cwd: folder })).toMatchObject({
      code: 0,
      stdout: 'The database is up to date.\n',
    });
  });

  test.skipIf(process.platform !== 'linux')('reports a low limit of open files, and nothing else', () => {
    const command = 'ulimit -n 64; exec "$0" "$1" migrate';
    const { status, stderr } = spawnSync('/bin/sh', ['-c', command, process.execPath, CLI], {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: folder },
      encoding: 'utf8',
    });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^This process may open at most 64 files .+ulimit -n 1024.+\.\n$/);
  });

  test.skipIf(process.getuid?.() !== 0)('tells a user without a name to set DATABASE_URL', async () => {
    const uid = 61_234;
    await chmod(folder, 0o777);
    const { status, stderr } = spawnSync(process.execPath, [CLI, 'migrate'], {
      cwd: folder,
      uid,
      gid: uid,
      env: { PATH: process.env.PATH, HOME: folder },
      encoding: 'utf8',
    });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^The embedded PostgreSQL needs a user with a name, .+61234.+DATABASE_URL.+\.\n$/);
  });
});

const WITHOUT_TERMINALS = existsSync('/usr/bin/script') ? undefined : 'the script command is not installed';

describe.skipIf(WITHOUT.preloads ?? WITHOUT_TERMINALS)('a terminal that closes', () => {
  /** Runs a command line in a new terminal until its log says that the program is ready. */
  async function startInTerminal(commandLine: string) {
    const db = await openTestDatabase();
    const terminal = spawn('/usr/bin/script', ['--quiet', '--command', commandLine, '/dev/null'], {
      cwd: ROOT,
      env: {
        PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env.PATH}`,
        HOME: folder,
        DATABASE_URL: db.url,
        PORT: '0',
        STOP_DELAY: '0',
        AI_BASE_URL: 'http://127.0.0.1:11434/v1',
        LOG: join(folder, 'log'),
      },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const read = () => readFile(join(folder, 'log'), 'utf8').catch(() => '');
    const log = await poll(read, (text) => /"the built-in offline|AI_API_KEY is not set/.test(text));
    const pid = Number(/"pid":(\d+)/.exec(log)?.[1]);
    onTestFinished(async () => {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has already ended.
      }
      await db.drop();
    });
    return {
      pid,
      read,
      async close() {
        terminal.kill('SIGKILL');
        await once(terminal, 'exit');
      },
    };
  }

  const isAlive = (pid: number) => existsSync(`/proc/${pid}/stat`);

  test('does not stop a program that was started with nohup, but ends its parents', async () => {
    const { pid, read, close } = await startInTerminal('nohup npm start > "$LOG" 2>&1 & wait');
    expect(await read()).toContain('AI_BASE_URL is set but has no effect without AI_API_KEY');
    const address = await poll(
      async () => /ready at (http:\S+)/.exec(await read())?.[1],
      (found) => found !== undefined,
    );
    const parent = Number(/PPid:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]);
    await close();
    // npm has ended, so the signal has arrived.
    await poll(
      async () => isAlive(parent),
      (alive) => !alive,
    );
    expect((await fetch(`${address}/livez`)).status).toBe(200);
    process.kill(pid, 'SIGTERM');
    await poll(
      async () => isAlive(pid),
      (alive) => !alive,
    );
    const log = await read();
    expect(log).toContain('"signal":"SIGTERM"');
    expect(log).not.toContain('SIGHUP');
  });

  test('stops a program that was started in it cleanly', async () => {
    const { pid, read, close } = await startInTerminal(`exec node ${CLI} start 2> "$LOG"`);
    await close();
    await poll(
      async () => isAlive(pid),
      (alive) => !alive,
    );
    const log = await read();
    expect(log).toContain('"signal":"SIGHUP"');
    expect(log).toContain('"stopped"');
  });
});
