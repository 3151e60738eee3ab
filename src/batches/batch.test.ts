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

test('a batch is pending until its job or its first source has begun', () => {
  expect(status({ pending: 3 })).toBe('pending');
  expect(status({ pending: 3 }, { started: true })).toBe('running');
  expect(status({ pending: 2, queued: 1 })).toBe('running');
});

test('it is final when all its previews are', () => {
  expect(status({ running: 1, done: 2 }, { started: true })).toBe('running');
  expect(status({ done: 3 })).toBe('done');
  expect(status({ done: 1, failed: 2 })).toBe('done');
  expect(status({ failed: 3 })).toBe('failed');
  expect(status({})).toBe('failed');
});

test('a cancelled batch is cancelled once nothing is under way, whatever was done before', () => {
  expect(status({ running: 1, cancelled: 2 }, { cancelled: true })).toBe('running');
  expect(status({ done: 1, cancelled: 2 }, { cancelled: true })).toBe('cancelled');
  expect(status({ cancelled: 2 })).toBe('cancelled');
  expect(status({ failed: 1, cancelled: 2 })).toBe('failed');
});

test('tasks speak the words of the original front end', () => {
  expect(
    ['pending', 'running', 'done', 'failed', 'cancelled'].map((s) => toTaskStatus(s as BatchStatus)),
  ).toEqual(['PENDING', 'STARTED', 'SUCCESS', 'FAILURE', 'REVOKED']);
});
