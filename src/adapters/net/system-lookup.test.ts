import type { lookup as dnsLookup, LookupAddress } from 'node:dns';
import { expect, test } from 'vitest';
import { createSystemLookup } from './system-lookup.ts';

type Callback = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void;

/** A fake system lookup. The test gives its answers. */
function makeSystem() {
  const asked: { hostname: string; callback: Callback }[] = [];
  const lookup = ((hostname: string, _options: unknown, callback: Callback) => {
    asked.push({ hostname, callback });
  }) as unknown as typeof dnsLookup;
  const look = createSystemLookup(lookup);
  const find = (hostname: string, all = true) =>
    new Promise((resolve, reject) => {
      look(hostname, { all }, (error, address) => (error ? reject(error) : resolve(address)));
    });
  return { asked, find };
}

const turn = () => new Promise(setImmediate);

test('one name at a time, each once, whoever asks', async () => {
  const { asked, find } = makeSystem();
  const answers = [find('a.test'), find('a.test'), find('b.test'), find('a.test', false)];
  await turn();
  expect(asked.map(({ hostname }) => hostname)).toEqual(['a.test']);
  asked[0]?.callback(null, [{ address: '127.0.0.1', family: 4 }]);
  await turn();
  expect(asked.map(({ hostname }) => hostname)).toEqual(['a.test', 'b.test']);
  asked[1]?.callback(null, [{ address: '127.0.0.2', family: 4 }]);
  expect(await Promise.all(answers)).toEqual([
    [{ address: '127.0.0.1', family: 4 }],
    [{ address: '127.0.0.1', family: 4 }],
    [{ address: '127.0.0.2', family: 4 }],
    '127.0.0.1',
  ]);
  await find('a.test');
  expect(asked).toHaveLength(2);
});

test('a failure is kept too', async () => {
  const { asked, find } = makeSystem();
  const first = find('a.test');
  await turn();
  asked[0]?.callback(Object.assign(new Error('none'), { code: 'ENOTFOUND' }), []);
  await expect(first).rejects.toMatchObject({ code: 'ENOTFOUND' });
  await expect(find('a.test')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  expect(asked).toHaveLength(1);
});
