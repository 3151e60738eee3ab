import { STATUS_CODES } from 'node:http';
import type { z } from 'zod';
import { describeError, type ErrorCode } from '../../lib/app-error.ts';
import { readBuildInfo } from '../../lib/build-info.ts';
import { toSnakeCase } from '../../lib/snake-keys.ts';
import { headersOf } from '../header-inputs.ts';
import { watchBatchInput } from '../operations.ts';
import { withoutParameters } from '../rest.ts';
import { REST_ROOT, REST_ROUTES, type RestRoute } from '../rest-routes.ts';
import { EXAMPLES } from './examples.ts';
import { OTHER_PATHS } from './other-paths.ts';
import { describe, describeAnswers, type JsonSchema } from './shapes.ts';

const DESCRIPTION = `Generates call-to-action previews from product pages: a background image, texts, colors and a link.

Create a batch of product addresses, watch its progress, review its previews, and change their prefills in part.
Every request needs the token of a workspace (\`Authorization: Bearer …\`). Errors are \`application/problem+json\`
(RFC 9457) with a stable \`code\`. Lists are divided into pages: use \`next\` to get the next page. A slash at the end of a path is optional.`;

/** Errors that every route may return. */
const COMMON: readonly ErrorCode[] = ['unauthorized', 'rate_limited', 'internal', 'unavailable'];
const WITH_INPUT: readonly ErrorCode[] = ['validation'];
const WITH_BODY: readonly ErrorCode[] = ['invalid_json', 'payload_too_large', 'unsupported_media_type'];

/**
 * Returns the OpenAPI 3.1 document of the REST API, generated from the schemas that validate its
 * requests and responses.
 */
export function describeApi(): object {
  const paths: Record<string, Record<string, object>> = {
    [`${REST_ROOT}/batch/{id}/events`]: { get: describeEvents() },
    ...OTHER_PATHS,
  };
  for (const route of REST_ROUTES) {
    const path = (REST_ROOT + route.path)
      .replace(/:(\w+)/g, (_, name: string) => `{${toSnakeCase(name)}}`)
      .replace(/\/$/, '');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describeRoute(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'CTA batch generator',
      version: readBuildInfo().version,
      summary: 'Call-to-action previews from product pages.',
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: 'http://127.0.0.1:3000' }],
    security: [{ token: [] }],
    tags: [
      { name: 'Batches', description: 'Submitted product addresses and their progress.' },
      { name: 'Previews', description: 'Generated CTAs, to review and to change.' },
      { name: 'Products', description: 'Facts and images from product pages.' },
      { name: 'Limits', description: 'The limit on AI calls.' },
      { name: 'Pictures', description: 'Images, and CTAs as pages, for browsers.' },
    ],
    paths,
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'A token of a workspace: `cta-batch token create`.',
        },
      },
      headers: HEADERS,
      schemas: { ...describeAnswers(), Problem: PROBLEM },
    },
  };
}

function describeRoute(route: RestRoute): object {
  const { method, path, operation, operationId, tag, summary, status = 200, answers } = route;
  const input = describe(withoutParameters(operation.input, path), 'input');
  const isRead = method === 'GET';
  const parameters = [
    ...[...path.matchAll(/:(\w+)/g)].map(([, name = '']) => describePathParameter(name)),
    ...(isRead ? describeQuery(input) : []),
    ...describeHeaderInputs(operation.input),
    ...(isRead ? [IF_NONE_MATCH] : []),
    REQUEST_ID,
  ];
  const codes = [...new Set([...COMMON, ...WITH_INPUT, ...(isRead ? [] : WITH_BODY), ...route.errors])];
  return {
    operationId,
    tags: [tag],
    summary,
    parameters,
    ...(isRead ? {} : { requestBody: describeBody(route, input) }),
    responses: {
      [status]: {
        description: STATUS_CODES[status] ?? '',
        headers: {
          ...COMMON_HEADERS,
          ...(isRead ? pick('ETag') : {}),
          ...(status === 201 ? pick('Location') : {}),
        },
        content: {
          'application/json': {
            schema: route.isPage ? describePage(answers) : { $ref: `#/components/schemas/${answers}` },
            ...(EXAMPLES[operationId]?.answer ? { example: EXAMPLES[operationId]?.answer } : {}),
          },
        },
        ...(LINKS[operationId] ? { links: LINKS[operationId] } : {}),
      },
      ...(isRead
        ? { 304: { description: 'Not changed.', headers: { ...COMMON_HEADERS, ...pick('ETag') } } }
        : {}),
      ...describeProblems(codes),
    },
  };
}

function describeEvents(): object {
  return {
    operationId: 'watchBatch',
    tags: ['Batches'],
    summary: 'Watch a batch until it is finished',
    description:
      'Server-sent events named `batch`, at most one in 250 ms, each with the whole batch as `getBatch` returns it. The stream ends when the batch is finished.',
    parameters: [describePathParameter('id'), ...describeHeaderInputs(watchBatchInput), REQUEST_ID],
    responses: {
      200: {
        description: 'The events.',
        headers: COMMON_HEADERS,
        content: { 'text/event-stream': { schema: { type: 'string' } } },
      },
      204: {
        description: 'The batch is finished and the client has seen its last event: do not reconnect.',
        headers: COMMON_HEADERS,
      },
      ...describeProblems([...COMMON, ...WITH_INPUT, 'not_found', 'too_many_streams', 'overloaded']),
    },
  };
}

