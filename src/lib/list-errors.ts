import { describeError, type ErrorCode } from './app-error.ts';
import { ERROR_ADVICE, ERROR_GROUPS } from './error-advice.ts';

/** One code as the page of errors shows it. Plain text with `code` as in Markdown. */
export interface ListedError {
  readonly code: ErrorCode;
  readonly httpStatus: number;
  /** Whether a retry may help, in words. */
  readonly retry: string;
  readonly sentence: string;
  readonly when: string;
  readonly todo: string;
}

const RETRY_WORDS = {
  never: 'A retry does not help.',
  backoff: 'A retry may help.',
  after: 'A retry helps after the time that the other side requests.',
} as const;

/** The paragraphs above the list. */
export const ERRORS_INTRODUCTION = [
  'Every failure has a stable code. It is in the response to a request (`code` of the problem document over REST, `data.code` over tRPC), or in the `error` of a batch, source or preview that failed.',
  'The status is that of the response. An `error` inside a response has no status; its `retryable` says whether a retry may help.',
  'A request that is not valid HTTP gets the code `bad_http`.',
] as const;

/** Returns all codes by group. */
export function listErrors(): { title: string; errors: ListedError[] }[] {
  const all = Object.entries(ERROR_ADVICE) as [ErrorCode, (typeof ERROR_ADVICE)[ErrorCode]][];
  return Object.entries(ERROR_GROUPS).map(([name, title]) => ({
    title,
    errors: all
      .filter(([, { group }]) => group === name)
      .map(([code, { when, todo }]) => {
        const { httpStatus, retry, sentence } = describeError(code);
        return { code, httpStatus, retry: RETRY_WORDS[retry], sentence, when, todo };
      }),
  }));
}
