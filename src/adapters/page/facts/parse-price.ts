import type { FoundPrice } from '../page-product.ts';
import { type CountryHints, findCurrency, minorDigits } from './currency.ts';

/**
 * Groups of digits. A space may stand before three digits, or before the cents at the end ("19 99
 * €").
 */
const NUMBER = /\d+(?:[.,'’٬٫]\d+| \d{3}(?!\d)| \d{2}(?=\D*$))*/g;

/** Codes that are also everyday words in capitals ("TOP 100", "PEN 2"). */
const WORDS: ReadonlySet<string> = new Set(['ALL', 'BAM', 'CUP', 'GEL', 'MOP', 'PEN', 'TOP']);

/** Signs of money directly before or after a number. */
const SIGN_BEFORE =
  /(?:^|[^\p{L}])((?:[A-Z]{1,3})?\$S?|[£€¥₹₩₽₴₸₺₪฿₫₱₦]|S\/|\p{L}{1,4}(?:\.\p{L})?)\.?:? ?$/u;
const SIGN_AFTER =
  /^(?:,-|\.-|[-–—]{1,2})? ?((?:[A-Z]{1,3})?\$|[£€¥₹₩₽₴₸₺₪฿₫₱₦円元원]|\p{L}{1,4}(?:\.\p{L})?)(?!\p{L})/u;

/** Longer texts are cut. Normalizing takes quadratic time for a text of combining marks. */
const MAX_TEXT = 500;
/** A longer number is a phone number or an article number. */
const MAX_DIGITS = 12;

export interface ParsePriceOptions extends CountryHints {
  /** The currency in the markup beside the number. A sign within the text wins against it. */
  readonly currency?: string | null;
  /** Whether a number without a currency sign is refused. */
  readonly needsCurrency?: boolean;
}

/**
 * Reads a price in any notation: "1.299,00 €", "₹2,433", "34.000 Kč", "1 299 kr", "CHF 1'299.–". Of
 * several numbers, the first one beside a currency sign counts, so a range gives its lower end.
 * Returns null if there is none.
 */
export function parsePrice(text: string, options: ParsePriceOptions = {}): FoundPrice | null {
  const clean = toAscii(text.slice(0, MAX_TEXT));
  const known = options.currency ? findCurrency(options.currency, options) : null;
  let bare: FoundPrice | null = null;
  for (const match of clean.matchAll(NUMBER)) {
    const before = clean.slice(Math.max(0, match.index - 8), match.index);
    const after = clean.slice(match.index + match[0].length, match.index + match[0].length + 8);
    if (/^ ?[%\d]/.test(after)) continue;
    const sign = findSign(before, after, options);
    const amount = toAmount(match[0], sign ?? known);
    if (amount === null) continue;
    if (sign !== null) return { amount, currency: sign };
    bare ??= { amount, currency: known };
  }
  return options.needsCurrency ? null : bare;
}

function findSign(before: string, after: string, hints: CountryHints): string | null {
  const last = SIGN_AFTER.exec(after)?.[1];
  const signBefore = readSign(SIGN_BEFORE.exec(before)?.[1], hints);
  const signAfter = readSign(last, hints);
  // In "$12 CAD", the code is more precise than the sign.
  return signAfter === last ? (signAfter ?? signBefore) : (signBefore ?? signAfter);
}

function readSign(sign: string | undefined, hints: CountryHints): string | null {
  if (sign === undefined) return null;
  const code = findCurrency(sign, hints);
  // In running text, "top 5" is not a price in pa'anga: a code counts only in capitals.
  const isWord = code === sign.toUpperCase() && (code !== sign || WORDS.has(code));
  return isWord ? null : code;
}

/**
 * Returns the price for a number in data. Returns null unless it is positive and not absurdly
 * large.
 */
export function fromNumber(value: number, currency: string | null): FoundPrice | null {
  if (!(value > 0) || value >= 10 ** MAX_DIGITS) return null;
  return { amount: value.toFixed(minorDigits(currency)), currency };
}

/**
 * Finds the decimal mark. With two kinds of marks, it is the last one. A mark that occurs several
 * times separates groups. A single mark separates groups if exactly three digits follow it
 * ("34.000"), unless the number cannot be grouped like this ("1299.000", "0.125") or the currency
 * has three decimal digits.
 */
function toAmount(number: string, currency: string | null): string | null {
  const parts = number.split(/[^\d]/);
  const marks = [...number.matchAll(/[^\d]/g)].map(([mark]) => mark);
  const last = parts.at(-1) ?? '';
  const lastMark = marks.at(-1);
  const digits = minorDigits(currency);
  const isDecimal =
    lastMark !== undefined &&
    marks.indexOf(lastMark) === marks.length - 1 &&
    (new Set(marks).size > 1 || last.length !== 3 || !/^[1-9]\d{0,2}$/.test(parts[0] ?? '') || digits === 3);
  const whole = (isDecimal ? parts.slice(0, -1) : parts).join('').replace(/^0+(?=\d)/, '');
  const fraction = (isDecimal ? last : '').slice(0, 6);
  if (whole.length > MAX_DIGITS || !/[1-9]/.test(whole + fraction)) return null;
  return withDigits(whole, fraction, digits);
}

/** Pads to the digits of the currency. Keeps more digits only if they are not zeros. */
function withDigits(whole: string, fraction: string, digits: number): string {
  const kept = fraction.replace(/0+$/, '').padEnd(digits, '0');
  return kept === '' ? whole : `${whole}.${kept}`;
}

/** Converts full-width and Arabic digits to ASCII, and every kind of space to a normal one. */
function toAscii(text: string): string {
  return text
    .normalize('NFKC')
    .replace(/[٠-٩]/g, (digit) => String(digit.charCodeAt(0) - 0x660))
    .replace(/[۰-۹]/g, (digit) => String(digit.charCodeAt(0) - 0x6f0))
    .replace(/[\u200e\u200f]/g, '')
    .replace(/\s+/g, ' ');
}
