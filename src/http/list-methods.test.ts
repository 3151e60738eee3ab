import { fastify } from 'fastify';
import { expect, test } from 'vitest';
import { createListMethods } from './list-methods.ts';

test('lists known methods first, then the others, and OPTIONS last', () => {
  const app = fastify();
  const listMethods = createListMethods(app);
  const handler = async () => 'ok';
  app.route({ url: '/a/:id', method: ['DELETE', 'PUT', 'OPTIONS', 'POST'], handler });
  app.get('/a/:id', handler);
  app.delete('/b', handler);
  expect(listMethods('/a/1')).toEqual(['GET', 'HEAD', 'POST', 'DELETE', 'PUT', 'OPTIONS']);
  expect(listMethods('/b')).toEqual(['DELETE', 'OPTIONS']);
  expect(listMethods('*')).toEqual(['GET', 'HEAD', 'POST', 'DELETE', 'PUT', 'OPTIONS']);
  expect(listMethods('/nowhere')).toBeUndefined();
});
