import { startFakeAi } from './fake-ai.ts';
import { startFakeShop } from './fake-shop.ts';

/** Starts both fakes on fixed ports, for work without a network: `node test/fakes/run-fakes.ts`. */
const shop = await startFakeShop({ port: 4010 });
const ai = await startFakeAi({ port: 4011, latencyMs: 800, imageLatencyMs: 2500 });

process.stdout.write(`Fake shop: ${shop.origin}/  Fake AI service: ${ai.baseUrl}

Start the program with

  FETCH_ALLOW_HOSTS=${shop.host} AI_BASE_URL=${ai.baseUrl} AI_API_KEY=fake AI_TEXT_MODEL=fake-text AI_IMAGE_MODEL=fake-image npm start

and submit ${shop.productUrl('red-shoe')} (any name works, ?images=8 and ?lang=de too).
Pages with problems: /gone /blocked /error /article /no-images /logo-only /pdf /slow /cut /hang /huge /redirect?to=
`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void Promise.all([shop.close(), ai.close()]);
  });
}
