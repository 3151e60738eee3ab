import { getPreviewOperation, listPreviewsOperation, patchPreviewOperation } from '../operations.ts';
import { createRouter, procedure } from '../trpc.ts';

/** `previews.*` */
export const previewsRouter = createRouter({
  list: procedure
    .input(listPreviewsOperation.input.prefault({}))
    .output(listPreviewsOperation.output)
    .query(({ ctx, input }) => listPreviewsOperation.run(ctx, input)),
  get: procedure
    .input(getPreviewOperation.input)
    .output(getPreviewOperation.output)
    .query(({ ctx, input }) => getPreviewOperation.run(ctx, input)),
  patch: procedure
    .input(patchPreviewOperation.input)
    .output(patchPreviewOperation.output)
    .mutation(({ ctx, input }) => patchPreviewOperation.run(ctx, input)),
});
