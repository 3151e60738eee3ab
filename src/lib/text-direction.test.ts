import { expect, test } from 'vitest';
import { textDirection } from './text-direction.ts';

test.each(['ar', 'ar-EG', 'he', 'fa-IR', 'ur', 'yi', 'dv', 'ckb', 'az-Arab', 'pa-PK'])(
  '%s: right to left',
  (tag) => {
    expect(textDirection(tag)).toBe('rtl');
  },
);

test.each(['en', 'de-AT', 'ja', 'az', 'ar-Latn', 'und', '', 'pt_BR', '"><script>'])(
  '%s: left to right',
  (tag) => {
    expect(textDirection(tag)).toBe('ltr');
  },
);
