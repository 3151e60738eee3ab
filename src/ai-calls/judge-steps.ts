import { asc, inArray } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
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

/** Judges both steps of each preview by the calls of its present generation. */
export async function judgeSteps(tx: Tx, previews: readonly JudgedPreview[]): Promise<Map<string, Verdicts>> {
  if (previews.length === 0) return new Map();
  const rows = await tx
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
    .where(
      inArray(
        aiCalls.previewId,
        previews.map((preview) => preview.previewId),
      ),
    )
    .orderBy(asc(aiCalls.attempt), asc(aiCalls.id));
  // A whole batch may be judged at once: not all rows again for each preview.
  const rowsOf = Map.groupBy(rows, (row) => row.previewId);
  return new Map(
    previews.map(({ previewId, generation, round }) => {
      const calls = (rowsOf.get(previewId) ?? []).filter((row) => row.generation === generation);
      const judge = (kind: CallKind) =>
        judgeStep(
          (calls as CallRecord[]).filter((call) => call.kind === kind),
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
