import type { Prefill, PrefillPatch } from './prefill.ts';

/** What a person changed: the part of a prefill that goes over what was generated. */
export type Overrides = PrefillPatch;

/** The prefill as people see it: what they changed over what was generated. */
export function mergePrefill(generated: Prefill, overrides: Overrides | null): Prefill {
  if (!overrides) return generated;
  const { colors, ...fields } = overrides;
  return {
    ...generated,
    ...withoutUndefined(fields),
    colors: { ...generated.colors, ...withoutUndefined(colors ?? {}) },
  };
}

/**
 * The overrides after a merge patch (RFC 7396, with the one nested object there is). A value that is already what
 * the prefill shows is no change: so a client that sends the whole prefill back with one field edited does not
 * turn every generated text into an edit that a later regeneration would have to keep.
 */
export function patchOverrides(
  current: { generated: Prefill; overrides: Overrides | null },
  patch: PrefillPatch,
): Overrides {
  const shown = mergePrefill(current.generated, current.overrides);
  const { colors: patchedColors = {}, ...patchedFields } = patch;
  const { colors: oldColors = {}, ...oldFields } = current.overrides ?? {};
  const fields = { ...oldFields, ...changed(patchedFields, shown) };
  const colors = { ...oldColors, ...changed(patchedColors, shown.colors) };
  return Object.keys(colors).length > 0 ? { ...fields, colors } : fields;
}

function changed<P extends object>(patch: P, shown: object): P {
  const old = shown as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(patch).filter(([key, value]) => value !== undefined && value !== old[key]),
  ) as P;
}

/** `undefined` (which tRPC's transformer can carry) means the same as absent. */
function withoutUndefined<P extends object>(patch: P): { [K in keyof P]-?: Exclude<P[K], undefined> } {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined)) as never;
}
