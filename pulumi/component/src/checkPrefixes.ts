/** Checks `iamPrefixes`: whatever the function may name, IAM must allow. */

import * as arn from "./arn";
import { Fields } from "./catalog/fields";
import { isObject } from "./known";
import type { Problems } from "./problems";

/** More are no beginnings any more. */
const MAX_PREFIXES = 50;

const PREFIX_RULE = (example: string) => `must be the beginning of a name and a trailing *: ${example}`;
const FAMILY = rule(/^[A-Za-z0-9_-]{1,255}\*$/, "engine-*");
const GROUP = rule(/^[A-Za-z0-9-]{1,32}\*$/, "engine-*");
/** A path and a name: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html */
const ROLE = rule(/^[A-Za-z0-9+=,.@_/-]{1,512}\*$/, "engine-* or engines/task-*");

function rule(form: RegExp, example: string): arn.Rule {
  return (text) => (form.test(text) ? undefined : PREFIX_RULE(example));
}

/** Every problem in the prefixes, and everything that none of them covers. */
export function checkPrefixes(outer: Fields, problems: Problems): void {
  const value = outer.raw("iamPrefixes");
  const fields = value === undefined ? undefined : Fields.of(value, outer.at("iamPrefixes"), problems);
  if (fields === undefined) return;
  const covered = (name: string, prefixRule: arn.Rule, of: (text: string) => string, items: Items): void => {
    const prefixes = fields.parsedList(name, MAX_PREFIXES, prefixRule);
    if (prefixes === undefined) return;
    if (prefixes.length === 0) problems.missing(fields.at(name), "must have at least one item; leave it out to name everything in full");
    const beginnings = prefixes.filter((prefix) => typeof prefix === "string").map((prefix) => prefix.slice(0, -1));
    if (beginnings.length < prefixes.length) return;
    for (const [place, text] of items) {
      if (typeof text !== "string" || problems.name(place) || beginnings.some((beginning) => of(text).startsWith(beginning))) continue;
      problems.invalid(place, text, `begins with none of ${fields.at(name)}, and IAM would deny it to the function`);
    }
  };
  covered("families", FAMILY, (family) => family, listed(outer, "taskFamilies"));
  covered("targetGroups", GROUP, arn.targetGroupName, groupsOf(outer));
  covered("roles", ROLE, arn.roleName, [...listed(outer, "taskRoles"), ...listed(outer, "infrastructureRoles")]);
  fields.denyUnknown();
}

type Items = readonly (readonly [place: string, text: unknown])[];

function listed(outer: Fields, name: string): Items {
  const list = outer.raw(name);
  return Array.isArray(list) ? list.map((item: unknown, n) => [`${outer.at(name)}[${n}]`, item] as const) : [];
}

function groupsOf(outer: Fields): Items {
  const groups = outer.raw("targetGroups");
  return Object.entries(isObject(groups) ? groups : {}).map(([name, group]) => {
    return [`${outer.at("targetGroups")}.${name}.arn`, isObject(group) ? group["arn"] : undefined] as const;
  });
}
