import type { CheerioAPI } from 'cheerio';
import type { ErrorCode } from '../../../lib/app-error.ts';

const CHALLENGE_TITLE =
  /just a moment|attention required|access denied|are you a (?:human|robot)|robot check|captcha|pardon our interruption|verify you are|security check|bot protection/i;
const CHALLENGE_PARTS =
  'script[src*="challenges.cloudflare.com"], script[src*="captcha-delivery.com"], #px-captcha, #challenge-form, form[action*="validateCaptcha"]';

/**
 * Matches a part of a path, or the first label of a host, that names a login: shops redirect
 * visitors who may not see a page to such addresses.
 */
const LOGIN_PART =
  /^(?:log[-_]?(?:in|on)|sign[-_]?in|sso|auth|accounts|password|anmelden|connexion|inloggen|acceso|accedi)(?:\.\w{2,5})?$/i;
/** A page with a password field and one of these words is a login. */
const LOGIN_WORDS = /log-?[io]n|sign-?in|account|auth|anmeld|konto|connexion|compte|cuenta|inlog/i;

/**
 * Returns why no product was found on a page: `page_blocked` for a challenge to robots,
 * `page_login` for a login, otherwise `not_a_product`.
 */
export function classifyRefusal($: CheerioAPI, url: string): ErrorCode {
  if (CHALLENGE_TITLE.test($('title').first().text()) || $(CHALLENGE_PARTS).length > 0) return 'page_blocked';
  const { hostname, pathname } = new URL(url);
  const parts = [hostname.split('.', 1)[0] ?? '', ...pathname.split('/')];
  if (parts.some((part) => LOGIN_PART.test(part))) return 'page_login';
  const asksPassword = $('input[type="password" i]').length > 0;
  return asksPassword && LOGIN_WORDS.test(pathname) ? 'page_login' : 'not_a_product';
}
