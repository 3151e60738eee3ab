import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import sharp from 'sharp';
import { afterEach, describe, expect, test } from 'vitest';
import {
  createImageDecoder,
  type ImageDecoder,
  type ImageDecoderOptions,
} from '../../src/adapters/images/image-decoder.ts';
import { drawHostileImage } from '../fakes/hostile-images.ts';
import { poll } from '../support/poll.ts';

const isLinux = process.platform === 'linux';
const decoders: ImageDecoder[] = [];
afterEach(() => {
  for (const decoder of decoders.splice(0)) decoder.close();
});

function open(options?: ImageDecoderOptions): ImageDecoder {
  const decoder = createImageDecoder(options);
  decoders.push(decoder);
  return decoder;
}

const of = (owner: string, signal = new AbortController().signal) => ({ owner, signal });
const unusable = { code: 'no_usable_picture' };
const photo = await sharp({
  create: {
    width: 600,
    height: 400,
    channels: 3,
    background: '#000',
    noise: { type: 'gaussian', mean: 128, sigma: 60 },
  },
})
  .jpeg()
  .toBuffer();

/** Returns the child processes of this process that still exist. */
function listChildren(): number[] {
  const text = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8');
  return text.trim().split(' ').filter(Boolean).map(Number);
}

function readPeakMb(pid: number): number {
  return Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** Measures what work in another process costs this one: CPU time of this thread, and memory. */
async function measureHere<T>(work: () => Promise<T>) {
  await nextTurn();
  const [cpu, rss] = [process.threadCpuUsage(), process.memoryUsage.rss()];
  let peakMb = rss;
  const watch = setInterval(() => {
    peakMb = Math.max(peakMb, process.memoryUsage.rss());
  }, 20);
  const result = await work().finally(() => clearInterval(watch));
  const { user, system } = process.threadCpuUsage(cpu);
  return { result, cpuMs: (user + system) / 1000, grownMb: (peakMb - rss) / 1024 / 1024 };
}

describe('a hostile image does not affect the program', () => {
  test.each([
    ['an AVIF whose alpha plane is 8192 x 8192', 'avif-large-alpha'],
    ['an AVIF that lies about its size', 'avif-lie'],
    ['an AVIF of 256 times the same tile', 'avif-grid'],
    ['an AVIF of 1500 times the same frame', 'avif-frames'],
    ['870,000 empty chunks in a PNG of 10 MB', 'png-chunks'],
    ['50 MB of text in a PNG', 'png-text-bomb'],
    ['a GIF of 65,535 x 65,535', 'gif-bomb'],
  ])('%s', async (title, name) => {
    const bytes = await drawHostileImage(name);
    const decoder = open();
    await decoder.check();
    const { cpuMs, grownMb, result } = await measureHere(() =>
      decoder.inspect(bytes, of('mallory')).then(
        () => 'usable',
        (error: { code: string }) => error.code,
      ),
    );
    expect(result).toBe(name === 'png-text-bomb' ? 'usable' : 'no_usable_picture');
    expect(cpuMs).toBeLessThan(300);
    // Sending copies the input into the channel.
    expect(grownMb).toBeLessThan(60);
    const peaks = isLinux ? listChildren().map(readPeakMb) : [];
    process.stdout.write(
      `${title}: ${bytes.length} bytes, here ${cpuMs.toFixed(0)} ms and ${grownMb.toFixed(0)} MB, its process ${peaks.map((mb) => mb.toFixed(0))} MB\n`,
    );
    for (const peakMb of peaks) expect(peakMb).toBeLessThan(300);
  });

  test('gives up an image that takes too long, and serves another owner in the meantime', async () => {
    const scans = await drawHostileImage('jpeg-scans');
    const decoder = open({ timeoutMs: 6000 });
    await decoder.check();
    const done: string[] = [];
    const { cpuMs } = await measureHere(async () => {
      const hostileCalls = Array.from({ length: 4 }, () =>
        decoder.inspect(scans, of('mallory')).catch((error: { code: string }) => done.push(error.code)),
      );
      const good = decoder.inspect(photo, of('bob')).then(({ width }) => done.push(`bob's ${width}`));
      await Promise.all([...hostileCalls, good]);
    });
    expect(done.toSorted()).toEqual(["bob's 600", ...Array(4).fill('no_usable_picture')]);
    // Two hostile images were being decoded when Bob's image arrived.
    expect(done.indexOf("bob's 600")).toBeLessThanOrEqual(2);
    expect(cpuMs).toBeLessThan(1000);
  });
});

test.skipIf(!isLinux)('an abort ends the work, and not only the wait for it', async () => {
  const scans = await drawHostileImage('jpeg-scans');
  const decoder = open();
  await decoder.check();
  const [pid] = listChildren();
  const unwanted = new AbortController();
  const inspecting = decoder.inspect(scans, of('one', unwanted.signal));
  const { user } = process.cpuUsage();
  await poll(async () => user < process.cpuUsage().user + 1, Boolean);
  unwanted.abort(new Error('cancelled'));
  await expect(inspecting).rejects.toThrow('cancelled');
  await poll(async () => !listChildren().includes(pid ?? 0), Boolean);
  expect(await decoder.inspect(photo, of('one'))).toMatchObject({ width: 600 });
});

test.skipIf(!isLinux)('a crash of a decoder fails only its own image', async () => {
  const scans = await drawHostileImage('jpeg-scans');
  const decoder = open();
  await decoder.check();
  const [pid = 0] = listChildren();
  const [crashed, other] = [decoder.inspect(scans, of('one')), decoder.inspect(photo, of('two'))];
  process.kill(pid, 'SIGSEGV');
  await expect(crashed).rejects.toMatchObject(unusable);
  expect(await other).toMatchObject({ width: 600 });
});

test.skipIf(!isLinux)('gives the process no environment variables of the program', async () => {
  process.env.DATABASE_URL ??= 'postgres://secret';
  const decoder = open({ env: { MALLOC_ARENA_MAX: '2' } });
  await decoder.check();
  const [pid = 0] = listChildren();
  const names = readFileSync(`/proc/${pid}/environ`, 'utf8')
    .split('\0')
    .map((line) => line.split('=', 1)[0]);
  expect(names.filter((name) => name && !name.startsWith('NODE_CHANNEL_'))).toEqual(['MALLOC_ARENA_MAX']);
});

test('reads only the allowed formats', async () => {
  const decoder = open();
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="200" height="200"/>');
  for (const bytes of [svg, await sharp(photo).tiff().toBuffer(), Buffer.from('%PDF-1.7')]) {
    await expect(decoder.inspect(bytes, of('one'))).rejects.toMatchObject(unusable);
  }
  for (const format of ['jpeg', 'png', 'webp', 'avif', 'gif'] as const) {
    const bytes = await sharp(photo).resize(90, 60).toFormat(format).toBuffer();
    expect(await decoder.inspect(bytes, of('one'))).toMatchObject({ width: 90, height: 60 });
  }
});

test('scales large images down, and keeps other images unchanged', async () => {
  const decoder = open();
  const light = await decoder.inspect(photo, of('one'));
  expect(light.original).toBe(photo);
  const noise = await sharp(photo)
    .resize(3000, 2250, { kernel: 'nearest' })
    .png({ compressionLevel: 0 })
    .toBuffer();
  expect(noise.length).toBeGreaterThan(1024 * 1024);
  const heavy = await decoder.inspect(noise, of('one'));
  expect(heavy).toMatchObject({ width: 3000, height: 2250 });
  expect(heavy.original.length).toBeLessThan(1024 * 1024);
  const kept = await decoder.copy(heavy, of('one'));
  expect(kept.contentType).toBe('image/jpeg');
  expect(await sharp(kept.bytes).metadata()).toMatchObject({ width: 1200, height: 900 });
  expect(await sharp(await decoder.makeView(photo, of('one'))).metadata()).toMatchObject({ width: 336 });
});

test('stores an AI image without 30 MB of data after its end', async () => {
  const png = await sharp(photo).png().toBuffer();
  const padded = Buffer.concat([png, Buffer.alloc(30_000_000)]);
  const decoder = open();
  const { result, cpuMs } = await measureHere(() => decoder.makeBackground(padded, of('one')));
  expect(result).toMatchObject({ contentType: 'image/jpeg', width: 600, height: 400 });
  expect(result.bytes.length).toBeLessThan(500_000);
  expect(cpuMs).toBeLessThan(1000);
  await expect(decoder.makeBackground(Buffer.alloc(0), of('one'))).rejects.toMatchObject({
    code: 'ai_bad_answer',
  });
});
