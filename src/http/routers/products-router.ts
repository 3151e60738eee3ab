import { getProductOperation } from '../operations.ts';
import { queryOf } from './operation-procedures.ts';

export const productsRouter = {
  get: queryOf(getProductOperation),
};