/** Links to the next operations: create -> get -> previews -> patch. */
const LINKS: Record<string, object> = {
  createBatch: {
    batch: { operationId: 'getBatch', parameters: { id: '$response.body#/id' } },
    events: { operationId: 'watchBatch', parameters: { id: '$response.body#/id' } },
    task: { operationId: 'getTask', parameters: { task_id: '$response.body#/task_id' } },
  },
  getBatch: {
    previews: { operationId: 'listPreviews', parameters: { bulk_task_id: '$response.body#/id' } },
    cancel: { operationId: 'cancelBatch', parameters: { id: '$response.body#/id' } },
    retry: { operationId: 'retryBatch', parameters: { id: '$response.body#/id' } },
  },
  listPreviews: {
    first: { operationId: 'getPreview', parameters: { id: '$response.body#/results/0/id' } },
  },
  getPreview: {
    patch: { operationId: 'patchPreview', parameters: { id: '$response.body#/id' } },
    product: { operationId: 'getProduct', parameters: { id: '$response.body#/product_id' } },
  },
};

function describePathParameter(name: string): object {
  return {
    name: toSnakeCase(name),
    in: 'path',
    required: true,
    schema: { type: 'string' },
    example: '018f3a5c-7b1e-7c3d-9a4b-2f6e8d1c0b5a',
  };
}

function describeQuery(input: JsonSchema): object[] {
  return Object.entries(input.properties ?? {}).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    required: false,
    ...(description === undefined ? {} : { description }),
    schema: 'type' in schema || 'enum' in schema ? schema : { ...schema, type: 'integer' },
  }));
}

function describeBody({ method, operationId }: RestRoute, schema: JsonSchema): object {
  const example = EXAMPLES[operationId]?.body;
  const content = { schema, ...(example === undefined ? {} : { example }) };
  return {
    // A cancel or retry needs no body.
    required: (schema.required ?? []).length > 0 || method === 'PATCH',
    ...(method === 'PATCH'
      ? { description: 'Also accepted as `application/merge-patch+json` (RFC 7396).' }
      : {}),
    // One type only: some client generators send no Content-Type if an operation lists several.
    content: { 'application/json': content },
  };
}

function describeHeaderInputs(input: z.ZodType): object[] {
  return headersOf(input).map(([field, header]) => ({
    name: header,
    in: 'header',
    required: false,
    description: HEADER_INPUTS[field],
    schema: { type: 'string', ...(field === 'idempotencyKey' ? { minLength: 1, maxLength: 255 } : {}) },
  }));
}

const HEADER_INPUTS = {
  idempotencyKey:
    'If the same request is sent again with its key within 24 hours, it is carried out once, and gets the response of the first one.',
  ifVersion: 'The `ETag` from the last read: the change is made only if the preview has not changed since.',
  lastEventId: 'The id of the last event that the client received. It is not sent again.',
};

function describePage(answers: string): JsonSchema {
  const link = { type: ['string', 'null'], format: 'uri' };
  return {
    type: 'object',
    properties: {
      next: link,
      previous: link,
      results: { type: 'array', items: { $ref: `#/components/schemas/${answers}` } },
    },
    required: ['next', 'previous', 'results'],
  };
}

/** Returns the errors of a route by status; each status lists its codes. */
function describeProblems(codes: readonly ErrorCode[]): Record<string, object> {
  const byStatus = Map.groupBy(codes, (code) => describeError(code).httpStatus);
  return Object.fromEntries(
    [...byStatus].map(([status, some]) => [
      status,
      {
        description: some.map((code) => `\`${code}\`: ${describeError(code).sentence}`).join('\n\n'),
        headers: {
          ...COMMON_HEADERS,
          ...(status === 401 ? pick('WWW-Authenticate') : {}),
          ...(status === 429 ? pick('Retry-After') : {}),
        },
        content: {
          'application/problem+json': {
            schema: {
              allOf: [
                { $ref: '#/components/schemas/Problem' },
                { type: 'object', properties: { status: { const: status }, code: { enum: some } } },
              ],
            },
          },
        },
      },
    ]),
  );
}

const PROBLEM: JsonSchema = {
  type: 'object',
  description: 'A failure (RFC 9457).',
  properties: {
    type: { type: 'string', description: 'The address of the help for the code.' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'A sentence for people.' },
    code: { type: 'string', description: 'Stable.' },
    request_id: { type: 'string' },
    errors: {
      type: 'array',
      description: 'The invalid fields of the input.',
      items: {
        type: 'object',
        properties: { path: { type: 'string' }, message: { type: 'string' } },
        required: ['path', 'message'],
      },
    },
  },
  required: ['type', 'title', 'status', 'detail', 'code', 'request_id'],
};

const text = (description: string) => ({ description, schema: { type: 'string' } });
const HEADERS = {
  'X-Request-Id': text('The id of the request: as sent by the client, or generated.'),
  'RateLimit-Policy': text('How many requests a workspace may send in how many seconds.'),
  RateLimit: text('The number of requests that remain, and for how many seconds.'),
  ETag: text('To be sent in `If-None-Match`, and for a preview in `If-Match`.'),
  Location: text('The address of the batch.'),
  'WWW-Authenticate': text('`Bearer`'),
  'Retry-After': text('Seconds to wait.'),
};
const pick = (name: keyof typeof HEADERS) => ({ [name]: { $ref: `#/components/headers/${name}` } });
const COMMON_HEADERS = { ...pick('X-Request-Id'), ...pick('RateLimit-Policy'), ...pick('RateLimit') };

const IF_NONE_MATCH = {
  name: 'If-None-Match',
  in: 'header',
  required: false,
  description:
    'The `ETag` of the version that the client has. If it is still current, the response is a 304.',
  schema: { type: 'string' },
};
const REQUEST_ID = {
  name: 'X-Request-Id',
  in: 'header',
  required: false,
  description: 'Returned in the response and written to the log.',
  schema: { type: 'string', maxLength: 128 },
};
