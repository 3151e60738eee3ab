import { expect, test } from 'vitest';
import { readImageAnswer } from './read-image-answer.ts';

const BASE = 'https://ai.example/v1';
const bytes = Buffer.from('picture');
const base64 = bytes.toString('base64');

function read(image: object) {
  return readImageAnswer({ data: [image] }, BASE).image;
}

test('reads bytes from base64, with or without a data: prefix', () => {
  expect(read({ b64_json: base64 })).toEqual({ bytes });
  expect(read({ b64_json: `data:image/png;base64,${base64}` })).toEqual({ bytes });
  expect(read({ url: `data:image/png;base64,${base64}` })).toEqual({ bytes });
});

test('reads an address with the origin of the service', () => {
  expect(read({ url: 'https://ai.example/files/1.png' })).toEqual({
    url: new URL('https://ai.example/files/1.png'),
  });
});

test.each([
  ['another host', { data: [{ url: 'https://evil.example/1.png' }] }],
  ['another port', { data: [{ url: 'https://ai.example:8443/1.png' }] }],
  ['another scheme', { data: [{ url: 'http://ai.example/1.png' }] }],
  ['a file', { data: [{ url: 'file:///etc/passwd' }] }],
  ['a data: address that is not base64', { data: [{ url: 'data:text/plain,hello' }] }],
  ['nothing in it', { data: [{}] }],
  ['no data', { data: [] }],
  ['an error in a 200', { error: { message: 'no' } }],
])('rejects %s as a bad answer', (_, answer) => {
  expect(() => readImageAnswer(answer, BASE)).toThrowError(
    expect.objectContaining({ code: 'ai_bad_answer' }),
  );
});
