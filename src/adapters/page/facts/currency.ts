/**
 * Signs of money, and the ISO 4217 codes each may stand for: the first unless the page's country is that of another. A
 * code begins with the country's ISO 3166 code, which is how the two are matched.
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

/** With white space around it. Normalizing takes quadratic time for a text of combining marks. */
const MAX_SIGN = 50;

const CODES: ReadonlySet<string> = new Set([...Intl.supportedValuesOf('currency'), 'HRK', 'BYR']);

/** What tells the country of a page. */
export interface CountryHints {
  readonly language?: string | null;
  readonly url?: string;
}

/** Reads a sign ("kr", "R$") or a code ("eur") as ISO 4217; null when it is neither. */
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

/** How many digits prices in a currency have after the point: 0 for yen, 3 for dinars. */
export function minorDigits(currency: string | null): number {
  if (currency === null) return 2;
  const known = digitsByCurrency.get(currency);
  if (known !== undefined) return known;
  // Making a format takes long enough to notice over a page's hundred prices.
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
  digitsByCurrency.set(currency, digits);
  return digits;
}

/** Countries a page may be of, most telling first: its domain, then its language's region, then where that is spoken. */
function listCountries({ language, url }: CountryHints): string[] {
  const domain = /\.([a-z]{2})$/.exec(URL.parse(url ?? '')?.hostname ?? '')?.[1]?.toUpperCase();
  const countries = domain === undefined ? [] : [domain === 'UK' ? 'GB' : domain];
  try {
    const locale = new Intl.Locale(language ?? '');
    countries.push(locale.region ?? locale.maximize().region ?? '');
  } catch {
    // Not a language tag: the domain alone has to do.
  }
  return countries.filter((country) => country !== '');
}
