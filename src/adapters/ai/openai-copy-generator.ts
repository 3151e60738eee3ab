import type { CopyGenerator } from './ai-provider.ts';
import { buildTextPrompt } from './build-text-prompt.ts';
import { createCallOpenAi } from './call-openai.ts';
import type { OpenAiSettings } from './create-client.ts';
import { readTextAnswer } from './read-text-answer.ts';
import { withUsage } from './with-usage.ts';

/** Ten times the length of the longest reasoning with its texts. */
const MAX_ANSWER_CHARACTERS = 2 * 1024 * 1024;

/**
 * Creates a generator of texts that uses the chat completions API of OpenAI or of a compatible
 * service. Each call makes one request and never repeats it.
 */
export function createOpenAiCopyGenerator(settings: OpenAiSettings): CopyGenerator {
  const callOpenAi = createCallOpenAi(settings, MAX_ANSWER_CHARACTERS);
  const { model } = settings;
  return {
    provider: 'openai',
    model,
    async generateCopy(brief, call) {
      const answer = await callOpenAi(call, (client, options) =>
        client.chat.completions.create({ model, ...buildTextPrompt(brief) }, options),
      );
      return withUsage(answer, () => readTextAnswer(answer, model));
    },
  };
}
