import { Tokenizer } from 'htmlparser2';

/**
 * Elements without an end tag, and those that the next one of their kind closes: they do not nest.
 */
const NEVER_DEEP: ReadonlySet<string> = new Set(
  'area base basefont bgsound br col embed frame hr img input keygen link meta source track wbr param p li button select dt dd tr td th thead tbody tfoot option optgroup colgroup caption rp rt rb rtc html head body a nobr'.split(
    ' ',
  ),
);
/**
 * Elements that the parser opens again in each block until they are closed (HTML Standard, section
 * 13.2.4.3).
 */
const FORMATS: ReadonlySet<string> = new Set('b big code em font i s small strike strong tt u'.split(' '));
/** The parser keeps at most three equal elements of these. */
const EQUAL_FORMATS = 3;
/** How deep the elements of a page nest, and how much work this makes for the parser. */
export interface PageDepth {
  /** The most elements that are open at once, not counting formats. */
  readonly elements: number;
  /** Formatting elements, such as `<b>`, that were never closed. */
  readonly formats: number;
  /**
   * Comparisons of each unmatched end tag with all open elements, and of each attribute with all
   * attributes before it in its tag.
   */
  readonly steps: number;
}

/**
 * Estimates how deep HTML nests, in linear time and without building a tree: a parser takes
 * quadratic time for deep pages. Stops when a figure exceeds its limit.
 */
export function measureDepth(html: string, limits: PageDepth): PageDepth {
  const elements = new OpenElements();
  const formats = new OpenFormats();
  let tag = { name: '', start: 0, attributes: 0 };
  let attributeSteps = 0;
  const measure = (): PageDepth => ({
    elements: elements.deepest,
    formats: formats.count,
    steps: elements.strays + attributeSteps,
  });
  function stopAboveLimits(): void {
    const { elements: deepest, formats: count, steps } = measure();
    if (deepest > limits.elements || count > limits.formats || steps > limits.steps) tokenizer.pause();
  }
  function open(end: number): void {
    if (NEVER_DEEP.has(tag.name)) return;
    elements.open(tag.name);
    if (FORMATS.has(tag.name)) formats.open(tag.name, html.slice(tag.start, end));
    stopAboveLimits();
  }

  const tokenizer = new Tokenizer(
    { xmlMode: false, decodeEntities: false },
    {
      onopentagname(start, end) {
        tag = { name: html.slice(start, end).toLowerCase(), start, attributes: 0 };
      },
      onattribname() {
        attributeSteps += tag.attributes;
        tag.attributes += 1;
        if (attributeSteps > limits.steps) tokenizer.pause();
      },
      onopentagend: open,
      onselfclosingtag(end) {
        if (!elements.isForeign()) open(end);
      },
      onclosetag(start, end) {
        const name = html.slice(start, end).toLowerCase();
        elements.close(name);
        formats.close(name);
        stopAboveLimits();
      },
      onattribdata: ignore,
      onattribend: ignore,
      onattribentity: ignore,
      oncdata: ignore,
      oncomment: ignore,
      ondeclaration: ignore,
      onend: ignore,
      onprocessinginstruction: ignore,
      ontext: ignore,
      ontextentity: ignore,
    },
  );
  tokenizer.write(html);
  return measure();
}

function ignore(): void {}

/** The elements that are open at the current position. */
class OpenElements {
  deepest = 0;
  strays = 0;
  #depth = 0;
  readonly #names: string[] = [];
  readonly #counts = new Map<string, number>();

  open(name: string): void {
    this.#names.push(name);
    this.#counts.set(name, this.#countOf(name) + 1);
    // Formats end with their paragraph, which is not tracked here. They are counted separately.
    if (FORMATS.has(name)) return;
    this.#depth += 1;
    this.deepest = Math.max(this.deepest, this.#depth);
  }

  /** Also closes the elements inside it. An unmatched end tag closes nothing. */
  close(name: string): void {
    if (this.#countOf(name) === 0) {
      this.strays += this.#names.length;
      return;
    }
    for (let last = this.#names.pop(); last !== undefined; last = this.#names.pop()) {
      this.#counts.set(last, this.#countOf(last) - 1);
      if (!FORMATS.has(last)) this.#depth -= 1;
      if (last === name) return;
    }
  }

  /** Whether the position is in SVG or MathML, where an element may close itself. */
  isForeign(): boolean {
    return this.#countOf('svg') + this.#countOf('math') > 0;
  }

  #countOf(name: string): number {
    return this.#counts.get(name) ?? 0;
  }
}

/** The formats that no end tag of their own has closed. */
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
