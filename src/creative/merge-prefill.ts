import type { Prefill, PrefillPatch } from './prefill.ts';

/** Changes that a person made: the part of a prefill that replaces generated values. */
export type Overrides = PrefillPatch;

/**
 * Returns the prefill as both APIs return it: the generated values, replaced by a person's changes.
 */
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
 * Returns the overrides after a merge patch (RFC 7396; `colors` is the one nested object). A value
 * that equals the present one is no change: a client may send the whole prefill back with one field
 * edited, and the other generated texts must not become edits that a regeneration keeps.
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

/** `undefined`, which tRPC's transformer can carry, means the same as an absent field. */
function withoutUndefined<P extends object>(patch: P): { [K in keyof P]-?: Exclude<P[K], undefined> } {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined)) as never;
}
