import { readFile } from 'node:fs/promises';
import { load } from 'cheerio';
import { beforeAll, expect, test } from 'vitest';
import { renderErrorsDoc } from '../../scripts/render-errors-doc.ts';
import { styleSource } from '../../src/creative/render-cta-page.ts';
import { describeError, isErrorCode } from '../../src/lib/app-error.ts';
import { ERROR_ADVICE } from '../../src/lib/error-advice.ts';
import { openTestApi, type TestApi } from '../support/test-api.ts';

let api: TestApi;
beforeAll(async () => {
  const opened = await openTestApi({ publicUrl: undefined });
  api = opened.api;
  return opened.close;
});

test('the committed file is what "npm run docs:errors" writes', async () => {
  const committed = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  expect(committed).toBe(renderErrorsDoc());
});

test('the page and the file have every code of the table exactly once, and no other', async () => {
  const codes = Object.keys(ERROR_ADVICE);
  const { payload } = await api.app.inject('/errors');
  const $ = load(payload);
  const places = $('section')
    .toArray()
    .map((section) => section.attribs.id ?? '');
  expect(places.toSorted()).toEqual(codes.toSorted());
  const headings = [...renderErrorsDoc().matchAll(/^### (.+)$/gm)].map(([, code]) => code);
  expect(headings).toEqual(places);
  for (const code of places) {
    const text = $(`#${code}`).text();
    if (!isErrorCode(code)) throw new Error(code);
    expect(text).toContain(String(describeError(code).httpStatus));
    expect(text).toContain(describeError(code).sentence);
  }
  for (const link of $('a').toArray()) expect(codes).toContain(link.attribs.href?.slice(1));
  // Settings and fields become code elements, and no backticks are left.
  expect($('main').text()).not.toContain('`');
});

test('the type of a problem links to its section, for every host', async () => {
  const answer = await fetch(`${api.address}/api/llm-editor/cta/batch/`);
  const { type, code } = (await answer.json()) as { type: string; code: string };
  expect(type).toBe(`${api.address}/errors#unauthorized`);
  const page = await fetch(type);
  expect(page.status).toBe(200);
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  const $ = load(await page.text());
  expect($(`#${code}`)).toHaveLength(1);
});

test('the page renders correctly and runs no script', async () => {
  const { payload, headers } = await api.app.inject('/errors/');
  const $ = load(payload);
  expect($('script, [onload], [style], img, link')).toHaveLength(0);
  const policy = String(headers['content-security-policy']);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain(styleSource($('style').text()));
});
