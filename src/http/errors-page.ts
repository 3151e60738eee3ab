import { STATUS_CODES } from 'node:http';
import { escapeUTF8 } from 'entities/escape';
import type { FastifyInstance } from 'fastify';
import { sha256 } from '../lib/ids.ts';
import { ERRORS_INTRODUCTION, type ListedError, listErrors } from '../lib/list-errors.ts';
import { prepareResponse, sendPrepared } from './prepare-response.ts';

const PATH = '/errors';

const STYLE = `
:root { color-scheme: light dark; }
body { margin: 2rem auto; max-width: 46rem; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid GrayText; padding: 0.25rem 1rem 0.25rem 0; text-align: left; vertical-align: top; }
section:target { outline: 2px solid Highlight; outline-offset: 0.5rem; }
dt { font-weight: 600; }
dd { margin: 0 0 0.5rem; }
`;

/** Returns the URL for a problem's `type`: the code's section on the page of errors. */
export function errorAddress(baseUrl: string, code: string): string {
  return `${baseUrl}${PATH}#${code}`;
}

/**
 * Serves `GET /errors` to anyone: every code, when it occurs and what to do. The page loads nothing
 * from other URLs.
 */
export function registerErrorsPage(app: FastifyInstance): void {
  const page = prepareResponse(renderErrorsPage(), 'text/html; charset=utf-8');
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${sha256(STYLE).toString('base64')}'`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  app.get(PATH, (request, reply) => {
    reply.headers({
      'cache-control': 'public, max-age=3600',
      'content-security-policy': policy,
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
    return sendPrepared(request, reply, page);
  });
}

function renderErrorsPage(): string {
  const groups = listErrors();
  const rows = groups.flatMap(({ errors }) =>
    errors.map(
      ({ code, httpStatus, retry }) =>
        `<tr><td><a href="#${code}"><code>${code}</code></a></td><td>${httpStatus}</td><td>${mark(retry)}</td></tr>`,
    ),
  );
  const sections = groups.map(
    ({ title, errors }) => `<h2>${mark(title)}</h2>\n${errors.map(renderError).join('\n')}`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Errors</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Errors</h1>
${ERRORS_INTRODUCTION.map((text) => `<p>${mark(text)}</p>`).join('\n')}
<table>
<thead><tr><th scope="col">code</th><th scope="col">status</th><th scope="col">retry</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>
${sections.join('\n')}
</main>
</body>
</html>
`;
}

function renderError({ code, httpStatus, retry, sentence, when, todo }: ListedError): string {
  return `<section id="${code}">
<h3><code>${code}</code></h3>
<p>${httpStatus} ${STATUS_CODES[httpStatus] ?? ''}. ${mark(retry)}</p>
<p><q>${mark(sentence)}</q></p>
<dl><dt>When</dt><dd>${mark(when)}</dd><dt>What to do</dt><dd>${mark(todo)}</dd></dl>
</section>`;
}

/** Escapes a text and converts text between backticks to code. */
function mark(text: string): string {
  return escapeUTF8(text).replace(/`([^`]+)`/g, '<code>$1</code>');
}
