import type { FastifyReply } from 'fastify';

/** Adds a field to the `Vary` header of a response and keeps the existing fields. */
export function addVary(answer: FastifyReply | Headers, field: string): void {
  const isHeaders = answer instanceof Headers;
  const present = isHeaders ? answer.get('vary') : answer.getHeader('vary');
  const fields = [present ?? []]
    .flat()
    .join(',')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (fields.some((name) => name === '*' || name.toLowerCase() === field.toLowerCase())) return;
  const vary = [...fields, field].join(', ');
  if (isHeaders) answer.set('vary', vary);
  else answer.header('vary', vary);
}
