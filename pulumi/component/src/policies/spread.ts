/**
 * One policy document as several, where it is too long for one policy.
 *
 * A statement is split by its resources, or by the clusters of its condition: what the parts allow together is what the
 * whole allows, since each list means any of its items. A `Deny` is split just so.
 *
 * Where one document ends and the next begins is decided by the names themselves, as long as there is room: of the places where
 * a document is at least five sixths full it is the one before the name with the least hash. A name that comes or goes then
 * changes the document that it is in, and seldom the next one. Were each as full as can be, it would shift all that follow.
 */

import { createHash } from "node:crypto";

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
/** Of a document's room, what is full before it may end. */
const LEAST_FULL = 5 / 6;

/** What IAM counts: the component writes no white space. */
export function characters(value: object | string): number {
  return JSON.stringify(value).length;
}

/** The documents of a role's policies: the inline one, then managed ones; as full as they must be for so many managed ones. */
export function forRole(whole: PolicyDocument, managed = MAX_MANAGED_POLICIES): PolicyDocument[] {
  return within(whole, roomForRole, managed + 1);
}

/** The documents of managed policies; as full as they must be for so many. */
export function forManaged(whole: PolicyDocument, managed = MAX_MANAGED_POLICIES): PolicyDocument[] {
  return within(whole, roomForManaged, managed);
}

/** How many managed policies a role gets beside its inline one. It follows from the lengths of the names alone. */
export function countForRole(whole: PolicyDocument): number {
  return Math.min(spread(whole, roomForRole, first).length - 1, MAX_MANAGED_POLICIES);
}

/** How many managed policies there are for this document; it follows from the lengths of the names alone. */
export function countForManaged(whole: PolicyDocument): number {
  return Math.min(spread(whole, roomForManaged, first).length, MAX_MANAGED_POLICIES);
}

/**
 * As many documents, at least. How many policies there are is decided before all names are known; one that is not needed
 * then repeats a statement that the others have already, since a policy cannot be empty.
 */
export function atLeast(count: number, documents: readonly PolicyDocument[], repeated: Statement): PolicyDocument[] {
  const more = Math.max(0, count - documents.length);
  return [...documents, ...Array.from({ length: more }, () => document(repeated))];
}

/** What the nth document can hold. */
type Room = (n: number) => number;
/** A statement with one of its resources, or all of a statement that cannot be split. */
interface Piece {
  readonly statement: Statement;
  readonly resource?: string;
}
/** Where a document ends, of the places where it may: each is the number of the piece that the next document begins with. */
type Choice = (pieces: readonly Piece[], ends: readonly number[]) => number | undefined;

const roomForRole: Room = (n) => (n === 0 ? MAX_INLINE_CHARACTERS : MAX_MANAGED_CHARACTERS);
const roomForManaged: Room = () => MAX_MANAGED_CHARACTERS;

function within(whole: PolicyDocument, room: Room, count: number): PolicyDocument[] {
  const documents = spread(whole, room, least);
  return documents.length <= count ? documents : spread(whole, room, last);
}

const first: Choice = (_pieces, ends) => ends[0];
const last: Choice = (_pieces, ends) => ends.at(-1);
const least: Choice = (pieces, ends) => {
  const marked = ends.map((end) => ({ end, mark: mark(pieces[end]) }));
  return marked.sort((one, other) => (one.mark < other.mark ? -1 : 1))[0]?.end;
};

/** The same for the same piece, whatever else there is. */
function mark(piece: Piece | undefined): string {
  return createHash("sha256").update(`${piece?.statement.Sid ?? ""} ${piece?.resource ?? ""}`).digest("hex");
}

/** In the order of the statements. */
function spread(whole: PolicyDocument, room: Room, choose: Choice): PolicyDocument[] {
  const pieces = whole.Statement.flatMap(byClusters).flatMap(piecesOf);
  const documents: PolicyDocument[] = [];
  let begin = 0;
  do {
    const end = endOf(pieces, begin, room(documents.length), choose);
    documents.push(document(...joined(pieces.slice(begin, end))));
    begin = end;
  } while (begin < pieces.length);
  return documents;
}

/** Where the document ends that begins with this piece: the number of the piece that the next one begins with. */
function endOf(pieces: readonly Piece[], begin: number, room: number, choose: Choice): number {
  const ends: number[] = [];
  let size = EMPTY;
  for (let n = begin; n < pieces.length; n += 1) {
    if (size >= room * LEAST_FULL) ends.push(n);
    size += added(pieces[n], n === begin ? undefined : pieces[n - 1]);
    // What is too long even alone is not lost: whoever asks for the document's size hears of it.
    if (size > room) return choose(pieces, ends) ?? Math.max(n, begin + 1);
  }
  return pieces.length;
}

/** How many characters a piece adds to a document that ends with another one, or is empty. */
function added(piece: Piece | undefined, before: Piece | undefined): number {
  if (piece === undefined) return 0;
  const comma = before === undefined ? 0 : 1;
  if (before?.statement === piece.statement && piece.resource !== undefined) return characters(piece.resource) + comma;
  return joined([piece]).reduce((sum, statement) => sum + characters(statement), comma);
}

function piecesOf(statement: Statement): Piece[] {
  const resources = statement.Resource;
  if (!Array.isArray(resources) || resources.length < 2) return [{ statement }];
  return resources.map((resource) => ({ statement, resource }));
}

/** Statements, each with those of its resources that are among the pieces, which are in order. */
function joined(pieces: readonly Piece[]): Statement[] {
  const parts: { statement: Statement; resources: string[] }[] = [];
  for (const { statement, resource } of pieces) {
    if (parts.at(-1)?.statement !== statement) parts.push({ statement, resources: [] });
    if (resource !== undefined) parts.at(-1)?.resources.push(resource);
  }
  return parts.map(({ statement, resources }) => (resources.length === 0 ? statement : { ...statement, Resource: resources }));
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
