import Table from 'cli-table3';
import type { Log } from '../lib/log.ts';
import { createToken } from '../workspaces/create-token.ts';
import { ensureWorkspace } from '../workspaces/ensure-workspace.ts';
import { listTokens } from '../workspaces/list-tokens.ts';
import { revokeToken } from '../workspaces/revoke-token.ts';
import { closeAll } from './close-all.ts';
import { type Settings, SettingsError } from './config.ts';
import { inWorkspace, type WorkspaceCommand } from './in-workspace.ts';
import { openRuntime } from './open-runtime.ts';

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `token create`: creates the workspace if it is missing, and prints only the token. */
export async function runTokenCreate(
  settings: Settings,
  log: Log,
  options: { workspace: string; expires?: string },
): Promise<void> {
  const name = options.workspace.trim();
  if (name.length < 1 || name.length > 100) {
    throw new SettingsError('--workspace must be a name of 1 to 100 characters.');
  }
  const expiry = options.expires === undefined ? {} : { expiresInMs: parseExpiry(options.expires) };
  const runtime = await openRuntime(settings, log, { supervise: false });
  try {
    const workspaceId = await ensureWorkspace(runtime.database, name);
    process.stdout.write(`${await createToken(runtime.database, { workspaceId, ...expiry })}\n`);
  } finally {
    await closeAll(runtime.closers, log);
  }
}

/** `token list`: prints the ids of the workspace's tokens; the tokens themselves are not stored. */
export function runTokenList(command: WorkspaceCommand): Promise<void> {
  return inWorkspace(command, async ({ database }, workspaceId) => {
    const table = new Table({ head: ['id', 'created', 'expires'] });
    for (const { id, createdAt, expiresAt } of await listTokens(database, { workspaceId }))
      table.push([id, createdAt.toISOString(), expiresAt?.toISOString() ?? 'never']);
    return table.length === 0 ? 'There are none.' : table.toString();
  });
}

/** `token revoke`: makes a token invalid. */
export function runTokenRevoke(command: WorkspaceCommand, id: string): Promise<void> {
  return inWorkspace(command, async ({ database }, workspaceId) => {
    await revokeToken(database, { workspaceId, id });
    return 'The token is revoked.';
  });
}

function parseExpiry(text: string): number {
  const match = /^([1-9]\d{0,5})([mhd])$/.exec(text);
  if (!match) throw new SettingsError('--expires must be a duration such as 30d, 12h or 45m.');
  return Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
}
