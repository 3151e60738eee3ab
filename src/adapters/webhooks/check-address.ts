import { AppError } from '../../lib/app-error.ts';
import { type AddressRules, findPortRefusal, isAllowed, isPrivateLiteral } from '../net/address-rules.ts';

const MAX_LENGTH = 2048;

/**
 * Checks an address for webhooks: http(s) without a user name or password; https unless it is in
 * `allowHosts`; an allowed port; no IP address that is not public. The addresses of a name are
 * checked when the connection is opened.
 *
 * @throws AppError `validation` or `address_refused`, with a sentence for the person who entered
 *   the address.
 */
export function checkWebhookAddress(text: string, rules: AddressRules): URL {
  const url = text.length > MAX_LENGTH ? null : URL.parse(text);
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (url === null || !isWeb || url.href.length > MAX_LENGTH)
    throw new AppError('validation', {
      detail: 'The address of a webhook must be an http(s) address of at most 2,048 characters.',
    });
  if (url.username !== '' || url.password !== '')
    throw new AppError('validation', { detail: 'The address must not have a user name or password.' });
  if (url.protocol === 'http:' && !isAllowed(url, rules))
    throw new AppError('validation', {
      detail: 'The address must begin with https://, unless its host:port is in FETCH_ALLOW_HOSTS.',
    });
  const refusal = findPortRefusal(url, rules);
  if (refusal !== undefined) throw refusal;
  if (isPrivateLiteral(url) && !isAllowed(url, rules))
    throw new AppError('address_refused', {
      detail: 'The address is not a public web address, so nothing was sent to it.',
    });
  url.hash = '';
  return url;
}
