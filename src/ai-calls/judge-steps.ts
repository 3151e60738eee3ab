import { and, asc, eq } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { aiCalls } from '../db/schema/ai-calls.ts';
import { CALL_KINDS, type CallKind, type CallRecord } from './ai-call.ts';
import { judgeStep, type StepVerdict } from './judge-step.ts';

/** Judges both steps of a preview by the calls of its present generation. */
export async function judgeSteps(
  tx: Tx,
  preview: { previewId: string; generation: number; round: number },
): Promise<Record<CallKind, StepVerdict>> {
  const calls = await tx
    .select({
      kind: aiCalls.kind,
      round: aiCalls.round,
      status: aiCalls.status,
      errorCode: aiCalls.errorCode,
      probe: aiCalls.probe,
    })
    .from(aiCalls)
    .where(and(eq(aiCalls.previewId, preview.previewId), eq(aiCalls.generation, preview.generation)))
    .orderBy(asc(aiCalls.attempt), asc(aiCalls.id));
  const judge = (kind: CallKind) =>
    judgeStep(
      (calls as CallRecord[]).filter((call) => call.kind === kind),
      preview.round,
    );
  return Object.fromEntries(CALL_KINDS.map((kind) => [kind, judge(kind)])) as Record<CallKind, StepVerdict>;
}
