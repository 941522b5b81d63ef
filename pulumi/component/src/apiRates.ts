/** How many calls a second one instance of the function makes: the rules of `src/core/config/rates.rs`, and the default of buffered mode. */

import type { Buffer } from "./buffered";

const OPERATIONS = [
  "RunTask",
  "StopTask",
  "TagResource",
  "DescribeTasks",
  "ListTasks",
  "RegisterTargets",
  "DeregisterTargets",
  "DescribeTargetHealth",
  "DescribeTargetGroups",
  "DescribeNetworkInterfaces",
];
const MAX_RATE = 1000;
const MIN_RATE = 0.1;

/** What is wrong with `RunTask=10,RegisterTargets+DeregisterTargets=2:10`, if anything is. */
export function apiRates(text: string): string | undefined {
  const given = new Set<string>();
  for (const part of text.split(",")) {
    const [, names, rate, burst] = /^([^=]*)=([0-9.]+)(?::([0-9]+))?$/.exec(part.trim()) ?? [];
    if (names === undefined || rate === undefined) {
      return "each rate must be operations and calls a second, as in RunTask=10 or RegisterTargets+DeregisterTargets=2:10";
    }
    for (const name of names.split("+").map((one) => one.trim())) {
      if (!OPERATIONS.includes(name)) return `${name} cannot have a rate: it must be one of ${OPERATIONS.join(", ")}`;
      if (given.has(name)) return `${name} is given twice`;
      given.add(name);
    }
    if (!(Number(rate) >= MIN_RATE && Number(rate) <= MAX_RATE)) return `${rate} must be a number from ${MIN_RATE} to ${MAX_RATE}`;
    if (burst !== undefined && !(Number(burst) >= 1 && Number(burst) <= MAX_RATE)) {
      return `${burst} must be a number of calls at once, from 1 to ${MAX_RATE}`;
    }
  }
  return undefined;
}

/**
 * AWS's limits that batches reach first, as calls a second and at once, and the queue whose batches make these calls
 * (stops and reconciles apart).
 *
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/throttling.html,
 * https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html,
 * https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/throttling.html and
 * https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html (a call with filters and pages)
 */
const LIMITS = [
  { operations: "RunTask", perSecond: 20, atOnce: 20, madeBy: "requests" },
  { operations: "DescribeTasks+ListTasks", perSecond: 20, atOnce: 100, madeBy: "stateChanges" },
  { operations: "RegisterTargets+DeregisterTargets", perSecond: 4, atOnce: 20, madeBy: "stateChanges" },
  { operations: "DescribeTargetGroups+DescribeTargetHealth", perSecond: 10, atOnce: 40, madeBy: "stateChanges" },
  { operations: "DescribeNetworkInterfaces", perSecond: 20, atOnce: 100, madeBy: "stateChanges" },
] as const;

/**
 * Each limit, divided by the batches that share it.
 *
 * Requested stops and reconciles also make calls about tasks and targets, which are not included: the SDK retries what
 * AWS throttles then, and after that the message is delivered again from the queue.
 */
export function sharedRates(buffer: Buffer): string {
  const rates = LIMITS.map(({ operations, perSecond, atOnce, madeBy }) => {
    const batches = buffer[madeBy].maximumConcurrency;
    const rate = Math.max(MIN_RATE, Math.floor((100 * perSecond) / batches) / 100);
    return `${operations}=${rate}:${Math.max(1, Math.floor(atOnce / batches))}`;
  });
  return rates.join(",");
}
