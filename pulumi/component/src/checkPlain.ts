/** Refuses outputs where a plain value is needed: resources, their number and their names depend on it. */

import type { StartEnginesArgs } from "./arguments";
import type { Fields } from "./catalog/fields";
import { isObject, UNKNOWN } from "./known";
import type { Problems } from "./problems";

const RULE = "must be a plain value: which resources there are, or what they are called, depends on it";

/** Arguments that are plain, with everything in them. */
const PLAIN: readonly (keyof StartEnginesArgs)[] = [
  "functionName",
  "roleNamePrefix",
  "buffered",
  "timeout",
  "queueRetentionDays",
  "keep",
  "reconcileSchedule",
  "dashboard",
  "iamPrefixes",
];
/** Arguments whose names are plain. */
const PLAIN_OUTSIDE: readonly (keyof StartEnginesArgs)[] = ["targetGroups", "services", "schedules", "alarms"];

/** Reports every output in a place that takes none. */
export function checkPlain(fields: Fields, problems: Problems): void {
  const refuseOutputs = (value: unknown, place: string, but?: string): void => {
    if (value === UNKNOWN) problems.wrongKind(place, value, RULE);
    if (Array.isArray(value)) value.forEach((item: unknown, n) => { refuseOutputs(item, `${place}[${n}]`, but); });
    if (!isObject(value)) return;
    for (const [name, part] of Object.entries(value)) {
      if (name !== but) refuseOutputs(part, `${place}.${name}`, but);
    }
  };
  for (const name of PLAIN) refuseOutputs(fields.raw(name), fields.at(name));
  for (const name of PLAIN_OUTSIDE) {
    if (fields.raw(name) === UNKNOWN) problems.wrongKind(fields.at(name), UNKNOWN, RULE);
  }
  const each = (name: "targetGroups" | "schedules" | "alarms", look: (value: unknown, place: string, key: string) => void): void => {
    const value = fields.raw(name);
    if (isObject(value)) for (const [key, part] of Object.entries(value)) look(part, `${fields.at(name)}.${key}`, key);
  };
  each("targetGroups", (group, place) => {
    if (group === UNKNOWN) problems.wrongKind(place, group, RULE);
  });
  each("schedules", (schedule, place) => {
    if (schedule === UNKNOWN) problems.wrongKind(place, schedule, RULE);
    if (isObject(schedule)) refuseOutputs(schedule["service"], `${place}.service`);
  });
  each("alarms", (value, place, key) => {
    if (key !== "topicArn") refuseOutputs(value, place, "topicArn");
  });
}
