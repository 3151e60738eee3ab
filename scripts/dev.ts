/*
 * `npm run dev`: a fake shop and a fake AI service, and the program beside them, which starts again
 * when a source file changes. Settings come from `.env` and the environment; without AI_API_KEY the
 * program uses the fake AI service.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startFakeAi } from '../test/fakes/fake-ai.ts';
import { startFakeShop } from '../test/fakes/fake-shop.ts';

const shop = await startFakeShop();
const ai = await startFakeAi({ latencyMs: 800, imageLatencyMs: 2500 });
const fakeAi = {
  AI_BASE_URL: ai.baseUrl,
  AI_API_KEY: 'fake',
  AI_TEXT_MODEL: 'fake-text',
  AI_IMAGE_MODEL: 'fake-image',
};
const allowed = [process.env.FETCH_ALLOW_HOSTS, shop.host].filter(Boolean).join(',');

process.stdout.write(`A product page to submit: ${shop.productUrl('red-shoe')}\n`);
const program = spawn(
  process.execPath,
  // Not the screen: the token of the first start is on it.
  ['--watch', '--watch-preserve-output', '--watch-path=src', 'src/main/cli.ts', 'start'],
  {
    stdio: 'inherit',
    env: {
      MALLOC_ARENA_MAX: '2',
      ...(process.env.AI_API_KEY ? {} : fakeAi),
      ...process.env,
      FETCH_ALLOW_HOSTS: allowed,
    },
  },
);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => program.kill(signal));
await once(program, 'exit');
await Promise.all([shop.close(), ai.close()]);
