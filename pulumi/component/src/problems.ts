/**
 * What is wrong with the arguments: every problem at once, each with place, value and rule, in the words of the
 * function's own `src/core/input/problem.rs`.
 */

import * as pulumi from "@pulumi/pulumi";

import { isObject, UNKNOWN } from "./known";

/** Maximum number of characters of a text that are shown. */
const MAX_SHOWN = 80;

/** Every problem of one set of arguments, each once, in the order found. */
export class Problems {
  private readonly found: string[] = [];
  /** Fields that are given under another name, which is a problem of its own. */
  private readonly others: string[] = [];

  /** A value breaks a rule. Parts of `overrides` are shown by kind only: they contain commands and environments. */
  invalid(place: string, value: unknown, rule: string): void {
    const isPrivate = place.split(/[.[]/).includes("overrides");
    this.add(`${place} = ${isPrivate ? kindOf(value) : shown(value)}: ${rule}`);
  }

  /** A value has the wrong kind, or an unknown place: it may be a secret, so only its kind is shown. */
  wrongKind(place: string, value: unknown, rule: string): void {
    this.add(`${place} = ${kindOf(value)}: ${rule}`);
  }

  /** An output has settled, and to nothing: the argument would count as not given. */
  absent(place: string): void {
    this.add(`${place} = an output without a value: give it one, or leave it out`);
  }

  /** A value that nobody may read is written where many can. */
  secret(place: string): void {
    const instead = "name it in the secrets of the task definition's container (Secrets Manager or Parameter Store)";
    this.add(`${place} = a secret: would be written in clear text to disk and into the function; ${instead}`);
  }

  /** A required value is missing; not reported if it is given under another name. */
  missing(place: string, rule: string): void {
    const isIn = (other: string) => place.startsWith(other) && /^(?:[.[]|$)/.test(place.slice(other.length));
    if (!this.others.some(isIn)) this.add(`${place} is missing: ${rule}`);
  }

  /** The field is given under another name: it is not reported as missing. */
  meant(place: string): void {
    this.others.push(place);
    const isMissing = (problem: string) => problem.startsWith(`${place} is missing: `);
    for (let n = this.found.findIndex(isMissing); n >= 0; n = this.found.findIndex(isMissing)) this.found.splice(n, 1);
  }

  /** Whether a problem names this place, or something in it; or it is there under another name. */
  name(place: string): boolean {
    const isIn = (problem: string) => problem.startsWith(place) && /^[.[ ]/.test(problem.slice(place.length));
    return this.found.some(isIn) || this.others.includes(place);
  }

  /** All problems, in the order found. */
  get list(): readonly string[] {
    return this.found;
  }

  private add(problem: string): void {
    if (!this.found.includes(problem)) {
      this.found.push(problem);
    }
  }
}

/** Throws with all problems of a component's arguments, if there are any. */
export function refuse(name: string, problems: readonly string[]): void {
  if (problems.length === 0) return;
  const noun = problems.length === 1 ? "problem" : "problems";
  const lines = problems.map((problem) => `\n  ${problem}`).join("");
  const error = new pulumi.RunError(`StartEngines "${name}": ${problems.length} ${noun} in its arguments:${lines}`);
  // Nobody is shown it, and Pulumi formats it all the same: with a frame like `node_modules/@pulumi/output.ts`, Node 20's
  // util.inspect does not end.
  delete error.stack;
  throw error;
}

/** A value by kind and size. */
function kindOf(value: unknown): string {
  if (value === UNKNOWN) return "an output";
  if (pulumi.Resource.isInstance(value)) return "a resource";
  if (value === null) return "null";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (isObject(value)) return `an object of ${Object.keys(value).length} fields`;
  if (typeof value === "string") return `a text of ${[...value].length} characters`;
  return `a ${typeof value}`;
}

function shown(value: unknown): string {
  if (typeof value === "string") {
    const length = [...value].length;
    return length > MAX_SHOWN ? `"${shorten(value)}..." (${length} characters)` : `"${shorten(value)}"`;
  }
  return typeof value === "object" && value !== null ? kindOf(value) : String(value);
}

/** The first characters of a text, with control characters escaped. */
export function shorten(text: string): string {
  return [...text].slice(0, MAX_SHOWN).map(escaped).join("");
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\t": "\\t",
  "\r": "\\r",
  "\n": "\\n",
  "\0": "\\0",
  "'": "\\'",
  '"': '\\"',
  "\\": "\\\\",
};

function escaped(character: string): string {
  const known = ESCAPES[character];
  if (known !== undefined) return known;
  const isPlain = character === " " || !/[\p{C}\p{Z}]/u.test(character);
  return isPlain ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
