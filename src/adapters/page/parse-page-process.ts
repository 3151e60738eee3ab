import { answerParent } from '../../lib/answer-parent.ts';

/* A process that reads pages for `page-parser.ts`. */
answerParent(async () => (await import('./parse-page.ts')).parsePage);
