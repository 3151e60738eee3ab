import { expect, onTestFinished, test } from 'vitest';
import { quietLog } from '../../test/support/quiet-log.ts';
import { type Claim, startPoller } from './poller.ts';

/** A poller whose claims and work the test resolves itself. */
function openTestPoller() {
  const claims: PromiseWithResolvers<Claim<() => Promise<void>>>[] = [];
  let arrived = Promise.withResolvers<void>();
  const poller = startPoller<() => Promise<void>>({
    name: 'test',
    capacity: 2,
    pollMs: 600_000,
    log: quietLog,
    run: (work) => work(),
    claim() {
      const claim = Promise.withResolvers<Claim<() => Promise<void>>>();
      claims.push(claim);
      arrived.resolve();
      arrived = Promise.withResolvers();
      return claim.promise;
    },
  });
  onTestFinished(async () => {
    claims.at(-1)?.resolve({ work: [], more: false });
    await poller.stop();
  });
  return { poller, claims, nextClaim: () => arrived.promise };
}

test('claims again after finished work only if work waits', async () => {
  const { poller, claims, nextClaim } = openTestPoller();
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  claims[0]?.resolve({ work: [() => first.promise], more: false, drained: true });
  await Promise.resolve();
  first.resolve();
  await poller.idle();
  await new Promise(setImmediate);
  expect(claims).toHaveLength(1);

  let claimed = nextClaim();
  poller.wake();
  await claimed;
  claimed = nextClaim();
  claims[1]?.resolve({ work: [() => second.promise], more: false });
  await Promise.resolve();
  second.resolve();
  await claimed;
  expect(claims).toHaveLength(3);
});

test('claims again if work ends during a claim', async () => {
  const { claims, nextClaim } = openTestPoller();
  const work = Promise.withResolvers<void>();
  let claimed = nextClaim();
  claims[0]?.resolve({ work: [() => work.promise], more: true, drained: true });
  await claimed;
  work.resolve();
  await new Promise(setImmediate);
  claimed = nextClaim();
  claims[1]?.resolve({ work: [], more: false, drained: true });
  await claimed;
  expect(claims).toHaveLength(3);
});

test('rejects a reserve without owners', () => {
  const claim = async () => ({ work: [], more: false });
  const options = { name: 'test', capacity: 1, pollMs: 1000, log: quietLog, run: async () => {}, claim };
  expect(() => startPoller({ ...options, reserve: 1 })).toThrow(
    'the poller test has a reserve but no owners',
  );
});
