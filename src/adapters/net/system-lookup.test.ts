import type { lookup as dnsLookup, LookupAddress } from 'node:dns';
import { expect, test } from 'vitest';
import { createSystemLookup } from './system-lookup.ts';

type Callback = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void;

/** A fake system lookup. The test gives its answers. */
function makeSystem() {
  const queries: { hostname: string; callback: Callback }[] = [];
  const lookup = ((hostname: string, _options: unknown, callback: Callback) => {
    queries.push({ hostname, callback });
  }) as unknown as typeof dnsLookup;
  const lookUp = createSystemLookup(lookup);
  const find = (hostname: string, all = true) =>
    new Promise((resolve, reject) => {
      lookUp(hostname, { all }, (error, address) => (error ? reject(error) : resolve(address)));
    });
  return { asked: queries, find };
}

const turn = () => new Promise(setImmediate);

test('looks up one name at a time, and each name once for all requesters', async () => {
  const { asked: queries, find } = makeSystem();
  const answers = [find('a.test'), find('a.test'), find('b.test'), find('a.test', false)];
  await turn();
  expect(queries.map(({ hostname }) => hostname)).toEqual(['a.test']);
  queries[0]?.callback(null, [{ address: '127.0.0.1', family: 4 }]);
  await turn();
  expect(queries.map(({ hostname }) => hostname)).toEqual(['a.test', 'b.test']);
  queries[1]?.callback(null, [{ address: '127.0.0.2', family: 4 }]);
  expect(await Promise.all(answers)).toEqual([
    [{ address: '127.0.0.1', family: 4 }],
    [{ address: '127.0.0.1', family: 4 }],
    [{ address: '127.0.0.2', family: 4 }],
    '127.0.0.1',
  ]);
  await find('a.test');
  expect(queries).toHaveLength(2);
});

test('caches failures too', async () => {
  const { asked: queries, find } = makeSystem();
  const first = find('a.test');
  await turn();
  queries[0]?.callback(Object.assign(new Error('none'), { code: 'ENOTFOUND' }), []);
  await expect(first).rejects.toMatchObject({ code: 'ENOTFOUND' });
  await expect(find('a.test')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  expect(queries).toHaveLength(1);
});
