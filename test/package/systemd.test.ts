import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { BlockList, isIPv6 } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';

/* Lets systemd itself check the units in deploy/. */

const UNITS = ['cta-batch.service', 'cta-batch-worker@.service'];
/** On a scale of ten: 0 is a service that may do nothing, 9.6 one that may do everything. */
const MOST_EXPOSURE = 1.5;

const read = (unit: string) => readFile(new URL(`../../deploy/${unit}`, import.meta.url), 'utf8');
const version = spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' }).stdout ?? '';
// `security --offline` exists since version 250.
const isThere = Number(/^systemd (\d+)/.exec(version)?.[1] ?? 0) >= 250;

describe.skipIf(!isThere)(`by systemd-analyze${isThere ? '' : ', which is not here or too old'}`, () => {
  /** Copies the unit into a new folder, with a program that exists. */
  async function place(unit: string): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'cta-unit-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, unit);
    const text = (await read(unit)).replaceAll('/usr/local/bin/cta-batch', process.execPath);
    await writeFile(path, text);
    return path;
  }

  test.each(UNITS)('%s is a valid unit', async (unit) => {
    const path = await place(unit);
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' });
    // Ignore messages about other units and about the machine.
    const about = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('cta-batch'));
    expect(about).toEqual([]);
    expect(status, stderr).toBe(0);
  });

  test.each(UNITS)(
    `%s has few unneeded privileges (exposure at most ${MOST_EXPOSURE} of 10)`,
    async (unit) => {
      const args = ['security', '--offline=true', `--threshold=${MOST_EXPOSURE * 10}`, await place(unit)];
      const { status, stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
      expect(status, stdout).toBe(0);
    },
  );
});

test.each(UNITS)('%s gives the program enough time to stop, and V8 what it needs', async (unit) => {
  const text = await read(unit);
  // STOP_DELAY, STOP_GRACE and 15 s to requeue work.
  expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(text)?.[1])).toBeGreaterThan(1 + 10 + 15);
  expect(text).toMatch(/^KillSignal=SIGTERM$/m);
  expect(text).not.toMatch(/^MemoryDenyWriteExecute=/m);
  // The program trusts only a cache that belongs to its user alone.
  expect(text).toMatch(/^CacheDirectoryMode=0700$/m);
  expect(text).toMatch(/^Environment=CTA_BATCH_CACHE=%C\/cta-batch\b/m);
});

test.each(UNITS)('%s has limits that fit the program', async (unit) => {
  const text = await read(unit);
  const megabytesOf = (name: string) => {
    const [, size, letter] = new RegExp(`^${name}=(\\d+)([MG])$`, 'm').exec(text) ?? [];
    return Number(size) * (letter === 'G' ? 1024 : 1);
  };
  // The program, page readers, image decoders, CLIP.
  const neededMb = 450 + 3 * 600 + 3 * 600 + 1024;
  expect(megabytesOf('MemoryHigh')).toBeGreaterThanOrEqual(neededMb);
  expect(megabytesOf('MemoryMax')).toBeGreaterThan(megabytesOf('MemoryHigh'));
  expect(megabytesOf('MemoryMax')).toBeLessThanOrEqual(5632);
  expect(megabytesOf('MemorySwapMax')).toBeLessThanOrEqual(512);
  const tasks = Number(/^TasksMax=(\d+)$/m.exec(text)?.[1]);
  // 8 processes with 11 threads each, and CLIP on a machine with 64 cores.
  expect(tasks).toBeGreaterThanOrEqual(8 * 11 + 64);
  expect(tasks).toBeLessThanOrEqual(512);
  // The default stops the whole service when one of its child processes is killed.
  expect(text).toMatch(/^OOMPolicy=continue$/m);
});

test.each(UNITS)('%s has the limits that docs/operations/deploy.md names', async (unit) => {
  const text = await read(unit);
  const page = await readFile(new URL('../../docs/operations/deploy.md', import.meta.url), 'utf8');
  const [, section = ''] = /^## Run as a systemd service\n([\s\S]*?)^## /m.exec(page) ?? [];
  const named = [...section.matchAll(/^\| `(\w+)` +\| (\w+) +\|/gm)].map(
    ([, name, value]) => `${name}=${value}`,
  );
  const limits = text.match(/^(?:Memory(?:High|Max|SwapMax)|TasksMax)=.*$/gm);
  expect(named).toEqual(limits);
});

test.each(UNITS)('%s cannot reach metadata services, but can reach required services', async (unit) => {
  const denied = new BlockList();
  const [, ranges = ''] = /^IPAddressDeny=(.+)$/m.exec(await read(unit)) ?? [];
  for (const range of ranges.split(' ')) {
    const [address = '', prefix] = range.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    denied.addSubnet(address, Number(prefix ?? (family === 'ipv6' ? 128 : 32)), family);
  }
  const isDenied = (address: string) => denied.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  const metadata = ['169.254.169.254', '169.254.170.2', '100.100.100.200', 'fd00:ec2::254', 'fd20:ce::254'];
  for (const address of [...metadata, 'fe80::1', 'fe80::a9fe:a9fe', 'febf::1'])
    expect(isDenied(address), address).toBe(true);
  // This machine, private networks (a database, an AI service), Azure's DNS server, the internet.
  const needed = ['127.0.0.1', '127.0.0.53', '::1', '10.0.0.5', '172.16.0.5', '192.168.1.5', 'fd12::5'];
  for (const address of [...needed, '168.63.129.16', '93.184.215.14', '2606:4700::1111'])
    expect(isDenied(address), address).toBe(false);
});

test('the unit of the worker differs from the other one only in its command', async () => {
  const lines = (text: string) => text.split('\n').filter((line) => /^[A-Z]/.test(line));
  const [one, worker] = (await Promise.all(UNITS.map(read))).map(lines);
  expect(worker?.filter((line) => !one?.includes(line))).toEqual([
    'Description=CTA batch generator, worker %i',
    'ExecStart=/usr/local/bin/cta-batch start --role worker',
    'EnvironmentFile=-/etc/cta-batch/worker-%i',
  ]);
  expect(one?.filter((line) => !worker?.includes(line))).toHaveLength(2);
});
