/**
 * A program with an embedded PostgreSQL: opens the one of the folder in argv, with the settings after it in JSON, says so in
 * one line of JSON, and stops it when its stdin ends.
 */
import { openEmbeddedServer } from '../../src/db/embedded/embedded-server.ts';

const [folder = '', settings = '{}'] = process.argv.slice(2);
// Whoever started it may be gone by then.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
const say = (message: string) => void process.stderr.write(`${message}\n`);
const { url, owned, dataDirectory, stop } = await openEmbeddedServer({
  folder,
  log: { info: say, warn: say },
  settings: { fsync: 'off', ...JSON.parse(settings) },
});
process.stdout.write(`${JSON.stringify({ url, owned, dataDirectory })}\n`);
process.stdin.on('end', () => void stop()).resume();
