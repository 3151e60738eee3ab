import { answerParent } from '../../lib/answer-parent.ts';

/* A process that has the model, and ranks pictures for `clip-ranker.ts`. */
answerParent(async () => (await import('./rank-by-clip.ts')).rankByClip);
