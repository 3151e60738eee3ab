import type { TextWriter } from './ai-provider.ts';
import { buildTextPrompt } from './build-text-prompt.ts';
import { createCallOpenAi } from './call-openai.ts';
import type { OpenAiSettings } from './create-client.ts';
import { readTextAnswer } from './read-text-answer.ts';
import { withUsage } from './with-usage.ts';

/** Ten times what the longest reasoning and its texts take. */
const MAX_ANSWER_CHARACTERS = 2 * 1024 * 1024;

/** A writer over any service with OpenAI's chat completions. One request per call, never a second. */
export function createOpenAiTextWriter(settings: OpenAiSettings): TextWriter {
  const callOpenAi = createCallOpenAi(settings, MAX_ANSWER_CHARACTERS);
  const { model } = settings;
  return {
    provider: 'openai',
    model,
    async writeText(brief, call) {
      const answer = await callOpenAi(call, (client, options) =>
        client.chat.completions.create({ model, ...buildTextPrompt(brief) }, options),
      );
      return withUsage(answer, () => readTextAnswer(answer, model));
    },
  };
}
