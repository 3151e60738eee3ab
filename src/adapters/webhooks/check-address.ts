import { AppError } from '../../lib/app-error.ts';
import { hasBlockedPort } from '../page/blocked-ports.ts';
import { isAllowed, isPrivateLiteral } from '../page/guarded-connector.ts';

const MAX_LENGTH = 2048;

/**
 * An address that messages may be sent to: http(s), without a name or password; https unless it is one of `allowHosts` (see
 * `parseAllowHosts`), and no address that is not public by its very digits. What a name leads to is seen when it is connected to.
 *
 * @throws AppError `validation` or `address_refused`, with a sentence for the person who gave the address.
 */
export function checkWebhookAddress(text: string, allowHosts: ReadonlySet<string>): URL {
  const url = text.length > MAX_LENGTH ? null : URL.parse(text);
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (url === null || !isWeb || url.href.length > MAX_LENGTH)
    throw new AppError('validation', {
      detail: 'A webhook needs an http(s) address of at most 2,048 characters.',
    });
  if (url.username !== '' || url.password !== '')
    throw new AppError('validation', { detail: 'The address must not have a name or a password.' });
  const isException = isAllowed(url, allowHosts);
  if (url.protocol === 'http:' && !isException)
    throw new AppError('validation', {
      detail: 'The address must begin with https://, unless its host:port is in FETCH_ALLOW_HOSTS.',
    });
  if (hasBlockedPort(url) || (isPrivateLiteral(url.hostname) && !isException))
    throw new AppError('address_refused', {
      detail: 'The address is not a public web address, so nothing is sent to it.',
    });
  url.hash = '';
  return url;
}
