/** The queues: of what failed, and in buffered mode the one before the function. */

import * as sqs from "@pulumi/aws/sqs";
import type * as pulumi from "@pulumi/pulumi";

import { DEFAULTS } from "../arguments";
import { bufferOf } from "../buffered";
import { type Context, json } from "./context";

const SECONDS_PER_DAY = 86_400;

/** Their names, known before they are. */
export function queueNames(functionName: string) {
  return {
    failures: `${functionName}-failures`,
    undelivered: `${functionName}-undelivered`,
    buffer: `${functionName}-buffer`,
    bufferDeadLetters: `${functionName}-buffer-dead-letters`,
  };
}

/** On-failure queue of the function, and dead-letter queue of the rules and schedules. */
export interface Queues {
  readonly failures: sqs.Queue;
  readonly undelivered: sqs.Queue;
  /** Of buffered mode. */
  readonly buffer?: BufferQueues;
}

/** The queue that both rules feed, and where it leaves what was received too often. */
export interface BufferQueues {
  readonly queue: sqs.Queue;
  readonly deadLetters: sqs.Queue;
}

/** Encrypted with keys of SQS's own, which cost nothing and need no permission. */
export function createQueues(context: Context): Queues {
  const names = queueNames(context.functionName);
  const days = context.args.queueRetentionDays ?? DEFAULTS.queueRetentionDays;
  const create = (suffix: string, name: string, settings: sqs.QueueArgs = {}) =>
    new sqs.Queue(
      `${context.name}-${suffix}`,
      {
        name,
        messageRetentionSeconds: days * SECONDS_PER_DAY,
        sqsManagedSseEnabled: true,
        tags: context.args.tags,
        ...settings,
      },
      context.options,
    );
  const queues = {
    failures: create("failures", names.failures),
    undelivered: create("undelivered", names.undelivered),
  };
  const settings = bufferOf(context.args);
  if (settings === undefined) return queues;
  const deadLetters = create("buffer-dead-letters", names.bufferDeadLetters);
  const { maxReceiveCount } = settings;
  const queue = create("buffer", names.buffer, {
    messageRetentionSeconds: settings.retentionDays * SECONDS_PER_DAY,
    visibilityTimeoutSeconds: settings.visibilityTimeoutSeconds,
    redrivePolicy: json(deadLetters.arn.apply((arn) => ({ deadLetterTargetArn: arn, maxReceiveCount }))),
  });
  allowOnly(context, deadLetters, queue.arn);
  return { ...queues, buffer: { queue, deadLetters } };
}

/** No other queue may leave its messages there, and those that are there may go back to this one. */
function allowOnly(context: Context, deadLetters: sqs.Queue, queueArn: pulumi.Output<string>): void {
  new sqs.RedriveAllowPolicy(
    `${context.name}-buffer-dead-letters`,
    {
      queueUrl: deadLetters.url,
      redriveAllowPolicy: json(queueArn.apply((arn) => ({ redrivePermission: "byQueue", sourceQueueArns: [arn] }))),
    },
    context.options,
  );
}
