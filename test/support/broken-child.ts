import { answerParent } from '../../src/lib/answer-parent.ts';

/* A process of a pool that cannot load a library. */
answerParent(async () => {
  throw new Error('there is no library');
});
