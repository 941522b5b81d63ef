/**
 * Which parts of the arguments are known when the program is still running.
 *
 * Arguments may be other resources' outputs, which are unknown before those resources exist. Checks run on a copy in
 * which each of them is `UNKNOWN`: known values are checked at once, the others when they are known.
 */

import * as pulumi from "@pulumi/pulumi";

/** Stands for a value that is not known yet; it breaks no rule. */
export const UNKNOWN: unique symbol = Symbol("a value that is not known yet");

/** The type of `UNKNOWN`. */
export type Unknown = typeof UNKNOWN;

/** A deep copy with `UNKNOWN` for every output and promise; archives are left as they are. */
export function known(value: unknown): unknown {
  if (pulumi.Output.isInstance(value) || value instanceof Promise) {
    return UNKNOWN;
  }
  if (Array.isArray(value)) {
    return value.map(known);
  }
  if (pulumi.asset.Archive.isInstance(value)) {
    return value;
  }
  if (isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, known(part)]));
  }
  return value;
}

/**
 * The settled arguments for a second check: `UNKNOWN` where an output has settled to nothing, and `absent` is told where.
 * A plain `undefined` is an argument that is not given.
 */
export function present(before: unknown, settled: unknown, place: string, absent: (place: string) => void): unknown {
  if (before === UNKNOWN && (settled === undefined || settled === null)) {
    absent(place);
    return UNKNOWN;
  }
  if (Array.isArray(before) && Array.isArray(settled)) {
    return settled.map((part: unknown, n) => present(before[n], part, `${place}[${n}]`, absent));
  }
  if (isObject(before) && isObject(settled) && !pulumi.asset.Archive.isInstance(before)) {
    const names = Object.keys(before);
    return Object.fromEntries(names.map((name) => [name, present(before[name], settled[name], `${place}.${name}`, absent)]));
  }
  return settled;
}

/** Whether any part of it is not known yet. */
export function hasUnknown(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasUnknown);
  return value === UNKNOWN || (isObject(value) && Object.values(value).some(hasUnknown));
}

/** Whether it is an object with fields, and neither an array nor null. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
