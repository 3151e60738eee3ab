/** What is known about a product and wanted from a provider, for one preview. */
export interface Brief {
  readonly title: string;
  readonly description: string | null;
  readonly brand: string | null;
  /** The price as the page wrote it, with its currency. */
  readonly priceText: string | null;
  /** BCP 47, as the page named it: `de`, `pt-BR`. */
  readonly locale: string;
  /** How the texts are to sound, in the words of who asked. */
  readonly tone: string | null;
  /** `#rrggbb`, most used first. */
  readonly palette: readonly string[];
  /** 0 and up. Another variant must differ in its texts and in its background. */
  readonly variant: number;
}

/** An encoded image (PNG, JPEG, WebP …) with its MIME type. */
export interface SourceImage {
  readonly bytes: Buffer;
  readonly contentType: string;
}

/** The terms of one call: its key, its limits in time, and who wants to know that it left. */
export interface CallContext {
  /** The same for every try of the same step, so that a provider can recognise a repeat. */
  readonly idempotencyKey: string;
  /** The workspace that the call is made for: whose share of the image decoder it takes. */
  readonly owner: string;
  /** An abort ends the call with the signal's reason. */
  readonly signal: AbortSignal;
  /** For the whole exchange, connecting included. */
  readonly timeoutMs: number;
  /** A `performance.now()` value after which a connection that is not open yet is not used: `slot_expired`. */
  readonly sendBefore: number;
  /**
   * Called once, when no further byte of the request can leave: its last byte was handed to the operating
   * system, or the exchange ended before that. Never called when nothing was sent. Must not throw.
   */
  onLeft(): void;
}

/** Tokens as the provider counted them; null where it does not say. */
export interface Usage {
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
}

/** Plain texts of a CTA: no markup, no control characters, not cut to length. */
export interface TextAnswer {
  readonly headline: string;
  readonly subheadline: string | null;
  readonly body: string | null;
  readonly ctaText: string;
  readonly model: string;
  readonly usage: Usage;
}

/** A background that was decoded in full. */
export interface ImageAnswer {
  /** Encoded by us, see `Background`. */
  readonly bytes: Buffer;
  readonly contentType: string;
  readonly width: number;
  readonly height: number;
  /** 3 to 5 of `#rrggbb`, most used first. */
  readonly palette: string[];
  readonly model: string;
  readonly usage: Usage;
}

/** Where an answer comes from: the built-in generator, or a service that speaks OpenAI's wire format. */
type ProviderName = 'offline' | 'openai';

/** Writes the texts of a CTA. Throws `AppError` with an `ai_*` code, `slot_expired`, or the signal's reason. */
export interface TextWriter {
  readonly provider: ProviderName;
  readonly model: string;
  writeText(brief: Brief, call: CallContext): Promise<TextAnswer>;
}

/** Paints the background of a CTA from the product's image. Throws like `TextWriter`. */
export interface BackgroundPainter {
  readonly provider: ProviderName;
  readonly model: string;
  paintBackground(brief: Brief, image: SourceImage, call: CallContext): Promise<ImageAnswer>;
}
