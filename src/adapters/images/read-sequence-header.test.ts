import { describe, expect, test } from 'vitest';
import { readSequenceHeader } from './read-sequence-header.ts';

/** Packs fields of [value, bits], the highest bit first. */
function pack(fields: readonly (readonly [value: number, bits: number])[]): Buffer {
  const bits = fields.map(([value, count]) => value.toString(2).padStart(count, '0')).join('');
  const bytes = bits.padEnd(Math.ceil(bits.length / 8) * 8, '0').match(/.{8}/g) ?? [];
  return Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)));
}

const SIZE = [
  [11, 4],
  [9, 4],
  [4095, 12],
  [599, 10],
] as const;
const WITHOUT_TIMING = [[0, 1]] as const;
const POINT = [
  [0, 12],
  [5, 5],
] as const;

describe('reads the size after', () => {
  test('a reduced header', () => {
    const payload = pack([[0, 3], [1, 1], [1, 1], [13, 5], ...SIZE]);
    expect(readSequenceHeader(payload)).toEqual({ isReduced: true, width: 4096, height: 600 });
  });

  const expected = { isReduced: false, width: 4096, height: 600 };

  test('operating points with and without a tier', () => {
    const points = [[1, 5], ...POINT, [0x101, 12], [8, 5], [1, 1]] as const;
    const payload = pack([[0, 3], [1, 1], [0, 1], ...WITHOUT_TIMING, [0, 1], ...points, ...SIZE]);
    expect(readSequenceHeader(payload)).toEqual(expected);
  });

  test('times, delays and a decoder model', () => {
    // A uvlc of 4 bits after 4 zeros; delays of 10 bits.
    const timing = [
      [1, 1],
      [1, 32],
      [25, 32],
      [1, 1],
      [0, 4],
      [0x15, 5],
      [1, 1],
    ] as const;
    const model = [
      [9, 5],
      [1, 32],
      [3, 5],
      [3, 5],
    ] as const;
    const delays = [
      [1, 1],
      [77, 10],
      [1023, 10],
      [1, 1],
    ] as const;
    const points = [[0, 5], ...POINT, ...delays, [1, 1], [15, 4]] as const;
    const payload = pack([[0, 3], [0, 1], [0, 1], ...timing, ...model, [1, 1], ...points, ...SIZE]);
    expect(readSequenceHeader(payload)).toEqual(expected);
  });

  test('times without a decoder model', () => {
    const timing = [
      [1, 1],
      [1, 32],
      [25, 32],
      [0, 1],
      [0, 1],
    ] as const;
    const payload = pack([[0, 3], [0, 1], [0, 1], ...timing, [0, 1], [0, 5], ...POINT, ...SIZE]);
    expect(readSequenceHeader(payload)).toEqual(expected);
  });
});

test('rejects a truncated header', () => {
  const whole = pack([[0, 3], [1, 1], [1, 1], [13, 5], ...SIZE]);
  for (let length = 0; length < whole.length; length += 1) {
    expect(() => readSequenceHeader(whole.subarray(0, length))).toThrow(RangeError);
  }
  // A uvlc without a one bit never ends.
  const timing = [
    [0, 5],
    [1, 1],
    [0, 64],
    [1, 1],
    [0, 200],
  ] as const;
  expect(() => readSequenceHeader(pack(timing))).toThrow(RangeError);
});
