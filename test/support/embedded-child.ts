/**
 * A program that opens the embedded PostgreSQL in the folder given in argv, with settings from argv
 * in JSON. It reports this in one line of JSON, and stops the server when its stdin ends.
 */
import { openEmbeddedServer } from '../../src/db/embedded/embedded-server.ts';

const [folder = '', settings = '{}'] = process.argv.slice(2);
// The parent may have ended, so writing to it may fail.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
const say = (message: string) => void process.stderr.write(`${message}\n`);
const { url, owned, dataDirectory, stop } = await openEmbeddedServer({
  folder,
  log: { info: say, warn: say },
  settings: { fsync: 'off', ...JSON.parse(settings) },
});
process.stdout.write(`${JSON.stringify({ url, owned, dataDirectory })}\n`);
process.stdin.on('end', () => void stop()).resume();
