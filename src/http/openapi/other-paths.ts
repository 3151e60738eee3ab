const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
});
const key = {
  name: 'key',
  in: 'path',
  required: true,
  description: 'A key that cannot be guessed; no token is needed.',
  schema: { type: 'string' },
};

/** Paths that need no token: images and CTA pages. */
export const OTHER_PATHS: Record<string, Record<string, object>> = {
  '/assets/{key}': {
    get: {
      operationId: 'getPicture',
      tags: ['Pictures'],
      summary: 'Get an image',
      security: [],
      parameters: [key],
      responses: {
        200: {
          description: 'The image.',
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
        304: { description: 'Not changed.' },
        404: problem('`not_found`'),
      },
    },
  },
};
