import type { FastifyInstance } from 'fastify';
import { AppError } from '../lib/app-error.ts';

/** Bytes of a request body at most. */
export const BODY_LIMIT = 64 * 1024;

/** Decodes a body as UTF-8; throws `invalid_json` where a lenient decoder would put replacement characters. */
export function decodeUtf8(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (cause) {
    throw new AppError('invalid_json', { cause });
  }
}

/** Makes an app read JSON and merge patch bodies: valid UTF-8, no keys that reach into prototypes. */
export function parseJsonBodies(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    ['application/json', 'application/merge-patch+json'],
    { parseAs: 'buffer' },
    (request, body, done) => {
      // Clients that always send the type do so with calls that need no body too.
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
