import OpenAI, { type ClientOptions } from 'openai';
import type { Proxies } from '../net/proxy.ts';

/** Where a service is, and with which model it is asked. */
export interface OpenAiSettings {
  /** With its `/v1`. OpenAI's own when absent. */
  readonly baseUrl?: string | undefined;
  readonly apiKey: string;
  readonly model: string;
  readonly proxies?: Proxies | undefined;
}

/** OpenAI's own address. */
export const OPENAI_BASE_URL = 'https://api.openai.com/v1';

/** A client without retries of its own that takes nothing from the environment but OPENAI_CUSTOM_HEADERS. */
export function createClient(settings: OpenAiSettings, fetch: NonNullable<ClientOptions['fetch']>): OpenAI {
  return new OpenAI({
    baseURL: settings.baseUrl ?? OPENAI_BASE_URL,
    apiKey: settings.apiKey,
    // Left undefined, the client reads these from the environment and sends them to whatever baseUrl is.
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    fetch,
    maxRetries: 0,
    logLevel: 'off',
  });
}
