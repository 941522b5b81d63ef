/**
 * The events of schedules, with a source of their own, through EventBridge Scheduler's PutEvents target.
 *
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-templated.html
 */

import type { ScheduleArgs } from "./arguments";

/**
 * When the schedule was due, in RFC 3339. Scheduler fills it in, and may deliver up to a day later with a new `time`:
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
 */
const SCHEDULED_TIME = "<aws.scheduler.scheduled-time>";

/**
 * The `detail` of a start.
 *
 * Scheduler delivers at least once, and each delivery becomes an event with its own id; the scheduled time is the same in
 * all of them, so it is the start's idempotency key. With a key, the time of the request must be given too.
 */
export function startDetail(functionName: string, scheduleName: string, schedule: ScheduleArgs) {
  return {
    service: schedule.service,
    ...(schedule.count === undefined ? {} : { count: schedule.count }),
    idempotencyKey: `${functionName}/${scheduleName}/${SCHEDULED_TIME}`,
    requestedAt: SCHEDULED_TIME,
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

/** The `detail` of a reconcile of a whole cluster. */
export function reconcileDetail(clusterArn: string) {
  return { cluster: clusterArn, requestedAt: SCHEDULED_TIME };
}

/** What is wrong with the form of an expression, or undefined; Scheduler checks the values. */
export function scheduleExpression(text: string): string | undefined {
  const isCron = /^cron\([^\s()]+( [^\s()]+){5}\)$/.test(text);
  const isRate = /^rate\([1-9][0-9]* (minute|hour|day)s?\)$/.test(text);
  const isAt = /^at\(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\)$/.test(text);
  return isCron || isRate || isAt
    ? undefined
    : "must be cron(six fields), rate(N minutes|hours|days) or at(yyyy-mm-ddThh:mm:ss)";
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
