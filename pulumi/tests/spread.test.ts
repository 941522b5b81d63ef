/** Documents that are too long for one policy: nothing is lost, and nothing is allowed beside it. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { document, type PolicyDocument, type Statement } from "../component/src/policies/document";
import { atLeast, characters, countForRole, forManaged, forRole, MAX_INLINE_CHARACTERS, MAX_MANAGED_CHARACTERS } from "../component/src/policies/spread";

const CLUSTERS = (count: number) => Array.from({ length: count }, (_, n) => `arn:aws:ecs:us-east-1:111122223333:cluster/engines-${n}`);
const RESOURCES = (count: number) => Array.from({ length: count }, (_, n) => `arn:aws:ecs:us-east-1:111122223333:task-definition/engine-${n}:*`);

function statement(sid: string, resources: string[] | "*", clusters?: string[]): Statement {
  const condition = clusters === undefined ? {} : { Condition: { ArnEquals: { "ecs:cluster": clusters } } };
  return { Sid: sid, Effect: "Allow", Action: ["ecs:RunTask"], Resource: resources, ...condition };
}

/** What is allowed: each action on each resource under each value of the condition. */
function allowed(documents: readonly PolicyDocument[]): string[] {
  return documents
    .flatMap(({ Statement: statements }) => statements)
    .flatMap(({ Action, Resource, Condition }) =>
      [Resource ?? "*"].flat().flatMap((resource) =>
        [Condition?.["ArnEquals"]?.["ecs:cluster"] ?? "any"].flat().flatMap((cluster) => Action.map((action) => `${action} ${resource} ${cluster}`)),
      ),
    )
    .sort();
}

test("what fits into one policy stays as it is, up to the last character", () => {
  const whole = (length: number) => document(statement("A", ["x".repeat(length), "y"]));
  const empty = characters(whole(0));
  const fits = whole(MAX_INLINE_CHARACTERS - empty);
  assert.equal(characters(fits), MAX_INLINE_CHARACTERS);
  assert.deepEqual(forRole(fits), [fits]);
  assert.equal(forRole(whole(MAX_INLINE_CHARACTERS - empty + 1)).length, 2);
  assert.equal(forManaged(fits).length, 2);
});

test("statements are split by their resources, and allow together what they allowed", () => {
  const whole = document(statement("First", "*"), statement("Many", RESOURCES(500), CLUSTERS(3)), statement("Last", ["a"]));
  const loose = forRole(whole);
  assert.equal(loose.length - 1, countForRole(whole));
  // One policy fewer: each is as full as it can be, and one more resource has no room.
  const full = forRole(whole, countForRole(whole) - 1);
  assert.equal(full.length, countForRole(whole));
  for (const [parts, unused] of [[loose, 1 / 6], [full, 100 / MAX_MANAGED_CHARACTERS]] as const) {
    assert.deepEqual(allowed(parts), allowed([whole]));
    const sizes = parts.map(characters);
    assert.ok(sizes.length > 3, String(sizes.length));
    sizes.forEach((size, n) => {
      const max = n === 0 ? MAX_INLINE_CHARACTERS : MAX_MANAGED_CHARACTERS;
      assert.ok(size <= max, `${n}: ${size}`);
      if (n < sizes.length - 1) assert.ok(size >= max * (1 - unused), `${n}: ${size}`);
    });
  }
});

describe("a name that goes", () => {
  const documents = (resources: string[], managed?: number) =>
    forRole(document(statement("First", "*"), statement("Many", resources, CLUSTERS(3)), statement("More", resources.map((name) => `${name}b`))), managed);
  const all = RESOURCES(300);

  /** How many policies change with each of the names, on an average. */
  function changed(managed?: number): number {
    const before = documents(all, managed).map((one) => JSON.stringify(one));
    const counts = all.map((gone) => {
      const after = documents(all.filter((name) => name !== gone), managed).map((one) => JSON.stringify(one));
      return Math.max(before.length, after.length) - after.filter((one, n) => one === before[n]).length;
    });
    return counts.reduce((sum, count) => sum + count, 0) / counts.length;
  }

  test("changes the two policies that it is in, and seldom a third", () => {
    assert.equal(documents(all).length, 7);
    const count = changed();
    assert.ok(count >= 2 && count < 2.3, String(count));
  });

  test("changes most of them where each must be as full as it can be", () => {
    const count = changed(0);
    assert.ok(count > 4, String(count));
  });
});

test("clusters that leave no room for resources beside them are split too, with statements of their own", () => {
  const whole = document(statement("Some", RESOURCES(40), CLUSTERS(200)));
  const parts = forManaged(whole);
  assert.deepEqual(allowed(parts), allowed([whole]));
  for (const part of parts) {
    assert.ok(characters(part) <= MAX_MANAGED_CHARACTERS);
    const sids = part.Statement.map(({ Sid }) => Sid);
    assert.deepEqual(sids, [...new Set(sids)]);
  }
});

test("what has no room in any policy is not lost: it is too long, and told by its size", () => {
  const parts = forManaged(document(statement("A", "*"), statement("B", ["x".repeat(MAX_MANAGED_CHARACTERS)]), statement("C", ["c"])));
  assert.deepEqual(allowed(parts), allowed([document(statement("A", "*"), statement("B", ["x".repeat(MAX_MANAGED_CHARACTERS)]), statement("C", ["c"]))]));
  assert.ok(parts.some((part) => characters(part) > MAX_MANAGED_CHARACTERS));
});

test("a policy that is not needed allows nothing new", () => {
  const whole = document(statement("A", "*"));
  const parts = atLeast(3, [whole], statement("A", "*"));
  assert.equal(parts.length, 3);
  assert.deepEqual([...new Set(allowed(parts))], allowed([whole]));
  assert.deepEqual(atLeast(1, parts, statement("A", "*")), parts);
});
