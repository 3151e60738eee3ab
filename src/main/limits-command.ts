import Table from 'cli-table3';
import { getLimits, type Limits } from '../ai-calls/get-limits.ts';
import type { Log } from '../lib/log.ts';
import { closeAll } from './close-all.ts';
import type { Settings } from './config.ts';
import { openRuntime } from './open-runtime.ts';

/** `limits`: prints the free slots, when the next slot opens, and the peak window on record. */
export async function runLimits(settings: Settings, log: Log, options: { json: boolean }): Promise<void> {
  const { database, closers } = await openRuntime(settings, log, { supervise: false });
  try {
    const limits = await getLimits(database, { wholeLedger: true });
    process.stdout.write(`${options.json ? JSON.stringify(limits, null, 2) : drawLimits(limits)}\n`);
  } finally {
    await closeAll(closers, log);
  }
}

function drawLimits({ rate, kinds }: Limits): string {
  if (rate === null) return 'No worker has started yet, so no limit is in force.';
  const table = new Table({
    head: ['calls', 'limit', 'free', 'next slot', 'breaker', 'peak window on record'],
  });
  for (const kind of kinds) {
    const { worstWindow: worst, breaker } = kind;
    table.push([
      kind.kind,
      rate,
      kind.free ?? 'no limit',
      kind.nextSlotAt?.toISOString() ?? 'now',
      breaker.state === 'open' ? `open since ${breaker.since?.toISOString()}: ${breaker.code}` : 'closed',
      worst === null
        ? 'no calls'
        : `${worst.calls} in ${kind.windowMs / 1000} s, ${worst.from.toISOString()} to ${worst.to.toISOString()}`,
    ]);
  }
  return table.toString();
}
