import { pino } from 'pino';
import pretty from 'pino-pretty';
import type { Log } from '../lib/log.ts';

/** The program's log, on standard error: lines for people on a terminal, JSON elsewhere. Standard output is for results. */
export function createLog(level: string): Log {
  const options = { level, redact: ['*.token', '*.authorization', '*.apiKey'] };
  if (process.stderr.isTTY) {
    const stream = pretty({ colorize: true, destination: 2, ignore: 'pid,hostname', sync: true });
    return pino(options, stream);
  }
  return pino(options, pino.destination({ dest: 2, sync: true }));
}
