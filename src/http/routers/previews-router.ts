import {
  cancelPreviewOperation,
  getPreviewOperation,
  listPreviewsOperation,
  patchPreviewOperation,
  renewEmbedOperation,
  retryPreviewOperation,
  revokeEmbedOperation,
} from '../operations.ts';
import { listInput } from './list-input.ts';
import { mutationOf, queryOf } from './operation-procedures.ts';

export const previewsRouter = {
  list: queryOf(listPreviewsOperation, listInput(listPreviewsOperation.input)),
  get: queryOf(getPreviewOperation),
  cancel: mutationOf(cancelPreviewOperation),
  retry: mutationOf(retryPreviewOperation),
  revokeEmbed: mutationOf(revokeEmbedOperation),
  renewEmbed: mutationOf(renewEmbedOperation),
  patch: mutationOf(patchPreviewOperation),
};
