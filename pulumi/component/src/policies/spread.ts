/**
 * One policy document as several, where it is too long for one policy.
 *
 * A statement is split by its resources, or by the clusters of its condition: what the parts allow together is what the
 * whole allows, since each list means any of its items. A `Deny` is split just so.
 */

import { document, type PolicyDocument, type Statement } from "./document";

/** Characters of all inline policies of a role, without white space: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
export const MAX_INLINE_CHARACTERS = 10_240;
/** Characters of a managed policy, without white space: the same page. */
export const MAX_MANAGED_CHARACTERS = 6144;
/** Of the ten managed policies that a role has by default (the same page), two are left for others. */
export const MAX_MANAGED_POLICIES = 8;

/** A condition's list that is longer leaves too little room beside it for resources, and is split itself. */
const MAX_CONDITION_CHARACTERS = MAX_MANAGED_CHARACTERS / 2;
const EMPTY = characters(document());

/** What IAM counts: the component writes no white space. */
export function characters(value: object): number {
  return JSON.stringify(value).length;
}

/** The documents of a role's policies: the inline one, then managed ones. */
export function forRole(whole: PolicyDocument): PolicyDocument[] {
  return spread(whole, (n) => (n === 0 ? MAX_INLINE_CHARACTERS : MAX_MANAGED_CHARACTERS));
}

/** The documents of managed policies. */
export function forManaged(whole: PolicyDocument): PolicyDocument[] {
  return spread(whole, () => MAX_MANAGED_CHARACTERS);
}

/**
 * As many documents, at least. How many policies there are is decided before all names are known; one that is not needed
 * then repeats a statement that the others have already, since a policy cannot be empty.
 */
export function atLeast(count: number, documents: readonly PolicyDocument[], repeated: Statement): PolicyDocument[] {
  const more = Math.max(0, count - documents.length);
  return [...documents, ...Array.from({ length: more }, () => document(repeated))];
}

/** In the order of the statements, each document as full as it can be; `room` is what the nth can hold. */
function spread(whole: PolicyDocument, room: (n: number) => number): PolicyDocument[] {
  const documents: Statement[][] = [[]];
  let left = room(0) - EMPTY;
  for (const statement of whole.Statement.flatMap(byClusters)) {
    let rest: Statement | undefined = statement;
    while (rest !== undefined) {
      const current: Statement[] = documents.at(-1) ?? [];
      const comma = current.length === 0 ? 0 : 1;
      // What is too long even alone is not lost: whoever asks for the document's size hears of it.
      const [taken, more]: Cut = cut(rest, left - comma, current.length === 0);
      if (taken !== undefined) {
        current.push(taken);
        left -= characters(taken) + comma;
      }
      rest = more;
      if (rest !== undefined) {
        documents.push([]);
        left = room(documents.length - 1) - EMPTY;
      }
    }
  }
  return documents.map((statements) => document(...statements));
}

type Cut = readonly [taken: Statement | undefined, rest: Statement | undefined];

/** The part of a statement that has room, and what is left of it; if need be, a part that has none. */
function cut(statement: Statement, room: number, isNeeded: boolean): Cut {
  if (characters(statement) <= room) return [statement, undefined];
  if (!Array.isArray(statement.Resource) || statement.Resource.length < 2) return isNeeded ? [statement, undefined] : [undefined, statement];
  const resources: readonly string[] = statement.Resource;
  // The brackets of the list are there already; each item has two quotes and, but for the first, a comma.
  let size = characters({ ...statement, Resource: [] }) - 1;
  let count = 0;
  for (const resource of resources) {
    size += resource.length + 3;
    if (size > room) break;
    count += 1;
  }
  if (count === 0 && !isNeeded) return [undefined, statement];
  count = Math.max(1, count);
  const part = (items: readonly string[]): Statement => ({ ...statement, Resource: [...items] });
  return [part(resources.slice(0, count)), part(resources.slice(count))];
}

/** The same statement for some of the clusters each, where its condition names too many of them. */
function byClusters(statement: Statement): Statement[] {
  const clusters = statement.Condition?.["ArnEquals"]?.["ecs:cluster"];
  if (!Array.isArray(clusters) || characters(clusters) <= MAX_CONDITION_CHARACTERS) return [statement];
  const chunks: string[][] = [];
  for (const cluster of clusters) {
    const chunk = chunks.at(-1);
    if (chunk !== undefined && characters([...chunk, cluster]) <= MAX_CONDITION_CHARACTERS) chunk.push(cluster);
    else chunks.push([cluster]);
  }
  return chunks.map((chunk, n) => ({
    ...statement,
    // Unique in a policy: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html
    Sid: n === 0 ? statement.Sid : `${statement.Sid}${n + 1}`,
    Condition: { ...statement.Condition, ArnEquals: { "ecs:cluster": chunk } },
  }));
}
