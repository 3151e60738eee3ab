import { expect, test } from 'vitest';
import { JOB_NAMES } from '../queue/catalogue.ts';
import { JOB_KINDS } from './job-kinds.ts';

test('every job of the catalogue is processed by exactly one kind', () => {
  const processed = Object.values(JOB_KINDS).flatMap((kind) => kind.jobs);
  expect(processed.toSorted()).toEqual(JOB_NAMES.toSorted());
});
