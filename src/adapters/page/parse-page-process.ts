import { serveParent } from '../../lib/serve-parent.ts';

/* The child process that reads pages for `page-parser.ts`. */
serveParent(async () => (await import('./parse-page.ts')).parsePage);
