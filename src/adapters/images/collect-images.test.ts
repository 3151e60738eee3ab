import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { drawHostileImage } from '../../../test/fakes/hostile-images.ts';
import { AppError } from '../../lib/app-error.ts';
import { ChildEndedError } from '../../lib/child-pool.ts';
import type { FetchBytes } from '../net/guarded-fetch.ts';
import type { CandidateImage } from '../page/page-product.ts';
import { collectImages } from './collect-images.ts';
import { createImageDecoder } from './image-decoder.ts';

const files = new Map<string, Buffer>();
const decoder = createImageDecoder();
afterAll(decoder.close);
const never = new AbortController().signal;

const fetchBytes: FetchBytes = async (url) => {
  const body = files.get(url);
  if (body === undefined) throw new AppError('page_gone');
  return { finalUrl: url, status: 200, contentType: 'image/jpeg', body };
};

beforeAll(async () => {
  const drawing = (shape: string, width: number, height: number) =>
    sharp(
      Buffer.from(
        `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" preserveAspectRatio="none" width="${width}" height="${height}"><rect width="100" height="100" fill="#fff"/>${shape}</svg>`,
      ),
    )
      .jpeg()
      .toBuffer();
  const shoe = '<path d="M10 80 L60 20 L90 80 Z" fill="#c22"/><circle cx="30" cy="30" r="12" fill="#227"/>';
  const hat =
    '<rect x="5" y="50" width="50" height="30" fill="#282"/><rect x="60" y="10" width="30" height="30" fill="#a4a"/>';
  files.set('small', await drawing(shoe, 200, 200));
  files.set('large', await drawing(shoe, 800, 800));
  files.set('blue', await drawing(shoe.replace('#c22', '#24c'), 800, 800));
  files.set('hat', await drawing(hat, 400, 400));
  files.set('tiny', await drawing(hat, 100, 400));
  files.set('strip', await drawing(hat, 1000, 200));
  files.set('plain', await drawing('', 400, 400));
  files.set('broken', Buffer.from('nothing'));
});

function candidates(...urls: string[]): CandidateImage[] {
  return urls.map((url, position) => ({
    url,
    alt: null,
    source: 'dom',
    position,
    width: null,
    height: null,
  }));
}

test('keeps usable images, and of two similar ones the larger at the better position', async () => {
  const wanted = candidates('tiny', 'small', 'strip', 'plain', 'broken', 'gone', 'hat', 'large');
  const images = await collectImages({ fetchBytes, images: decoder }, wanted, {
    owner: 'test',
    signal: never,
  });
  expect(images.map(({ url, position, width }) => [url, position, width])).toEqual([
    ['large', 1, 800],
    ['hat', 6, 400],
  ]);
});

test('treats the same product in another color as a different image', async () => {
  const images = await collectImages({ fetchBytes, images: decoder }, candidates('large', 'blue', 'small'), {
    owner: 'test',
    signal: never,
  });
  expect(images.map(({ url }) => url)).toEqual(['large', 'blue']);
});

test('returns an empty list if no image is usable, and throws the reason of an abort', async () => {
  expect(
    await collectImages({ fetchBytes, images: decoder }, candidates('gone', 'broken'), {
      owner: 'test',
      signal: never,
    }),
  ).toEqual([]);
  const reason = new Error('stop');
  const stopped = collectImages({ fetchBytes, images: decoder }, candidates('hat'), {
    owner: 'test',
    signal: AbortSignal.abort(reason),
  });
  await expect(stopped).rejects.toBe(reason);
});

test('omits an image that crashes its decoder, and retries the page if no image can be decoded', async () => {
  files.set('scans', await drawHostileImage('jpeg-scans'));
  const options = { owner: 'test', signal: never };
  const impatient = createImageDecoder({ timeoutMs: 3000 });
  const deps = { fetchBytes, images: impatient };
  expect(await collectImages(deps, candidates('scans'), options)).toEqual([]);
  impatient.close();
  await expect(collectImages(deps, candidates('hat'), options)).rejects.toMatchObject({ code: 'internal' });
});

test.each([
  ['two killed decoders end the decoding', 'SIGSEGV', []],
  ['decoders that exited by themselves do not count as killed', null, ['hat']],
] as const)('%s', async (_name, signal, expected) => {
  const failed = Promise.withResolvers<void>();
  let failures = 0;
  const images = {
    ...decoder,
    inspect: async (bytes: Buffer, requester: { owner: string; signal: AbortSignal }) => {
      if (failures === 2) return decoder.inspect(bytes, requester);
      failures += 1;
      if (failures === 2) setImmediate(failed.resolve);
      const cause = new ChildEndedError({ late: false, code: signal === null ? 1 : null, signal });
      throw new AppError(signal === null ? 'internal' : 'no_usable_picture', { cause });
    },
  };
  const inOrder: FetchBytes = async (url, request) => {
    if (url === 'hat') await failed.promise;
    return fetchBytes(url, request);
  };
  const options = { owner: 'test', signal: never };
  const found = await collectImages(
    { fetchBytes: inOrder, images },
    candidates('small', 'large', 'hat'),
    options,
  );
  expect(found.map(({ url }) => url)).toEqual(expected);
});
