import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Orm } from '../db/client.ts';
import { createSecret } from '../lib/ids.ts';
import { createToken } from '../workspaces/create-token.ts';
import { ensureWorkspace } from '../workspaces/ensure-workspace.ts';
import { findWorkspaceByToken } from '../workspaces/find-workspace.ts';

export const DEFAULT_WORKSPACE = 'default';

/**
 * Returns the token of the default workspace; only for the embedded database. The first call
 * creates it and stores it in `<folder>/token`, readable only by its owner (0600). Replaces a
 * stored token that the database does not know.
 */
export async function getDefaultToken(
  deps: { orm: Orm },
  folder: string,
): Promise<{ token: string; path: string }> {
  const path = join(folder, 'token');
  const stored = await readFile(path, 'utf8').catch(() => '');
  if (stored.trim() && (await findWorkspaceByToken(deps, stored.trim())))
    return { token: stored.trim(), path };
  const token = await createToken(deps, { workspaceId: await ensureWorkspace(deps, DEFAULT_WORKSPACE) });
  await mkdir(folder, { recursive: true });
  // Written to a temporary file and renamed, so that nobody can read a part of the token, or a file
  // that is readable by other users.
  const draft = join(folder, `token.${createSecret().slice(0, 8)}`);
  await writeFile(draft, `${token}\n`, { mode: 0o600 });
  await chmod(draft, 0o600);
  await rename(draft, path);
  return { token, path };
}
