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

/** Whether it is an object with fields, and neither an array nor null. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
