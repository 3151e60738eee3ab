import OpenAI, { type ClientOptions } from 'openai';
import type { Proxies } from '../net/proxy.ts';

/** The address of a service, its key and the model. */
export interface OpenAiSettings {
  /** Includes `/v1`. If absent, OpenAI's own address. */
  readonly baseUrl?: string | undefined;
  readonly apiKey: string;
  readonly model: string;
  readonly proxies?: Proxies | undefined;
}

export const OPENAI_BASE_URL = 'https://api.openai.com/v1';

/**
 * Returns a client without retries. It reads nothing from the environment except
 * OPENAI_CUSTOM_HEADERS.
 */
export function createClient(settings: OpenAiSettings, fetch: NonNullable<ClientOptions['fetch']>): OpenAI {
  return new OpenAI({
    baseURL: settings.baseUrl ?? OPENAI_BASE_URL,
    apiKey: settings.apiKey,
    // If these were undefined, the client would read them from the environment and send them to the
    // service at `baseUrl`, whichever it is.
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    fetch,
    maxRetries: 0,
    logLevel: 'off',
  });
}
