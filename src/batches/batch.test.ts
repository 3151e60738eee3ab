import { expect, test } from 'vitest';
import { type BatchStatus, deriveStatus, type Progress, toTaskStatus } from './batch.ts';

const NOW = new Date();

function status(
  counts: Partial<Progress>,
  more: { started?: boolean; cancelled?: boolean } = {},
): BatchStatus {
  const progress = {
    total: 0,
    pending: 0,
    queued: 0,
    running: 0,
    done: 0,
    failed: 0,
    cancelled: 0,
    ...counts,
  };
  progress.total =
    progress.pending +
    progress.queued +
    progress.running +
    progress.done +
    progress.failed +
    progress.cancelled;
  return deriveStatus({
    progress,
    startedAt: more.started ? NOW : null,
    cancelRequestedAt: more.cancelled ? NOW : null,
  });
}

test('is pending until the job or the first source has started', () => {
  expect(status({ pending: 3 })).toBe('pending');
  expect(status({ pending: 3 }, { started: true })).toBe('running');
  expect(status({ pending: 2, queued: 1 })).toBe('running');
});

test('is final when all previews are final', () => {
  expect(status({ running: 1, done: 2 }, { started: true })).toBe('running');
  expect(status({ done: 3 })).toBe('done');
  expect(status({ done: 1, failed: 2 })).toBe('done');
  expect(status({ failed: 3 })).toBe('failed');
  expect(status({})).toBe('failed');
});

test('is canceled when nothing is in progress, whatever was done before', () => {
  expect(status({ running: 1, cancelled: 2 }, { cancelled: true })).toBe('running');
  expect(status({ done: 1, cancelled: 2 }, { cancelled: true })).toBe('cancelled');
  expect(status({ cancelled: 2 })).toBe('cancelled');
  expect(status({ failed: 1, cancelled: 2 })).toBe('failed');
});

test('uses the task statuses of the original front end', () => {
  expect(
    ['pending', 'running', 'done', 'failed', 'cancelled'].map((s) => toTaskStatus(s as BatchStatus)),
  ).toEqual(['PENDING', 'STARTED', 'SUCCESS', 'FAILURE', 'REVOKED']);
});
