import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { readIfMatch } from './entity-tags.ts';
import { toInputError } from './errors.ts';

/** The input fields that the REST API takes from a header. */
const HEADERS = {
  idempotencyKey: 'Idempotency-Key',
  ifVersion: 'If-Match',
  lastEventId: 'Last-Event-ID',
} as const;
type HeaderField = keyof typeof HEADERS;

/**
 * Returns the fields of an operation's input that the REST API takes from a header, with the
 * header.
 */
export function headersOf(input: z.ZodType): [field: HeaderField, header: string][] {
  const shape = 'shape' in input ? (input.shape as object) : {};
  return (Object.entries(HEADERS) as [HeaderField, string][]).filter(([field]) => field in shape);
}

/** Reads these fields from a request. Throws `validation` that names the header. */
export function readHeaders(request: FastifyRequest, input: z.ZodType): object {
  const shape = 'shape' in input ? (input.shape as Record<string, z.ZodType>) : {};
  const fields: Record<string, unknown> = {};
  for (const [field, header] of headersOf(input)) {
    const value = READ[field](request.headers[header.toLowerCase()]);
    const parsed = shape[field]?.safeParse(value, { reportInput: false });
    if (parsed?.success === false) throw toInputError(parsed.error, [header]);
    if (value !== undefined) fields[field] = value;
  }
  return fields;
}

const READ: Record<HeaderField, (header: string | string[] | undefined) => unknown> = {
  // The Internet-Draft (Idempotency-Key) defines a quoted string; most clients send it without
  // quotes.
  idempotencyKey: (header) => (typeof header === 'string' ? header.replace(/^"(.*)"$/, '$1') : header),
  lastEventId: (header) => header,
  ifVersion: (header) => readIfMatch(Array.isArray(header) ? header.join(', ') : header),
};
