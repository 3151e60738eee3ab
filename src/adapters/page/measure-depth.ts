/** Elements without an end tag, and those that the next of their kind closes: many of them are no deep page. */
const NEVER_DEEP: ReadonlySet<string> = new Set(
  'area base br col embed hr img input link meta source track wbr param p li dt dd tr td th thead tbody tfoot option optgroup colgroup caption rp rt rb rtc html head body a nobr'.split(
    ' ',
  ),
);
/** Elements that the parser opens anew in each block until they are closed (HTML Standard, 13.2.4.3). */
const FORMATS: ReadonlySet<string> = new Set('b big code em font i s small strike strong tt u'.split(' '));
/** The parser keeps three of those that are equal. */
const EQUAL_FORMATS = 3;
/** Elements whose content is no markup, and where it ends. */
const RAW: Readonly<Record<string, RegExp>> = {
  script: /<\/script/gi,
  style: /<\/style/gi,
  textarea: /<\/textarea/gi,
  title: /<\/title/gi,
};
const TAG = /<(\/?)([a-z][^\s/<>]*)([^<>]*)/gi;

/** How deep the elements of a page nest. */
export interface PageDepth {
  /** Elements that are open at once, at most. */
  readonly elements: number;
  /** Formats that were never closed, such as `<b>`. */
  readonly formats: number;
  /** Elements that the parser passes to find out that an end tag closes nothing. */
  readonly strays: number;
}

/**
 * Measures about how deep HTML nests, in linear time and without parsing it: a parser takes quadratic time for what is
 * deep. Stops when one of the figures is above its limit.
 */
export function measureDepth(html: string, limits: PageDepth): PageDepth {
  const elements = new OpenElements();
  const formats = new OpenFormats();
  const pattern = new RegExp(TAG);
  for (let tag = pattern.exec(html); tag !== null; tag = pattern.exec(html)) {
    const isAbove =
      elements.deepest > limits.elements || elements.strays > limits.strays || formats.count > limits.formats;
    if (isAbove) break;
    const [source, slash, name = '', attributes = ''] = tag;
    const kind = name.toLowerCase();
    if (slash !== '') {
      elements.close(kind);
      formats.close(kind);
      continue;
    }
    const raw = Object.hasOwn(RAW, kind) ? RAW[kind] : undefined;
    if (raw !== undefined) {
      raw.lastIndex = pattern.lastIndex;
      if (!raw.test(html)) break;
      pattern.lastIndex = raw.lastIndex;
    } else if (!NEVER_DEEP.has(kind) && !(attributes.endsWith('/') && elements.isForeign())) {
      elements.open(kind);
      if (FORMATS.has(kind)) formats.open(kind, source);
    }
  }
  return { elements: elements.deepest, formats: formats.count, strays: elements.strays };
}

/** The elements around the place that is read. */
class OpenElements {
  deepest = 0;
  strays = 0;
  readonly #names: string[] = [];
  readonly #counts = new Map<string, number>();

  open(name: string): void {
    this.#names.push(name);
    this.#counts.set(name, this.#countOf(name) + 1);
    this.deepest = Math.max(this.deepest, this.#names.length);
  }

  /** Closes what stands within the element too. The end of one that is not open means nothing. */
  close(name: string): void {
    if (this.#countOf(name) === 0) {
      this.strays += this.#names.length;
      return;
    }
    for (let last = this.#names.pop(); last !== undefined; last = this.#names.pop()) {
      this.#counts.set(last, this.#countOf(last) - 1);
      if (last === name) return;
    }
  }

  /** In SVG and MathML an element may close itself. */
  isForeign(): boolean {
    return this.#countOf('svg') + this.#countOf('math') > 0;
  }

  #countOf(name: string): number {
    return this.#counts.get(name) ?? 0;
  }
}

/** The formats that were not closed by an end tag of their own. */
class OpenFormats {
  count = 0;
  readonly #open = new Map<string, string[]>();
  readonly #equal = new Map<string, number>();

  open(name: string, source: string): void {
    const equal = this.#equal.get(source) ?? 0;
    if (equal >= EQUAL_FORMATS) return;
    this.#equal.set(source, equal + 1);
    const known = this.#open.get(name);
    if (known === undefined) this.#open.set(name, [source]);
    else known.push(source);
    this.count += 1;
  }

  close(name: string): void {
    const source = this.#open.get(name)?.pop();
    if (source === undefined) return;
    this.#equal.set(source, (this.#equal.get(source) ?? 1) - 1);
    this.count -= 1;
  }
}
