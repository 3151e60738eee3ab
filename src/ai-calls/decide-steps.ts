import { asc, eq, sql } from 'drizzle-orm';
import { prepareOnce, type Tx } from '../db/client.ts';
import { aiCalls } from '../db/schema/ai-calls.ts';
import { CALL_KINDS, type CallKind, type CallRecord } from './ai-call.ts';
import { decideStep, type StepDecision } from './decide-step.ts';

/** A preview as its calls are judged by. */
export interface PreviewSteps {
  readonly previewId: string;
  readonly generation: number;
  readonly round: number;
}

/** What both steps of a preview have come to. */
export type StepDecisions = Record<CallKind, StepDecision>;

/** A call as it is judged. */
export interface PastCall extends CallRecord {
  readonly previewId: string;
  readonly generation: number;
  readonly kind: CallKind;
}

const ofPreviews = prepareOnce((orm) =>
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

/** All calls of these previews, of each step the first try first. */
export async function loadCalls(tx: Tx, previewIds: readonly string[]): Promise<PastCall[]> {
  if (previewIds.length === 0) return [];
  return (await ofPreviews(tx).execute({ previewIds })) as PastCall[];
}

/** Judges both steps of each preview by the calls of its present generation; see `loadCalls`. */
export function decideSteps(
  previews: readonly PreviewSteps[],
  rows: readonly PastCall[],
): Map<string, StepDecisions> {
  // A whole batch may be judged at once: not all rows again for each preview.
  const rowsOf = Map.groupBy(rows, (row) => row.previewId);
  return new Map(
    previews.map(({ previewId, generation, round }) => {
      const calls = (rowsOf.get(previewId) ?? []).filter((row) => row.generation === generation);
      const judge = (kind: CallKind) =>
        decideStep(
          calls.filter((call) => call.kind === kind),
          round,
        );
      const verdicts = Object.fromEntries(CALL_KINDS.map((kind) => [kind, judge(kind)])) as StepDecisions;
      return [previewId, verdicts] as const;
    }),
  );
}

/** Whether both steps are answered. */
export function isAnswered(verdicts: StepDecisions | undefined): boolean {
  return verdicts !== undefined && Object.values(verdicts).every((verdict) => verdict.state === 'answered');
}
