/**
 * Measures how well product pages are read: price, availability, SKU and brand against the true
 * values, titles and main images against labels, and the time per page.
 *
 *   npm run bench:extraction -- DIR [--predictions FILE] [--by-shop] [--half a|b]
 *   npm run bench:extraction -- --large-page
 *
 * `--large-page` instead reads one generated page of 3 MB and 40,000 elements, and prints the CPU
 * seconds that takes.
 *
 * DIR contains `html/<id>.html.gz`, `ground-truth.json` and, optionally, `labels.json`. `--by-shop`
 * also prints the figures of each half of the shops (every other one, by host), and the mistakes on
 * each page of the half named by `--half` (of both if none is named): rules can be developed on one
 * half and checked on the other.
 */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import type { PageProduct } from '../src/adapters/page/page-product.ts';
import { parsePage } from '../src/adapters/page/parse-page.ts';
import { readProductPage } from '../src/adapters/page/read-product-page.ts';
import { AppError } from '../src/lib/app-error.ts';
import { makeLargePage } from './make-large-page.ts';
import {
  ATTRIBUTES,
  isMainImageRight,
  isTitleRight,
  judge,
  type Label,
  type Prediction,
  type Truth,
  toPrediction,
} from './score-extraction.ts';

interface Page {
  readonly id: string;
  readonly host: string;
  readonly truth: Truth;
  readonly label: Label | undefined;
  readonly guess: Prediction;
  readonly ms: number;
  readonly product: PageProduct | undefined;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    predictions: { type: 'string' },
    'by-shop': { type: 'boolean', default: false },
    half: { type: 'string' },
    'large-page': { type: 'boolean', default: false },
  },
});
const say = (text: string) => process.stdout.write(`${text}\n`);
if (values['large-page']) {
  measureLargePage();
  process.exit();
}
const folder = positionals[0];
if (folder === undefined) {
  process.stderr.write('Usage: npm run bench:extraction -- DIR [--predictions FILE] [--by-shop]\n');
  process.exit(2);
}

const truths = await readJson<Record<string, Truth>>(join(folder, 'ground-truth.json'));
const labelFile = join(folder, 'labels.json');
const labels = existsSync(labelFile) ? await readJson<Record<string, Label>>(labelFile) : {};
const pages: Page[] = [];
for (const [id, truth] of Object.entries(truths)) pages.push(await readPage(id, truth));

report('all', pages);
if (values['by-shop']) reportShops();
const times = pages.map((page) => page.ms).sort((a, b) => a - b);
say(
  `time per page: median ${times[times.length >> 1]?.toFixed(0)} ms, longest ${times.at(-1)?.toFixed(0)} ms`,
);
if (values.predictions !== undefined) {
  const predictions = Object.fromEntries(pages.map(({ id, guess }) => [id, guess]));
  await writeFile(values.predictions, `${JSON.stringify(predictions, null, 1)}\n`);
}

/** Like a page-reading process: the first round with cold code, the others with warm code. */
function measureLargePage(): void {
  const html = makeLargePage();
  say(`${(html.length / 1e6).toFixed(1)} MB, ${html.match(/<[a-z]/g)?.length} elements`);
  for (const round of ['first', 'second', 'third', 'fourth']) {
    const before = process.cpuUsage();
    const answer = parsePage({
      html: Buffer.from(html),
      contentType: 'text/html',
      url: 'https://shop.test/cup',
    });
    const { user, system } = process.cpuUsage(before);
    const found = 'product' in answer ? `${answer.product.title}, ${answer.product.priceText}` : answer.code;
    say(`  ${round.padEnd(7)} ${((user + system) / 1e6).toFixed(2)} s of CPU (${found})`);
  }
}

async function readJson<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(file, 'utf8')) as T;
}

async function readPage(id: string, truth: Truth): Promise<Page> {
  const html = gunzipSync(await readFile(join(folder ?? '', 'html', `${id}.html.gz`)));
  const began = performance.now();
  let product: PageProduct | undefined;
  try {
    product = readProductPage({ html, contentType: 'text/html', url: truth.url });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    say(`${id.slice(0, 6)} was refused: ${error.code}`);
  }
  const ms = performance.now() - began;
  const host = new URL(truth.url).host;
  return { id, host, truth, label: labels[id], guess: toPrediction(product), ms, product };
}

function report(name: string, part: readonly Page[]): void {
  say(`\n${name}: ${part.length} pages`);
  for (const attribute of ATTRIBUTES) {
    const marks = part.map((page) => judge(attribute, page.guess, page.truth));
    const hits = marks.filter((mark) => mark.hit).length;
    const precision = hits / (hits + marks.filter((mark) => mark.isFalsePositive).length);
    const recall = hits / (hits + marks.filter((mark) => mark.isFalseNegative).length);
    const f1 = (2 * precision * recall) / (precision + recall);
    say(
      `  ${attribute.padEnd(13)} precision ${precision.toFixed(3)}  recall ${recall.toFixed(3)}  F1 ${f1.toFixed(3)}`,
    );
  }
  const labelled = part.filter((page) => page.label !== undefined);
  if (labelled.length === 0) return;
  const titles = labelled.filter((page) => page.label && isTitleRight(page.guess, page.label)).length;
  const images = labelled.filter((page) => page.label && isMainImageRight(page.guess, page.label)).length;
  const share = (count: number) =>
    `${count} of ${labelled.length} (${((100 * count) / labelled.length).toFixed(0)} %)`;
  say(`  title         ${share(titles)}`);
  say(`  main image  ${share(images)}`);
}

function reportShops(): void {
  const hosts = [...new Set(pages.map((page) => page.host))].sort();
  const halves = { a: 0, b: 1 } as const;
  for (const [name, rest] of Object.entries(halves)) {
    const part = pages.filter((page) => hosts.indexOf(page.host) % 2 === rest);
    report(`half ${name}`, part);
    if (values.half !== undefined && values.half !== name) continue;
    for (const page of part.sort((x, y) => hosts.indexOf(x.host) - hosts.indexOf(y.host))) sayMistakes(page);
  }
}

function sayMistakes(page: Page): void {
  const wrong = ATTRIBUTES.filter((attribute) => {
    const mark = judge(attribute, page.guess, page.truth);
    return mark.isFalsePositive || mark.isFalseNegative;
  }).map((attribute) => {
    const from = page.product?.provenance[attribute] ?? '-';
    return `${attribute}: ${page.guess[attribute]} (${from}), right ${(page.truth[attribute] ?? ['none']).join(' or ')}`;
  });
  if (page.label && !isTitleRight(page.guess, page.label)) {
    wrong.push(`title: ${page.guess.title}, right ${page.label.title[0]}`);
  }
  if (page.label && !isMainImageRight(page.guess, page.label)) {
    wrong.push(`image: ${page.guess.images[0]}, right ${page.label.main_image.join(' or ')}`);
  }
  if (wrong.length > 0) say(`    ${page.host} ${page.id.slice(0, 6)}\n      ${wrong.join('\n      ')}`);
}
