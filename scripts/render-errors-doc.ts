import { STATUS_CODES } from 'node:http';
import { ERRORS_INTRODUCTION, type ListedError, listErrors } from '../src/lib/list-errors.ts';

/**
 * Returns the contents of `docs/errors.md`: the page of errors as Markdown. The anchor of a heading
 * is the code.
 */
export function renderErrorsDoc(): string {
  const groups = listErrors().map(
    ({ title, errors }) => `## ${title}\n\n${errors.map(renderError).join('\n\n')}`,
  );
  return `<!-- Generated from src/lib by "npm run docs:errors". Do not edit. -->

# Errors

${ERRORS_INTRODUCTION.join(' ')}

The API serves the same page at \`/errors\`. The \`type\` of each problem links to it.

${groups.join('\n\n')}
`;
}

function renderError({ code, httpStatus, retry, sentence, when, todo }: ListedError): string {
  return `### ${code}

${httpStatus} ${STATUS_CODES[httpStatus] ?? ''}. ${retry}

> ${sentence}

When: ${when}

What to do: ${todo}`;
}
