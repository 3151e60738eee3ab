import { REST_ROOT } from '../rest-routes.ts';

const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
});
const key = {
  name: 'key',
  in: 'path',
  required: true,
  description: 'Unguessable; all that is needed.',
  schema: { type: 'string' },
};

/** What is served beside the JSON: events, pictures, pages. */
export const OTHER_PATHS: Record<string, Record<string, object>> = {
  [`${REST_ROOT}/batch/{id}/events`]: {
    get: {
      operationId: 'watchBatch',
      tags: ['Batches'],
      summary: 'Watch a batch until it is finished',
      description:
        'Server-sent events named `batch`, at most one in 250 ms, each with the whole batch as `getBatch` answers it. The stream ends with the batch.',
      parameters: [
        { name: 'id', in: 'path', required: true, schema: { type: 'string' } },
        {
          name: 'Last-Event-ID',
          in: 'header',
          required: false,
          description: 'The last event that was seen: it is not sent again.',
          schema: { type: 'string', maxLength: 100 },
        },
      ],
      responses: {
        200: { description: 'The events.', content: { 'text/event-stream': { schema: { type: 'string' } } } },
        204: { description: 'It is finished, and its last event was seen: do not come again.' },
        400: problem('`validation`'),
        401: problem('`unauthorized`'),
        404: problem('`not_found`'),
        429: problem('`rate_limited`'),
      },
    },
  },
  '/assets/{key}': {
    get: {
      operationId: 'getPicture',
      tags: ['Pictures'],
      summary: 'Get a picture',
      security: [],
      parameters: [key],
      responses: {
        200: {
          description: 'The picture.',
          content: { 'image/*': { schema: { type: 'string', format: 'binary' } } },
        },
        404: problem('`not_found`'),
      },
    },
  },
  '/cta/{key}': {
    get: {
      operationId: 'getCta',
      tags: ['Pictures'],
      summary: 'Get a preview as a page for an iframe',
      security: [],
      parameters: [key],
      responses: {
        200: { description: 'The page.', content: { 'text/html': { schema: { type: 'string' } } } },
        304: { description: 'It has not changed.' },
        404: problem('`not_found`'),
      },
    },
  },
};
