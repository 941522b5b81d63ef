/** Checks what is said of alarms: of all, and of single ones. */

import { alarmSuffixes, LIMITED_BY } from "./alarms";
import * as arn from "./arn";
import { Fields } from "./catalog/fields";
import { isObject, UNKNOWN } from "./known";
import type { Problems } from "./problems";
import { OFF } from "./schedules";

/** Every problem in `alarms`. */
export function checkAlarms(outer: Fields, problems: Problems): void {
  if (!outer.has("alarms")) return;
  const fields = Fields.of(outer.raw("alarms"), outer.at("alarms"), problems);
  if (fields === undefined) return;
  const isEnabled = fields.flag("enabled") !== false;
  fields.parsed("topicArn", arn.topic);
  const period = fields.number("periodSeconds", 60, 3600);
  if (period !== undefined && period % 60 !== 0) {
    problems.invalid(fields.at("periodSeconds"), period, "must be a multiple of 60");
  }
  fields.number("registrationLagSeconds", 1, 3600);
  fields.number("durationPercent", 1, 100);
  fields.number("unhealthyPeriods", 1, 24);
  fields.number("bufferAgeSeconds", 1, 86_400);
  checkEach(fields, isEnabled ? suffixesOf(outer) : [], problems);
  fields.denyUnknown();
}

function checkEach(alarms: Fields, suffixes: readonly string[], problems: Problems): void {
  const each = alarms.raw("each");
  if (each === undefined || each === UNKNOWN) return;
  if (!isObject(each)) {
    problems.wrongKind(alarms.at("each"), each, "must be an object, by the alarms' names without the function's");
    return;
  }
  for (const [suffix, value] of Object.entries(each)) {
    const place = `${alarms.at("each")}.${suffix}`;
    if (value === undefined) continue;
    if (!suffixes.includes(suffix)) {
      const there = suffixes.length === 0 ? "alarms.enabled is false" : suffixes.join(", ");
      problems.wrongKind(place, value, `is none of this deployment's alarms: ${there}`);
    } else if (value !== false && value !== UNKNOWN) checkOne(suffix, value, place, problems);
  }
}

function checkOne(suffix: string, value: unknown, place: string, problems: Problems): void {
  if (!isObject(value)) {
    problems.invalid(place, value, "must be false, or an object with threshold, topicArn or both");
    return;
  }
  const fields = Fields.of(value, place, problems);
  const limit = LIMITED_BY[suffix];
  const threshold = fields?.number("threshold", 0, 1_000_000);
  if (limit !== undefined && threshold !== undefined) {
    problems.invalid(`${place}.threshold`, threshold, `the limit of this alarm is args.alarms.${limit}`);
  }
  fields?.parsed("topicArn", arn.topic);
  fields?.denyUnknown();
}

/** The alarms that the other arguments make. */
function suffixesOf(args: Fields): string[] {
  const groups = args.raw("targetGroups");
  const watched = ([, group]: [string, unknown]) => isObject(group) && (group["loadBalancerArn"] ?? undefined) !== undefined;
  return alarmSuffixes({
    outcomes: args.has("outcomeEventBus"),
    reconciles: args.raw("reconcileSchedule") !== OFF,
    buffered: args.has("buffered") && args.raw("buffered") !== false,
    groups: isObject(groups) ? Object.entries(groups).filter(watched).map(([name]) => name) : [],
  });
}
