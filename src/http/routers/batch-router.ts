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
import { mutationOf, queryOf } from './operation-procedures.ts';

export const batchRouter = {
  create: mutationOf(createBatchOperation),
  list: queryOf(listBatchesOperation, listInput(listBatchesOperation.input)),
  get: queryOf(getBatchOperation),
  cancel: mutationOf(cancelBatchOperation),
  retry: mutationOf(retryBatchOperation),
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
  task: queryOf(getTaskOperation),
};
