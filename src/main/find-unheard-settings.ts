import { SETTING_NAMES, type Settings, upperCaseProxies } from './config.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A setting that was given and has no effect, or another effect than the intended one. */
export interface UnheardSetting {
  readonly setting: string;
  readonly says: string;
}

/** Shorter names are words that other programs use too. */
const MIN_NAME = 8;
/**
 * In names with these prefixes, added or missing words are as likely as a wrong letter: AI_MODEL,
 * AI_TEXT_API_KEY.
 */
const OWN_PREFIXES = ['AI', 'PREVIEW'];
/** Not about traces: variables for metrics and logs, and of Node.js's own instrumentation. */
const OTHER_TELEMETRY = /METRIC|LOG|^OTEL_(NODE|PROPAGATORS|SDK_DISABLED)/;
/**
 * Words that a person may expect in our names. With any other word, the name is another program's:
 * AI_GATEWAY_API_KEY.
 */
const EXTRA_WORDS = ['TEXT', 'IMAGE', 'SERVICE', 'MS', 'SECONDS'];

/** Returns what to warn about at the start. Ignores variables that are not about this program. */
export function findUnheardSettings(environment: Environment, settings: Settings): UnheardSetting[] {
  const known = upperCaseProxies(environment);
  const given = Object.keys(known).filter((name) => known[name]?.trim());
  return [
    ...findWithoutKey(given, settings),
    ...findWithoutModel(given, settings),
    ...findWithoutCollector(given, environment),
    ...findMisspelt(given),
  ];
}

function findWithoutKey(given: readonly string[], settings: Settings): UnheardSetting[] {
  const hasTexts = settings.AI_API_KEY !== undefined;
  const hasImages = hasTexts || settings.AI_IMAGE_API_KEY !== undefined;
  const isGiven = (name: string) => given.includes(name);
  const isForImages = hasImages && settings.AI_IMAGE_BASE_URL === undefined;
  const unheard = [
    ...(hasTexts ? [] : ['AI_TEXT_MODEL']),
    ...(hasTexts || isForImages ? [] : ['AI_BASE_URL']),
    ...(hasImages ? [] : ['AI_IMAGE_BASE_URL', 'AI_IMAGE_MODEL', 'AI_TIMEOUT', 'PROVIDER_WAIT']),
  ].filter(isGiven);
  const says = (name: string) =>
    `${name} is set but has no effect without AI_API_KEY: the built-in offline generator is used. For a service that needs no key, ` +
    'such as Ollama, set AI_API_KEY to any value.';
  const findings = unheard.map((name) => ({ setting: name, says: says(name) }));
  if (!hasTexts && hasImages) {
    findings.push({
      setting: 'AI_IMAGE_API_KEY',
      says: 'AI_IMAGE_API_KEY is set but AI_API_KEY is not: the built-in offline generator writes the texts.',
    });
  }
  return findings;
}

function findWithoutModel(given: readonly string[], settings: Settings): UnheardSetting[] {
  if (settings.IMAGE_RANKER !== 'heuristic' || !given.includes('CLIP_MODEL')) return [];
  return [
    {
      setting: 'CLIP_MODEL',
      says: 'CLIP_MODEL is set but has no effect with IMAGE_RANKER=heuristic: set IMAGE_RANKER to auto or clip.',
    },
  ];
}

function findWithoutCollector(given: readonly string[], environment: Environment): UnheardSetting[] {
  const isWanted = environment.OTEL_SDK_DISABLED !== 'true' && environment.OTEL_TRACES_EXPORTER !== 'none';
  const endpoints = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];
  if (!isWanted || endpoints.some((name) => given.includes(name))) return [];
  return given
    .filter((name) => /^OTEL_/.test(name) && !OTHER_TELEMETRY.test(name))
    .map((name) => ({
      setting: name,
      says: `${name} is set but has no effect without OTEL_EXPORTER_OTLP_ENDPOINT: no traces are sent.`,
    }));
}

/** Finds names that are nearly those of settings, if the right name is not given. */
function findMisspelt(given: readonly string[]): UnheardSetting[] {
  return given.flatMap((name) => {
    if (SETTING_NAMES.includes(name) || /^OTEL_/i.test(name)) return [];
    const meant = SETTING_NAMES.find((setting) => !given.includes(setting) && isNearly(name, setting));
    if (meant === undefined) return [];
    return [{ setting: name, says: `${name} is not a setting and has no effect. Did you mean ${meant}?` }];
  });
}

function isNearly(name: string, setting: string): boolean {
  const [one, other] = [simplify(name), simplify(setting)];
  if (other.length < MIN_NAME) return false;
  return one === other || isOneEditAway(one, other) || hasSameWords(name, setting);
}

function simplify(name: string): string {
  return name.toUpperCase().replace(/[^A-Z\d]/g, '');
}

/** One letter is added, removed or replaced, or two adjacent letters are swapped. */
function isOneEditAway(one: string, other: string): boolean {
  if (Math.abs(one.length - other.length) > 1) return false;
  let start = 0;
  while (start < one.length && one[start] === other[start]) start += 1;
  const [a, b] = [one.slice(start), other.slice(start)];
  return (
    a.slice(1) === b.slice(1) ||
    a.slice(1) === b ||
    a === b.slice(1) ||
    (a.slice(2) === b.slice(2) && a[0] === b[1] && a[1] === b[0])
  );
}

/** Words are missing, or only words of `EXTRA_WORDS` are added. */
function hasSameWords(name: string, setting: string): boolean {
  const [one, other] = [name.split('_'), setting.split('_')];
  if (!OWN_PREFIXES.includes(one[0] ?? '') || one[0] !== other[0] || one.length < 2) return false;
  const hasAll = (words: readonly string[], all: readonly string[]) =>
    words.every((word) => all.includes(word));
  return hasAll(one, other) || (hasAll(other, one) && hasAll(one, [...other, ...EXTRA_WORDS]));
}
