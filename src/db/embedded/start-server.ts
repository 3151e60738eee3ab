import { type ChildProcess, spawn } from 'node:child_process';
import { constants, open } from 'node:fs/promises';
import type { DataDirectory } from './resolve-data-directory.ts';
import { CLEAN_ENVIRONMENT } from './run-program.ts';

interface StartOptions {
  readonly place: DataDirectory;
  readonly port: number;
  readonly logFile: string;
  /** A pid in postmaster.pid that is known not to be a server. */
  readonly stalePid: number | undefined;
  readonly settings: Record<string, string>;
}

/** Spawns the server and answers at once; whether it serves is for the caller to see. */
export async function startServer(options: StartOptions): Promise<ChildProcess> {
  const { dataDirectory, binaries, account } = options.place;
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_checkpoints: 'off',
    ...options.settings,
  };
  // PostgreSQL takes a lock file for stale if its pid is that of its grandparent, and thereby gets past a zombie
  // or a number used again. Deleting the file instead could hit that of a server which another program just started.
  const stale = options.stalePid === undefined ? {} : { PG_GRANDPARENT_PID: String(options.stalePid) };
  // Root must not be led elsewhere by a link that the other user put into its directory.
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
  const log = await open(options.logFile, O_APPEND | O_CREAT | O_NOFOLLOW | O_WRONLY, 0o600);
  try {
    const server = spawn(
      binaries.postgres,
      [
        ...['-D', dataDirectory, '-p', String(options.port)],
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      {
        cwd: '/',
        env: { ...CLEAN_ENVIRONMENT, ...stale },
        stdio: ['ignore', log.fd, log.fd],
        // A process group of its own: a Ctrl-C is for us, who still need the server to finish.
        detached: true,
        ...account,
      },
    );
    server.once('error', () => {}); // seen by its exitCode, like every failed start
    server.unref();
    return server;
  } finally {
    await log.close();
  }
}
