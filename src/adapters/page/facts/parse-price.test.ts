import { describe, expect, test } from 'vitest';
import { fromNumber, parsePrice } from './parse-price.ts';

describe('parsePrice', () => {
  test.each([
    ['€1,299.00', '1299.00', 'EUR'],
    ['1.299,00 €', '1299.00', 'EUR'],
    ['1 299,00 €', '1299.00', 'EUR'],
    ['1\u202f299,00\u00a0€', '1299.00', 'EUR'],
    ['₹2,433', '2433.00', 'INR'],
    ['₹1,23,456.50', '123456.50', 'INR'],
    ['Rs. 2,433', '2433.00', 'INR'],
    ['34.000 Kč', '34000.00', 'CZK'],
    ['1 299 kr', '1299.00', 'SEK'],
    ["CHF 1'299.–", '1299.00', 'CHF'],
    ['Fr. 1’299.-', '1299.00', 'CHF'],
    ['129,- €', '129.00', 'EUR'],
    ['¥12,800', '12800', 'JPY'],
    ['1,299円', '1299', 'JPY'],
    ['￥１２,８００', '12800', 'JPY'],
    ['₩12,000', '12000', 'KRW'],
    ['R$ 1.759,99', '1759.99', 'BRL'],
    ['NT$99', '99.00', 'TWD'],
    ['US$ 12.50', '12.50', 'USD'],
    ['$1,299', '1299.00', 'USD'],
    ['$ 19 99', '19.99', 'USD'],
    ['$12 CAD', '12.00', 'CAD'],
    ['12,5 zł', '12.50', 'PLN'],
    ['44 890 тг.', '44890.00', 'KZT'],
    ['1 299 руб.', '1299.00', 'RUB'],
    ['٩٩ ر.س', '99.00', 'SAR'],
    ['KWD 1.500', '1.500', 'KWD'],
    ['£5.99 – £9.99', '5.99', 'GBP'],
    ['from £5', '5.00', 'GBP'],
    ['2 x 19,99 €', '19.99', 'EUR'],
    ['-20% 15,99 €', '15.99', 'EUR'],
    ['270 Kn', '270.00', 'HRK'],
    ['0,99 €', '0.99', 'EUR'],
    ['0.125 €', '0.125', 'EUR'],
  ])('%s', (text, amount, currency) => {
    expect(parsePrice(text)).toEqual({ amount, currency });
  });

  test.each([
    ['1299', '1299.00'],
    ['1299.0000', '1299.00'],
    ['1299.000', '1299.00'],
    ['24.9', '24.90'],
    ['1,299.5', '1299.50'],
  ])('takes the currency of the markup for a bare %s', (text, amount) => {
    expect(parsePrice(text, { currency: 'eur' })).toEqual({ amount, currency: 'EUR' });
  });

  test('resolves a sign of several countries by the page', () => {
    expect(parsePrice('1 299 kr', { language: 'da' })?.currency).toBe('DKK');
    expect(parsePrice('1 299 kr', { url: 'https://shop.no/p' })?.currency).toBe('NOK');
    expect(parsePrice('$24.990', { url: 'https://shop.cl/p' })).toEqual({ amount: '24990', currency: 'CLP' });
    expect(parsePrice('¥99', { language: 'zh-CN' })?.currency).toBe('CNY');
    expect(parsePrice('$5', { language: 'not a tag' })?.currency).toBe('USD');
  });

  test.each(['', 'free', '0,00 €', '20 %', 'SKU 123', '1234567890123456 €'])(
    'finds no price in "%s"',
    (text) => {
      expect(parsePrice(text, { needsCurrency: true })).toBeNull();
    },
  );

  test('does not take words in any case for currencies', () => {
    expect(parsePrice('TOP 100', { needsCurrency: true })).toBeNull();
    expect(parsePrice('try 3', { needsCurrency: true })).toBeNull();
  });
});

test('fromNumber reads a decimal point and rejects invalid numbers', () => {
  expect(fromNumber(1.299, 'EUR')).toEqual({ amount: '1.30', currency: 'EUR' });
  expect(fromNumber(12800, 'JPY')).toEqual({ amount: '12800', currency: 'JPY' });
  for (const value of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e15]) {
    expect(fromNumber(value, 'EUR')).toBeNull();
  }
});
