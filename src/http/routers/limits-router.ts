import { getLimitsOperation } from '../operations.ts';
import { queryOf } from './operation-procedures.ts';

export const limitsRouter = {
  get: queryOf(getLimitsOperation, getLimitsOperation.input.prefault({})),
};
