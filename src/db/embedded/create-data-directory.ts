import { chmod, chown, readFile, stat, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { createAtomically } from './create-atomically.ts';
import { SUPERUSER } from './identity.ts';
import type { DataDirectory } from './resolve-data-directory.ts';
import { runProgram } from './run-program.ts';

/**
 * Creates the data directory if it is missing. Throws if the existing one belongs to another major
 * version of PostgreSQL.
 */
export async function createDataDirectory(
  { dataDirectory, binaries, account }: DataDirectory,
  { password, sync }: { password: string; sync: boolean },
): Promise<void> {
  await createAtomically({ target: dataDirectory, marker: 'PG_VERSION', account }, async (made, work) => {
    if (account === undefined) checkUserHasName();
    const passwordFile = join(work, 'password');
    await writeFile(passwordFile, password, { mode: 0o600 });
    if (account) await chown(passwordFile, account.uid, account.gid);
    // The builtin locale C.UTF-8 is the same on every system; a locale of the system is not.
    const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
    const access = [`--username=${SUPERUSER}`, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
    const speed = sync ? [] : ['--no-sync'];
    await runProgram(binaries.initdb, [`--pgdata=${made}`, ...locale, ...access, ...speed], account);
  });

  const major = (await readFile(join(dataDirectory, 'PG_VERSION'), 'utf8')).trim();
  if (major !== binaries.major) {
    throw new Error(
      `The data in ${dataDirectory} is from PostgreSQL ${major}, but the embedded server is version ${binaries.major}. Migrate it ` +
        'with pg_dump of the old version, or delete that directory to start with no data.',
    );
  }
  if (account && (await stat(dataDirectory)).uid !== account.uid) {
    // Root has copied or restored the data directory.
    await runProgram('chown', ['-R', `${account.uid}:${account.gid}`, dataDirectory]);
    await chmod(dataDirectory, 0o700);
  }
}

/** initdb looks up the name of its user, and fails in a container whose user is only a number. */
function checkUserHasName(): void {
  try {
    userInfo();
  } catch {
    throw new Error(
      `The embedded PostgreSQL needs a user with a name, but the user id ${process.getuid?.()} is not in /etc/passwd. Set ` +
        'DATABASE_URL to a PostgreSQL 15 or newer, or run this program as a user that exists on this machine.',
    );
  }
}
