import {
  cancelPreviewOperation,
  getPreviewOperation,
  listPreviewsOperation,
  patchPreviewOperation,
  renewEmbedOperation,
  retryPreviewOperation,
  revokeEmbedOperation,
} from '../operations.ts';
import { procedure } from '../trpc.ts';
import { listInput } from './list-input.ts';

export const previewsRouter = {
  list: procedure
    .input(listInput(listPreviewsOperation.input))
    .output(listPreviewsOperation.output)
    .query(({ ctx, input }) => listPreviewsOperation.run(ctx, input)),
  get: procedure
    .input(getPreviewOperation.input)
    .output(getPreviewOperation.output)
    .query(({ ctx, input }) => getPreviewOperation.run(ctx, input)),
  cancel: procedure
    .input(cancelPreviewOperation.input)
    .output(cancelPreviewOperation.output)
    .mutation(({ ctx, input }) => cancelPreviewOperation.run(ctx, input)),
  retry: procedure
    .input(retryPreviewOperation.input)
    .output(retryPreviewOperation.output)
    .mutation(({ ctx, input }) => retryPreviewOperation.run(ctx, input)),
  revokeEmbed: procedure
    .input(revokeEmbedOperation.input)
    .output(revokeEmbedOperation.output)
    .mutation(({ ctx, input }) => revokeEmbedOperation.run(ctx, input)),
  renewEmbed: procedure
    .input(renewEmbedOperation.input)
    .output(renewEmbedOperation.output)
    .mutation(({ ctx, input }) => renewEmbedOperation.run(ctx, input)),
  patch: procedure
    .input(patchPreviewOperation.input)
    .output(patchPreviewOperation.output)
    .mutation(({ ctx, input }) => patchPreviewOperation.run(ctx, input)),
};
