import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findAccount } from '../../src/db/embedded/find-account.ts';
import { findPort } from '../../src/db/embedded/find-port.ts';
import { poll } from './poll.ts';

const PROGRAM = '/usr/sbin/pgbouncer';

/** The reason why tests that need PgBouncer are skipped, or undefined if they run. */
export const WITHOUT_PGBOUNCER = existsSync(PROGRAM) ? undefined : 'PgBouncer is not installed';

/** Starts PgBouncer with default settings in front of a server. Returns the URL through it. */
export async function startPgBouncer(
  url: string,
  { mode }: { mode: 'session' | 'transaction' | 'statement' },
): Promise<{ url: string; end(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'cta-pgbouncer-'));
  const through = new URL(url);
  const { hostname, port, username, password } = through;
  through.port = String(await findPort(folder));
  await writeFile(join(folder, 'users.txt'), `"${username}" "${password}"\n`);
  await writeFile(
    join(folder, 'settings.ini'),
    [
      '[databases]',
      `* = host=${hostname} port=${port}`,
      '[pgbouncer]',
      `listen_addr = 127.0.0.1\nlisten_port = ${through.port}\nunix_socket_dir =`,
      `auth_type = plain\nauth_file = ${join(folder, 'users.txt')}`,
      `pool_mode = ${mode}`,
    ].join('\n'),
  );
  const account = process.getuid?.() === 0 ? await findAccount(join(folder, 'none')) : undefined;
  await chmod(folder, 0o755);
  if (account) await chown(folder, account.uid, account.gid);
  const child = spawn(PROGRAM, ['--quiet', join(folder, 'settings.ini')], { ...account, stdio: 'ignore' });
  const ended = once(child, 'exit');
  await poll(
    () => isOpen(Number(through.port)),
    (open) => open,
  );
  return {
    url: through.href,
    async end() {
      child.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
