/**
 * Currency signs and the ISO 4217 codes that each may stand for: the first one, unless the country
 * of the page has another one. A code begins with the ISO 3166 code of its country, which is how
 * they are matched.
 */
const SIGNS: Readonly<Record<string, readonly string[]>> = {
  $: ['USD', 'CAD', 'AUD', 'NZD', 'SGD', 'HKD', 'TWD', 'MXN', 'CLP', 'COP', 'ARS', 'UYU'],
  US$: ['USD'],
  USD$: ['USD'],
  U$S: ['USD'],
  C$: ['CAD'],
  CA$: ['CAD'],
  A$: ['AUD'],
  AU$: ['AUD'],
  NZ$: ['NZD'],
  S$: ['SGD'],
  HK$: ['HKD'],
  NT$: ['TWD'],
  MX$: ['MXN'],
  AR$: ['ARS'],
  R$: ['BRL'],
  RD$: ['DOP'],
  '€': ['EUR'],
  EURO: ['EUR'],
  '£': ['GBP', 'EGP'],
  '¥': ['JPY', 'CNY'],
  円: ['JPY'],
  元: ['CNY', 'TWD'],
  '₩': ['KRW'],
  원: ['KRW'],
  '₹': ['INR'],
  RS: ['INR', 'PKR', 'LKR', 'NPR', 'MUR'],
  KR: ['SEK', 'NOK', 'DKK', 'ISK'],
  KČ: ['CZK'],
  ZŁ: ['PLN'],
  FT: ['HUF'],
  LEI: ['RON', 'MDL'],
  ЛВ: ['BGN'],
  KN: ['HRK'],
  FR: ['CHF'],
  SFR: ['CHF'],
  '₽': ['RUB'],
  РУБ: ['RUB', 'BYN'],
  Р: ['RUB'],
  '₴': ['UAH'],
  ГРН: ['UAH'],
  '₸': ['KZT'],
  ТГ: ['KZT'],
  '₺': ['TRY'],
  TL: ['TRY'],
  '₪': ['ILS'],
  'ر.س': ['SAR'],
  SR: ['SAR'],
  'د.إ': ['AED'],
  DHS: ['AED', 'MAD'],
  '฿': ['THB'],
  '₫': ['VND'],
  Đ: ['VND'],
  '₱': ['PHP'],
  RM: ['MYR'],
  RP: ['IDR'],
  'S/': ['PEN'],
  '₦': ['NGN'],
  R: ['ZAR'],
};

/** Includes white space. Normalizing takes quadratic time for a text of combining marks. */
const MAX_SIGN = 50;

const CODES: ReadonlySet<string> = new Set([...Intl.supportedValuesOf('currency'), 'HRK', 'BYR']);

/** Hints for the country of a page. */
export interface CountryHints {
  readonly language?: string | null;
  readonly url?: string;
}

/** Returns the ISO 4217 code for a sign ("kr", "R$") or a code ("eur"), or null. */
export function findCurrency(sign: string, hints: CountryHints = {}): string | null {
  if (sign.length > MAX_SIGN) return null;
  const key = sign.normalize('NFKC').trim().replace(/\.$/, '').toUpperCase();
  if (CODES.has(key)) return key;
  const codes = Object.hasOwn(SIGNS, key) ? SIGNS[key] : undefined;
  if (codes === undefined) return null;
  const countries = codes.length > 1 ? listCountries(hints) : [];
  const ofCountry = countries.map((country) => codes.find((code) => code.startsWith(country)));
  return ofCountry.find((code) => code !== undefined) ?? codes[0] ?? null;
}

const digitsByCurrency = new Map<string, number>();

/** Returns the number of decimal digits in prices of a currency: 0 for yen, 3 for dinars. */
export function minorDigits(currency: string | null): number {
  if (currency === null) return 2;
  const known = digitsByCurrency.get(currency);
  if (known !== undefined) return known;
  // Creating a format is slow enough to matter for the hundred prices of a page.
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  digitsByCurrency.set(currency, digits);
  return digits;
}

/**
 * Returns possible countries of a page, the most likely first: from its domain, then the region in
 * its language tag, then the main country of the language.
 */
function listCountries({ language, url }: CountryHints): string[] {
  const domain = /\.([a-z]{2})$/.exec(URL.parse(url ?? '')?.hostname ?? '')?.[1]?.toUpperCase();
  const countries = domain === undefined ? [] : [domain === 'UK' ? 'GB' : domain];
  try {
    const locale = new Intl.Locale(language ?? '');
    countries.push(locale.region ?? locale.maximize().region ?? '');
  } catch {
    // The tag is invalid, so only the domain counts.
  }
  return countries.filter((country) => country !== '');
}
