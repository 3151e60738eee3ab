import { serveParent } from '../../lib/serve-parent.ts';

/* A process that reads pages for `page-parser.ts`. */
serveParent(async () => (await import('./parse-page.ts')).parsePage);
