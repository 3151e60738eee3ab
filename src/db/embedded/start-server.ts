import { type ChildProcess, spawn } from 'node:child_process';
import { constants, open } from 'node:fs/promises';
import type { DataDirectory } from './resolve-data-directory.ts';
import { CLEAN_ENVIRONMENT } from './run-program.ts';

interface StartOptions {
  readonly place: DataDirectory;
  readonly port: number;
  readonly logFile: string;
  /** A pid in postmaster.pid that is known not to belong to a server. */
  readonly stalePid: number | undefined;
  readonly settings: Record<string, string>;
}

/** Spawns the server and returns at once. The caller must check whether it accepts connections. */
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
  // PostgreSQL takes a lock file for stale if its pid is that of its grandparent. This gets it past
  // a zombie and a reused pid. Deleting the file instead could hit the file of a server that
  // another program has just started.
  const stale = options.stalePid === undefined ? {} : { PG_GRANDPARENT_PID: String(options.stalePid) };
  // `O_NOFOLLOW`: root must not follow a link that the other user put into its directory.
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
        // Its own process group: Ctrl-C must reach only this process, which still needs the server
        // to shut down.
        detached: true,
        ...account,
      },
    );
    // `exitCode` shows this, as for every failed start.
    server.once('error', () => {});
    server.unref();
    return server;
  } finally {
    await log.close();
  }
}
