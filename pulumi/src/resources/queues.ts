/** The two queues of what failed. */

import * as sqs from "@pulumi/aws/sqs";

import { DEFAULTS } from "../arguments";
import type { Context } from "./context";

const SECONDS_PER_DAY = 86_400;

/** Their names, known before they are. */
export function queueNames(functionName: string) {
  return { failures: `${functionName}-failures`, undelivered: `${functionName}-undelivered` };
}

/** On-failure queue of the function, and dead-letter queue of the rules and schedules. */
export interface Queues {
  readonly failures: sqs.Queue;
  readonly undelivered: sqs.Queue;
}

/** Encrypted with keys of SQS's own, which cost nothing and need no permission. */
export function createQueues(context: Context): Queues {
  const names = queueNames(context.functionName);
  const days = context.args.queueRetentionDays ?? DEFAULTS.queueRetentionDays;
  const create = (suffix: string, name: string) =>
    new sqs.Queue(
      `${context.name}-${suffix}`,
      {
        name,
        messageRetentionSeconds: days * SECONDS_PER_DAY,
        sqsManagedSseEnabled: true,
        tags: context.args.tags,
      },
      context.options,
    );
  return { failures: create("failures", names.failures), undelivered: create("undelivered", names.undelivered) };
}
