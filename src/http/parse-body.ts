import type { FastifyInstance } from 'fastify';
import { AppError } from '../lib/app-error.ts';

/** Maximum size of a request body, in bytes. */
export const BODY_LIMIT = 64 * 1024;

/**
 * Decodes a body as UTF-8. Throws `invalid_json` for invalid bytes, for which a lenient decoder
 * would insert replacement characters.
 */
export function decodeUtf8(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (cause) {
    throw new AppError('invalid_json', { cause });
  }
}

/**
 * Makes an app parse JSON and merge patch bodies. They must be valid UTF-8 and must not contain
 * keys that modify prototypes.
 */
export function parseJsonBodies(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    ['application/json', 'application/merge-patch+json'],
    { parseAs: 'buffer' },
    (request, body, done) => {
      // Some clients send the content type with every request, even without a body.
      if (body.length === 0) return done(null, undefined);
      let text: string;
      try {
        text = decodeUtf8(body as Buffer);
      } catch (error) {
        done(error as Error);
        return;
      }
      void parseJson(request, text, (error, value) => {
        if (error) done(new AppError('invalid_json', { cause: error }));
        else done(null, value);
      });
    },
  );
}
