import { tracked } from '@trpc/server';
import { batchSchema } from '../../batches/batch.ts';
import { callerSignal } from '../event-stream.ts';
import {
  cancelBatchOperation,
  createBatchOperation,
  getBatchOperation,
  getTaskOperation,
  listBatchesOperation,
  retryBatchOperation,
  watchBatchInput,
} from '../operations.ts';
import { procedure } from '../trpc.ts';
import { listInput } from './list-input.ts';

export const batchRouter = {
  create: procedure
    .input(createBatchOperation.input)
    .output(createBatchOperation.output)
    .mutation(({ ctx, input }) => createBatchOperation.run(ctx, input)),
  list: procedure
    .input(listInput(listBatchesOperation.input))
    .output(listBatchesOperation.output)
    .query(({ ctx, input }) => listBatchesOperation.run(ctx, input)),
  get: procedure
    .input(getBatchOperation.input)
    .output(getBatchOperation.output)
    .query(({ ctx, input }) => getBatchOperation.run(ctx, input)),
  cancel: procedure
    .input(cancelBatchOperation.input)
    .output(cancelBatchOperation.output)
    .mutation(({ ctx, input }) => cancelBatchOperation.run(ctx, input)),
  retry: procedure
    .input(retryBatchOperation.input)
    .output(retryBatchOperation.output)
    .mutation(({ ctx, input }) => retryBatchOperation.run(ctx, input)),
  watch: procedure.input(watchBatchInput).subscription(async function* ({ ctx, input, signal }) {
    const { deps, workspaceId, caller } = ctx;
    const { batchWatch, tokenWatch } = deps;
    const left = new AbortController();
    const ended = AbortSignal.any([left.signal, ...(signal ? [signal] : [])]);
    try {
      const options = { workspaceId, ...input, signal: callerSignal(tokenWatch, caller, ended) };
      const { events } = await batchWatch.watch(options);
      for await (const { id, batch } of events) yield tracked(id, batchSchema.parse(batch));
    } finally {
      left.abort();
    }
  }),
  task: procedure
    .input(getTaskOperation.input)
    .output(getTaskOperation.output)
    .query(({ ctx, input }) => getTaskOperation.run(ctx, input)),
};
