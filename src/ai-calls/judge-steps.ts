import { asc, eq, sql } from 'drizzle-orm';
import { prepareOnce, type Tx } from '../db/client.ts';
import { aiCalls } from '../db/schema/ai-calls.ts';
import { CALL_KINDS, type CallKind, type CallRecord } from './ai-call.ts';
import { judgeStep, type StepVerdict } from './judge-step.ts';

/** A preview as its calls are judged by. */
export interface JudgedPreview {
  readonly previewId: string;
  readonly generation: number;
  readonly round: number;
}

/** What both steps of a preview have come to. */
export type Verdicts = Record<CallKind, StepVerdict>;

/** A call as it is judged. */
export interface JudgedCall extends CallRecord {
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
export async function loadCalls(tx: Tx, previewIds: readonly string[]): Promise<JudgedCall[]> {
  if (previewIds.length === 0) return [];
  return (await ofPreviews(tx).execute({ previewIds })) as JudgedCall[];
}

/** Judges both steps of each preview by the calls of its present generation; see `loadCalls`. */
export function judgeSteps(
  previews: readonly JudgedPreview[],
  rows: readonly JudgedCall[],
): Map<string, Verdicts> {
  // A whole batch may be judged at once: not all rows again for each preview.
  const rowsOf = Map.groupBy(rows, (row) => row.previewId);
  return new Map(
    previews.map(({ previewId, generation, round }) => {
      const calls = (rowsOf.get(previewId) ?? []).filter((row) => row.generation === generation);
      const judge = (kind: CallKind) =>
        judgeStep(
          calls.filter((call) => call.kind === kind),
          round,
        );
      const verdicts = Object.fromEntries(CALL_KINDS.map((kind) => [kind, judge(kind)])) as Verdicts;
      return [previewId, verdicts] as const;
    }),
  );
}

/** Whether both steps are answered. */
export function isAnswered(verdicts: Verdicts | undefined): boolean {
  return verdicts !== undefined && Object.values(verdicts).every((verdict) => verdict.state === 'answered');
}
