import type { Target } from './load.ts';
import type { StageDatabase } from './stage-database.ts';

/**
 * Returns functions that make requests to the REST API, the tRPC API and the bare server for the
 * same things.
 */
export function makeTargets({ workspaceId, token }: StageDatabase, api: string, bare: string) {
  const headers = { authorization: `Bearer ${token}` };
  return {
    rest: (path: string): Target => ({ url: `${api}/api/llm-editor/cta${path}`, headers }),
    trpc(procedure: string, input: unknown): Target {
      const query = encodeURIComponent(JSON.stringify({ json: input }));
      return { url: `${api}/trpc/${procedure}?input=${query}`, headers };
    },
    trpcMutation: (procedure: string): Target => ({
      url: `${api}/trpc/${procedure}`,
      headers,
      method: 'POST',
    }),
    bare: (path: string): Target => ({ url: `${bare}/${workspaceId}${path}` }),
  };
}
