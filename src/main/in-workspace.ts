import type { Log } from '../lib/log.ts';
import { getWorkspace } from '../workspaces/get-workspace.ts';
import { closeAll } from './close-all.ts';
import type { Settings } from './config.ts';
import { openRuntime, type Runtime } from './open-runtime.ts';

/** The settings and the log of a command, and the workspace it names. */
export interface WorkspaceCommand {
  readonly settings: Settings;
  readonly log: Log;
  /** The name of the workspace, which must exist. */
  readonly workspace: string;
}

/** Runs `work` for the command's workspace and prints the text that it returns. */
export async function inWorkspace(
  { settings, log, workspace }: WorkspaceCommand,
  work: (runtime: Runtime, workspaceId: string) => Promise<string>,
): Promise<void> {
  const runtime = await openRuntime(settings, log, { supervise: false });
  try {
    const workspaceId = await getWorkspace(runtime.database, workspace.trim());
    process.stdout.write(`${await work(runtime, workspaceId)}\n`);
  } finally {
    await closeAll(runtime.closers, log);
  }
}
