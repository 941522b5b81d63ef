/** The queues: of what failed, and in buffered mode those before the function. */

import * as sqs from "@pulumi/aws/sqs";
import type * as pulumi from "@pulumi/pulumi";

import { DEFAULTS } from "../arguments";
import { bufferOf, type Kind, SUFFIXES } from "../buffered";
import { type Context, json } from "./context";

const SECONDS_PER_DAY = 86_400;

/** Their names, known before they are. */
export function queueNames(functionName: string) {
  return {
    failures: `${functionName}-failures`,
    undelivered: `${functionName}-undelivered`,
  };
}

/** Those of a queue of buffered mode, and of where it leaves what failed too often. */
export function bufferNames(functionName: string, kind: Kind) {
  const queueName = `${functionName}-${SUFFIXES[kind]}`;
  return { queueName, deadLetterQueueName: `${queueName}-dead-letters` };
}

/** On-failure queue of the function, and dead-letter queue of the rules and schedules. */
export interface Queues {
  readonly failures: sqs.Queue;
  readonly undelivered: sqs.Queue;
  /** Of buffered mode. */
  readonly buffers?: Readonly<Record<Kind, BufferQueues>>;
}

/** The queue that a rule feeds, and where it leaves what was received too often: one for each, which tells its source. */
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
  const buffer = (kind: Kind): BufferQueues => {
    const { queueName, deadLetterQueueName } = bufferNames(context.functionName, kind);
    const deadLetters = create(`${SUFFIXES[kind]}-dead-letters`, deadLetterQueueName);
    const { retentionDays, visibilityTimeoutSeconds, maxReceiveCount } = settings[kind];
    const queue = create(SUFFIXES[kind], queueName, {
      messageRetentionSeconds: retentionDays * SECONDS_PER_DAY,
      visibilityTimeoutSeconds,
      redrivePolicy: json(deadLetters.arn.apply((arn) => ({ deadLetterTargetArn: arn, maxReceiveCount }))),
    });
    allowOnly(context, kind, deadLetters, queue.arn);
    return { queue, deadLetters };
  };
  return { ...queues, buffers: { requests: buffer("requests"), stateChanges: buffer("stateChanges") } };
}

/** No other queue may leave its messages there, and those that are there may go back to this one. */
function allowOnly(context: Context, kind: Kind, deadLetters: sqs.Queue, queueArn: pulumi.Output<string>): void {
  new sqs.RedriveAllowPolicy(
    `${context.name}-${SUFFIXES[kind]}-dead-letters`,
    {
      queueUrl: deadLetters.url,
      redriveAllowPolicy: json(queueArn.apply((arn) => ({ redrivePermission: "byQueue", sourceQueueArns: [arn] }))),
    },
    context.options,
  );
}
