/**
 * The events of schedules, with a source of their own, through EventBridge Scheduler's PutEvents target.
 *
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html
 */

import type * as pulumi from "@pulumi/pulumi";

import { DEFAULTS, type ScheduleArgs, type StartEnginesArgs } from "./arguments";
import { cronProblem, isHourly } from "./cron";

/**
 * When the schedule was due, in RFC 3339. Scheduler fills it in, and may deliver up to a day later with a new `time`:
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
 */
const SCHEDULED_TIME = "<aws.scheduler.scheduled-time>";

/** No reconciles by a schedule. */
export const OFF = "off";
/** ECS forgets stopped tasks after an hour, and with them what a reconcile could repair. */
const MAX_RECONCILE_HOURS = 1;

/** When clusters are compared with targets, or undefined if only when somebody asks. */
export function reconcileExpression(args: Pick<StartEnginesArgs, "reconcileSchedule">): string | undefined {
  const given = args.reconcileSchedule ?? DEFAULTS.reconcileSchedule;
  return given === OFF ? undefined : given;
}

/**
 * How long Scheduler tries to send an event, in seconds. What is started late does harm, and what is repaired late has
 * been repaired by the next reconcile; what is stopped late only costs, and costs the whole night if it is lost.
 */
export const RETRIED_FOR = { start: 900, stop: 86_400, reconcile: 900 } as const;

/**
 * The `detail` of a start.
 *
 * Scheduler delivers at least once, and each delivery becomes an event with its own id; the scheduled time is the same in
 * all of them, so it is the start's idempotency key. With a key, the time of the request must be given too. `ofService` is
 * the `maxAgeSeconds` of the service's entry.
 */
export function startDetail(functionName: string, scheduleName: string, schedule: ScheduleArgs, ofService: pulumi.Input<number> | undefined) {
  return {
    service: schedule.service,
    ...(schedule.count === undefined ? {} : { count: schedule.count }),
    idempotencyKey: `${functionName}/${scheduleName}/${SCHEDULED_TIME}`,
    requestedAt: SCHEDULED_TIME,
    maxAgeSeconds: schedule.maxAgeSeconds ?? ofService ?? DEFAULTS.scheduledMaxAgeSeconds,
  };
}

/** The `detail` of a stop: all tasks of the service that were requested before it, by whatever source. */
export function stopDetail(scheduleName: string, schedule: ScheduleArgs) {
  return {
    service: schedule.service,
    reason: `stopped by the schedule ${scheduleName}`,
    requestedAt: SCHEDULED_TIME,
  };
}

/** The `detail` of a reconcile of all clusters, each of which the function then reconciles by an event of its own. */
export function reconcileDetail() {
  return { all: true, requestedAt: SCHEDULED_TIME };
}

/**
 * What is wrong with an expression, or undefined: Scheduler's rules, by which `rate(1 minutes)` is valid.
 *
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
 */
export function scheduleExpression(text: string): string | undefined {
  const [, kind, value = ""] = /^(cron|rate|at)\(([^()]*)\)$/.exec(text) ?? [];
  if (kind === "cron") return cronProblem(value);
  if (kind === "rate") return RATE.test(value) ? undefined : "a rate is a number above 0 and minutes, hours or days: rate(1 hour)";
  if (kind === "at") return isTime(value) ? undefined : "at has a date and a time that exist: at(2027-01-31T07:00:00)";
  return "must be cron(six fields), rate(N minutes|hours|days) or at(yyyy-mm-ddThh:mm:ss)";
}

const RATE = /^([1-9][0-9]*) (minute|hour|day)s?$/;
const HOURS_OF: Readonly<Record<string, number>> = { minute: 1 / 60, hour: 1, day: 24 };

function isTime(text: string): boolean {
  const isForm = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$/.test(text);
  const time = new Date(`${text}Z`);
  // A day that a month does not have would be taken for one of the next month.
  return isForm && !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text);
}

/** Whether a sound expression names one time, and it is over in this time zone. */
function isOver(text: string, zone: string, now: Date): boolean {
  const [, time] = /^at\((.*)\)$/.exec(text) ?? [];
  // Sweden writes times as ISO 8601 does.
  const there = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" }).format(now);
  return time !== undefined && time < there.replace(" ", "T");
}

/** Whether more than an hour lies between two times of a sound expression. */
function isTooRare(text: string): boolean {
  const [, kind, value = ""] = /^(cron|rate|at)\(([^()]*)\)$/.exec(text) ?? [];
  if (kind === "cron") return !isHourly(value);
  const [, count, unit = ""] = RATE.exec(value) ?? [];
  return count === undefined || Number(count) * (HOURS_OF[unit] ?? 0) > MAX_RECONCILE_HOURS;
}

/** What is hardly meant in the schedules. */
export function scheduleWarnings(args: Pick<StartEnginesArgs, "schedules" | "reconcileSchedule">, now: Date): readonly string[] {
  const warnings: string[] = [];
  for (const [name, schedule] of Object.entries(args.schedules ?? {})) {
    for (const field of ["start", "stop"] as const) {
      const [expression, zone] = [schedule[field], schedule.timezone ?? DEFAULTS.timezone];
      if (typeof expression === "string" && typeof zone === "string" && isOver(expression, zone, now)) {
        warnings.push(`args.schedules.${name}.${field} = "${expression}": is over, it will never come`);
      }
    }
  }
  const reconcile = reconcileExpression(args);
  if (reconcile !== undefined && isTooRare(reconcile)) {
    const lost = "ECS shows stopped tasks for an hour, and what came before that is not repaired";
    warnings.push(`args.reconcileSchedule = "${reconcile}": should come every hour at least: ${lost}`);
  }
  return warnings;
}

/** What is wrong with a time zone, or undefined. */
export function timezone(text: string): string | undefined {
  try {
    new Intl.DateTimeFormat("en", { timeZone: text });
    return /^[A-Za-z]/.test(text) ? undefined : "must be an IANA time zone such as Europe/Berlin";
  } catch {
    return "must be an IANA time zone such as Europe/Berlin";
  }
}
