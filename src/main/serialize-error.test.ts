import { DrizzleQueryError } from 'drizzle-orm/errors';
import { expect, test } from 'vitest';
import { AppError } from '../lib/app-error.ts';
import { serializeError } from './serialize-error.ts';

test('omits the values of a statement and the row named by the database, and keeps helpful fields', () => {
  const cause = Object.assign(new Error('duplicate key value violates unique constraint "products_key"'), {
    code: '23505',
    table: 'products',
    constraint: 'products_key',
    detail: 'Key (title)=(A marked title) already exists.',
  });
  const values = ['A marked title', '\n    at A marked title (file.js:1:1)'];
  const shown = serializeError(new DrizzleQueryError('insert into products values ($1, $2)', values, cause));
  expect(JSON.stringify(shown)).not.toContain('A marked title');
  expect(shown).toMatchObject({
    message: 'Failed query: insert into products values ($1, $2)',
    cause: { code: '23505', table: 'products', constraint: 'products_key' },
  });
  expect(shown.stack).toMatch(/^at .*serialize-error\.test/);
});

test('omits the excerpt of invalid JSON', () => {
  try {
    JSON.parse('A marked text that is no JSON');
  } catch (error) {
    expect(JSON.stringify(serializeError(error))).not.toContain('marked');
  }
  expect.assertions(1);
});

test('serializes causes, aggregate errors, and values that are not errors', () => {
  const several = new AggregateError([new Error('one'), new Error('two')], 'both failed');
  expect(serializeError(new AppError('internal', { cause: several }))).toMatchObject({
    type: 'AppError',
    code: 'internal',
    cause: { message: 'both failed', errors: [{ message: 'one' }, { message: 'two' }] },
  });
  expect(serializeError('only words')).toMatchObject({ type: 'string', message: 'only words' });
  const endless = new Error('round');
  endless.cause = endless;
  expect(() => JSON.stringify(serializeError(endless))).not.toThrow();
  expect(serializeError(new Error('x'.repeat(5000))).message).toHaveLength(1001);
});
