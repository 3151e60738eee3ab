/** The facts about a product, and what is wanted for one preview, as a provider gets them. */
export interface Brief {
  readonly title: string;
  readonly description: string | null;
  readonly brand: string | null;
  /** The price as the page wrote it, with its currency. */
  readonly priceText: string | null;
  /** BCP 47, as the page states it: `de`, `pt-BR`. */
  readonly locale: string;
  /** The wanted tone of the texts, in the words of the requester. */
  readonly tone: string | null;
  /** `#rrggbb`, most used first. */
  readonly palette: readonly string[];
  /** From 0. Each variant must differ from the others in its texts and its background. */
  readonly variant: number;
}

/** An encoded image (PNG, JPEG, WebP …) with its MIME type. */
export interface SourceImage {
  readonly bytes: Buffer;
  readonly contentType: string;
}

/** The options of one call: its key, its time limits, and a callback for when it was sent. */
export interface CallContext {
  /** The same for every try of a step, so that a provider can recognize a repeat. */
  readonly idempotencyKey: string;
  /**
   * The workspace that the call is made for. The image decoder counts the call towards its share.
   */
  readonly owner: string;
  /** An abort ends the call with the signal's reason. */
  readonly signal: AbortSignal;
  /** For the whole exchange, including connecting. */
  readonly timeoutMs: number;
  /**
   * A value of `performance.now()`. A connection that is not open by then is not used:
   * `slot_expired`.
   */
  readonly sendBefore: number;
  /**
   * Called once, when no more bytes of the request can leave: its last byte was handed to the
   * operating system, or the exchange ended before that. Not called when nothing was sent. Must not
   * throw.
   */
  onLeft(): void;
}

/** Tokens as the provider counted them; null if it does not report them. */
export interface Usage {
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
}

/** Texts of a CTA as plain text: no markup and no control characters, but not cut to length. */
export interface GeneratedCopy {
  readonly headline: string;
  readonly subheadline: string | null;
  readonly body: string | null;
  readonly ctaText: string;
  readonly model: string;
  readonly usage: Usage;
}

/** A background that was completely decoded. */
export interface GeneratedBackground {
  /** Encoded by us. See `Background`. */
  readonly bytes: Buffer;
  readonly contentType: string;
  readonly width: number;
  readonly height: number;
  /** 3 to 5 colors as `#rrggbb`, the most used first. */
  readonly palette: string[];
  readonly model: string;
  readonly usage: Usage;
}

/** Where an answer comes from: the built-in generator, or a service with OpenAI's wire format. */
type ProviderName = 'offline' | 'openai';

/**
 * Writes the texts of a CTA. Throws an `AppError` with an `ai_*` code, `slot_expired`, or the
 * signal's reason.
 */
export interface CopyGenerator {
  readonly provider: ProviderName;
  readonly model: string;
  generateCopy(brief: Brief, call: CallContext): Promise<GeneratedCopy>;
}

/** Makes the background of a CTA from the product's image. Throws as `CopyGenerator` does. */
export interface BackgroundGenerator {
  readonly provider: ProviderName;
  readonly model: string;
  generateBackground(brief: Brief, image: SourceImage, call: CallContext): Promise<GeneratedBackground>;
}
