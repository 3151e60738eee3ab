import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { createAtomically } from './create-atomically.ts';
import type { Binaries } from './find-binaries.ts';
import { type Account, runProgram } from './run-program.ts';

/**
 * Returns binaries that `account` can run: the given ones, or else a copy in `place`. Throws if
 * `account` cannot run the copy either.
 */
export async function makeRunnable(binaries: Binaries, place: string, account: Account): Promise<Binaries> {
  try {
    await tryBinaries(binaries, account);
    return binaries;
  } catch {
    // For example a checkout in /root, or files that only their owner may read.
  }
  const native = join(place, `native-${binaries.version}`);
  await createAtomically({ target: native, marker: 'bin/postgres' }, async (made) => {
    await cp(binaries.native, made, { recursive: true, verbatimSymlinks: true });
    await runProgram('chmod', ['-R', 'a+rX', made]);
  });
  const bin = join(native, 'bin');
  const copy = { ...binaries, native, postgres: join(bin, 'postgres'), initdb: join(bin, 'initdb') };
  await tryBinaries(copy, account);
  return copy;
}

/**
 * Also reads a file that initdb needs: that a program starts does not prove that it can read its
 * files.
 */
async function tryBinaries({ native, postgres }: Binaries, account: Account): Promise<void> {
  const share = join(native, 'share/postgresql/postgres.bki');
  await runProgram('/bin/sh', ['-c', '"$0" --version && test -r "$1"', postgres, share], account);
}
