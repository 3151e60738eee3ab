import { asc, eq, sql } from 'drizzle-orm';
import { prepareOnce, type Tx } from '../db/client.ts';
import { aiCalls } from '../db/schema/ai-calls.ts';
import { CALL_KINDS, type CallKind, type CallRecord } from './ai-call.ts';
import { decideStep, type StepDecision } from './decide-step.ts';

/** A preview, with the generation and round whose calls count. */
export interface PreviewSteps {
  readonly previewId: string;
  readonly generation: number;
  readonly round: number;
}

/** The decisions on both steps of a preview. */
export type StepDecisions = Record<CallKind, StepDecision>;

/** A past call of a preview. */
export interface PastCall extends CallRecord {
  readonly previewId: string;
  readonly generation: number;
  readonly kind: CallKind;
}

const selectCalls = prepareOnce((orm) =>
  orm
    .select({
      previewId: aiCalls.previewId,
      generation: aiCalls.generation,
      kind: aiCalls.kind,
      round: aiCalls.round,
      status: aiCalls.status,
      errorCode: aiCalls.errorCode,
      probe: aiCalls.probe,
    })
    .from(aiCalls)
    .where(eq(aiCalls.previewId, sql`any(${sql.placeholder('previewIds')})`))
    .orderBy(asc(aiCalls.attempt), asc(aiCalls.id))
    .prepare('load_calls_of_previews'),
);

/** Loads all calls of these previews; the calls of each step are in the order of their tries. */
export async function loadCalls(tx: Tx, previewIds: readonly string[]): Promise<PastCall[]> {
  if (previewIds.length === 0) return [];
  return (await selectCalls(tx).execute({ previewIds })) as PastCall[];
}

/**
 * Decides about both steps of each preview from the calls of its present generation; see
 * `loadCalls`.
 */
export function decideSteps(
  previews: readonly PreviewSteps[],
  rows: readonly PastCall[],
): Map<string, StepDecisions> {
  // Groups the rows first: for a whole batch, a search through all rows per preview is slow.
  const rowsOf = Map.groupBy(rows, (row) => row.previewId);
  return new Map(
    previews.map(({ previewId, generation, round }) => {
      const calls = (rowsOf.get(previewId) ?? []).filter((row) => row.generation === generation);
      const decide = (kind: CallKind) =>
        decideStep(
          calls.filter((call) => call.kind === kind),
          round,
        );
      const decisions = Object.fromEntries(CALL_KINDS.map((kind) => [kind, decide(kind)])) as StepDecisions;
      return [previewId, decisions] as const;
    }),
  );
}

/** Returns whether both steps are answered. */
export function isAnswered(decisions: StepDecisions | undefined): boolean {
  return (
    decisions !== undefined && Object.values(decisions).every((decision) => decision.state === 'answered')
  );
}
