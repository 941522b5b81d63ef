/**
 * Reads objects field by field and reports every problem: the function's `src/core/input/fields.rs`, for arguments of
 * which some are not known yet.
 */

import type { Rule } from "../arn";
import { isObject, UNKNOWN } from "../known";
import { type Problems, shorten } from "../problems";
import { meaning } from "./names";

/** Reads one item of a list, given its own place. */
export type ReadItem = (item: unknown, place: string, problems: Problems) => void;

/** One object being read. */
export class Fields {
  private readonly asked = new Set<string>();

  private constructor(
    readonly place: string,
    private readonly object: Record<string, unknown>,
    private readonly problems: Problems,
  ) {}

  /** Starts reading; undefined if the value is not an object, which is reported, or not known. */
  static of(value: unknown, place: string, problems: Problems): Fields | undefined {
    if (isObject(value)) return new Fields(place, value, problems);
    if (value !== UNKNOWN) problems.wrongKind(place, value, "must be a JSON object");
    return undefined;
  }

  /** The place of a field. */
  at(name: string): string {
    return `${this.place}.${name}`;
  }

  /** The value; undefined for null and undefined, which count as absent. */
  raw(name: string): unknown {
    this.asked.add(name);
    return this.object[name] ?? undefined;
  }

  /** Whether the field is given, known or not. */
  has(name: string): boolean {
    return this.raw(name) !== undefined;
  }

  /** Reports a required field that is missing. */
  needs(name: string, rule: string): void {
    if (!this.has(name)) this.problems.missing(this.at(name), rule);
  }

  /** A value, if it is known and valid. */
  read<T>(name: string, sound: (value: unknown) => value is T, rule: string): T | undefined {
    const value = this.raw(name);
    if (value === undefined || value === UNKNOWN) return undefined;
    if (sound(value)) return value;
    this.problems.invalid(this.at(name), value, rule);
    return undefined;
  }

  /** A text that obeys a rule. */
  parsed(name: string, rule: Rule): string | undefined {
    const value = this.raw(name);
    return value === undefined ? undefined : parsed(value, this.at(name), rule, this.problems);
  }

  /** A text of 1 to `most` characters. */
  text(name: string, most: number): string | undefined {
    return this.read(name, isText(1, most), `must be a text of 1 to ${most} characters`);
  }

  /** A boolean. */
  flag(name: string): boolean | undefined {
    return this.read(name, (value) => typeof value === "boolean", "must be true or false");
  }

  /** A whole number. */
  number(name: string, least: number, most: number): number | undefined {
    const sound = (value: unknown): value is number =>
      typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
    return this.read(name, sound, `must be a whole number from ${least} to ${most}`);
  }

  /** One of a fixed set of words. */
  oneOf<W extends string>(name: string, words: readonly W[]): W | undefined {
    const sound = (value: unknown): value is W => words.some((word) => word === value);
    return this.read(name, sound, `must be one of ${words.join(", ")}`);
  }

  /** A list; all its items are read, each with its own place. */
  list(name: string, most: number, item: ReadItem): readonly unknown[] | undefined {
    const value = this.raw(name);
    if (value === undefined || value === UNKNOWN) return undefined;
    if (!Array.isArray(value)) {
      this.problems.invalid(this.at(name), value, "must be an array");
      return undefined;
    }
    if (value.length > most) {
      this.problems.invalid(this.at(name), value, `must have at most ${most} items, not ${value.length}`);
      return undefined;
    }
    const items: readonly unknown[] = value;
    items.forEach((part, n) => {
      item(part, `${this.at(name)}[${n}]`, this.problems);
    });
    return items;
  }

  /** A list of texts that obey a rule. */
  parsedList(name: string, most: number, rule: Rule): readonly unknown[] | undefined {
    return this.list(name, most, (item, place) => {
      parsed(item, place, rule, this.problems);
    });
  }

  /** Ends reading: a field that was not read is a problem. The field that it stands for is then not missing. */
  denyUnknown(): void {
    for (const [name, value] of Object.entries(this.object)) {
      if (this.asked.has(name) || value === undefined) continue;
      const meant = meaning(name, this.asked);
      const rule = "is not a field of this object" + (meant === undefined ? "" : `: ${meant.suggestion}`);
      this.problems.wrongKind(this.at(shorten(name)), value, rule);
      if (meant?.field !== undefined) this.problems.meant(this.at(meant.field));
    }
  }
}

/** Checks one text. */
export function parsed(value: unknown, place: string, rule: Rule, problems: Problems): string | undefined {
  if (value === UNKNOWN) return undefined;
  const broken = typeof value === "string" ? rule(value) : "must be a text";
  if (typeof value === "string" && broken === undefined) return value;
  problems.invalid(place, value, broken ?? "must be a text");
  return undefined;
}

/** Whether a value is a text of this length, in characters. */
export function isText(least: number, most: number): (value: unknown) => value is string {
  return (value): value is string => {
    if (typeof value !== "string") return false;
    const length = [...value].length;
    return length >= least && length <= most;
  };
}

/** Whether AWS reserves the text as key or value of a tag: it begins with `aws:`, in upper or lower case. */
export function isReserved(text: string): boolean {
  return /^aws:/i.test(text);
}

/** Characters that ECS allows in a tag: letters, digits, spaces and `_.:/=+-@`. */
export function isTagText(text: string): boolean {
  return /^[\p{Alphabetic}\p{N}\p{Z}_.:/=+\-@]*$/u.test(text);
}
