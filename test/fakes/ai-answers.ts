import type http from 'node:http';
import sharp from 'sharp';
import type { AiCall, CallLog } from './ai-call-log.ts';

/** How the fake treats a call. `delayMs` replaces the latency of the fake. */
export type BehaviorObject = { readonly delayMs?: number } & (
  | {
      /**
       * - `ok`: valid.
       * - `wrong-shape`: JSON, but with the wrong fields.
       * - `broken-json`: half of the answer's text.
       * - `refuse`: the model declines.
       * - `policy-error`: 400 with a policy code.
       * - `cut`: the connection is destroyed before the answer.
       * - `cut-body`: the connection is destroyed in the middle of the answer.
       * - `hang`: no answer until close().
       * - `not-image`: text instead of an image.
       * - `half-image`: a truncated image.
       * - `image-url`: an address of this server.
       * - `foreign-url`: an address of another server.
       * - `long-texts`: texts far over the limits.
       */
      readonly do:
        | 'ok'
        | 'wrong-shape'
        | 'broken-json'
        | 'refuse'
        | 'policy-error'
        | 'cut'
        | 'cut-body'
        | 'hang'
        | 'not-image'
        | 'half-image'
        | 'image-url'
        | 'foreign-url'
        | 'long-texts';
    }
  | {
      readonly do: 'status';
      readonly status: number;
      readonly headers?: Record<string, string>;
      /** Sent as JSON. By default, OpenAI's error shape with the status. */
      readonly body?: unknown;
    }
  /** A 200 with this text instead of the usual ones as the content of the message. */
  | { readonly do: 'content'; readonly content: string }
);

/** A behavior, or just its name if it needs nothing else. */
export type Behavior = BehaviorObject | Exclude<BehaviorObject['do'], 'status' | 'content'>;

interface Images {
  readonly jpegs: readonly Buffer[];
  readonly base64: readonly string[];
}

interface Answering {
  readonly behavior: BehaviorObject;
  readonly call: AiCall;
  readonly index: number;
  readonly response: http.ServerResponse;
  readonly images: Images;
  readonly log: CallLog;
}

/** Makes a few small images once, so that an answer takes almost no time. */
export async function makeImages(): Promise<Images> {
  const hues = ['#b5656e', '#3d6f9e', '#4f8a5b', '#c08a2e', '#6d5ca8', '#2f8f8f'];
  const jpegs = await Promise.all(
    hues.map((color, index) => {
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="480" height="320"><rect width="480" height="320" fill="${color}"/><circle cx="${60 + index * 70}" cy="160" r="90" fill="#fff" opacity=".6"/><rect y="240" width="480" height="80" fill="#222" opacity=".4"/></svg>`;
      const image = sharp(Buffer.from(svg)).removeAlpha();
      return (index % 2 === 0 ? image.jpeg() : image.png()).toBuffer();
    }),
  );
  return { jpegs, base64: jpegs.map((bytes) => bytes.toString('base64')) };
}

/** Answers a call as the script wants, after the complete request has arrived. */
export function writeAnswer(answering: Answering): void {
  const { behavior, call, response, log } = answering;
  if (behavior.do === 'hang') return;
  if (behavior.do === 'cut' || behavior.do === 'cut-body') {
    cutOff(answering, behavior.do === 'cut-body');
    return;
  }
  const { status, text, headers } = planAnswer(answering);
  call.status = status;
  // Finish the call before writing: a client that has read the answer must find it finished.
  log.finish(call, 'answered');
  const fixed = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  response.writeHead(status, { ...fixed, ...headers }).end(text);
}

function cutOff({ call, response, log }: Answering, withinBody: boolean): void {
  log.finish(call, 'cut');
  if (!withinBody) {
    response.socket?.destroy();
    return;
  }
  call.status = 200;
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 });
  response.write('{"choices":[', () => response.socket?.destroy());
}

interface Plan {
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

function planAnswer(answering: Answering): Plan {
  const { behavior, call } = answering;
  switch (behavior.do) {
    case 'status': {
      const body = behavior.body ?? makeError(behavior.status, null);
      return { status: behavior.status, text: JSON.stringify(body), headers: behavior.headers };
    }
    case 'policy-error':
      return { status: 400, text: JSON.stringify(makeError(400, 'content_policy_violation')) };
    case 'broken-json': {
      const text = JSON.stringify(makeAnswer(answering));
      return { status: 200, text: text.slice(0, text.length / 2) };
    }
    default: {
      // An images service cannot decline with a 200.
      const declined = behavior.do === 'refuse' && call.kind === 'image';
      if (declined) return { status: 400, text: JSON.stringify(makeError(400, 'moderation_blocked')) };
      return { status: 200, text: JSON.stringify(makeAnswer(answering)) };
    }
  }
}

function makeError(status: number, code: string | null) {
  return {
    error: { message: `Fake failure ${status}: secret provider detail`, type: 'fake', param: null, code },
  };
}

function makeAnswer(answering: Answering): unknown {
  return answering.call.kind === 'text' ? makeText(answering) : makeImage(answering);
}

function makeText({ behavior, call, index }: Answering) {
  const refused = behavior.do === 'refuse';
  const content =
    behavior.do === 'content' ? behavior.content : JSON.stringify(makeTexts(behavior, call, index));
  return {
    id: `chatcmpl-${index}`,
    object: 'chat.completion',
    created: 0,
    model: typeof call.body.model === 'string' ? call.body.model : 'fake-text',
    choices: [
      {
        index: 0,
        finish_reason: 'stop',
        message: {
          role: 'assistant',
          content: refused ? null : content,
          refusal: refused ? 'I cannot help with that.' : null,
        },
      },
    ],
    usage: { prompt_tokens: 210, completion_tokens: 60, total_tokens: 270 },
  };
}

function makeTexts(behavior: BehaviorObject, call: AiCall, index: number) {
  if (behavior.do === 'wrong-shape') return { title: 'wrong', texts: [] };
  const title = findTitle(call.body);
  const times = behavior.do === 'long-texts' ? 40 : 1;
  return {
    headline: `${title}, idea ${index + 1} `.repeat(times).trim(),
    subheadline: `A closer look at ${title}. `.repeat(times).trim(),
    body: `${title} was made for days like this. `.repeat(times).trim(),
    cta_text: `See it now ${'and order yours today '.repeat(times - 1)}`.trim(),
  };
}

/** Finds the product's title in the JSON of the messages, wherever it is. */
function findTitle(body: Record<string, unknown>): string {
  const found = JSON.stringify(body.messages ?? '').match(/\\"title\\":\s*\\"(.+?)\\"[,}]/);
  return found?.[1]?.slice(0, 50) ?? 'Your product';
}

function makeImage({ behavior, call, index, images, response }: Answering) {
  if (behavior.do === 'wrong-shape') return { created: 0, images: [] };
  const base64 = images.base64[index % images.base64.length] ?? '';
  const image = {
    'not-image': { b64_json: Buffer.from('this is no image').toString('base64') },
    'half-image': { b64_json: base64.slice(0, base64.length / 2) },
    'image-url': { url: `http://${response.req.headers.host}/images/0.jpg` },
    'foreign-url': { url: 'http://192.0.2.1/image.jpg' },
  }[behavior.do as string] ?? { b64_json: base64 };
  return {
    created: 0,
    model: typeof call.body.model === 'string' ? call.body.model : 'fake-image',
    data: [image],
    usage: { input_tokens: 320, output_tokens: 1056, total_tokens: 1376 },
  };
}
