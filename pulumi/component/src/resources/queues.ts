/**
 * The on-failure queue, the rule dead-letter queue, and in buffered mode the queues before the function with their
 * dead-letter queues.
 *
 * Their physical and logical names are older than these words: another name would replace a queue with its messages.
 */

import * as sqs from "@pulumi/aws/sqs";
import type * as pulumi from "@pulumi/pulumi";

import { DEFAULTS } from "../arguments";
import { bufferOf, type Kind, SUFFIXES } from "../buffered";
import { plainQueuePolicy } from "../policies/queuePolicy";
import { type Context, json, ofQueues } from "./context";

const SECONDS_PER_DAY = 86_400;

/** The physical names. */
export function queueNames(functionName: string) {
  return {
    onFailure: `${functionName}-failures`,
    ruleDeadLetters: `${functionName}-undelivered`,
  };
}

/** The physical names of a queue of buffered mode and its dead-letter queue. */
export function bufferNames(functionName: string, kind: Kind) {
  const queueName = `${functionName}-${SUFFIXES[kind]}`;
  return { queueName, deadLetterQueueName: `${queueName}-dead-letters` };
}

/** All queues of the component. */
export interface Queues {
  /** Lambda's on-failure destination of the function. */
  readonly onFailure: sqs.Queue;
  /** The dead-letter queue of the rules, and of the schedules. */
  readonly ruleDeadLetters: sqs.Queue;
  /** Set in buffered mode only. */
  readonly buffers?: Readonly<Record<Kind, BufferQueues>>;
}

/** The queue that a rule sends to, and its own dead-letter queue. */
export interface BufferQueues {
  readonly queue: sqs.Queue;
  readonly deadLetters: sqs.Queue;
}

/** Encrypted with `kmsKeyArn`, else with keys of SQS's own, which cost nothing and need no permission. */
export function createQueues(context: Context): Queues {
  const names = queueNames(context.functionName);
  const days = context.args.queueRetentionDays ?? DEFAULTS.queueRetentionDays;
  const create = (suffix: string, name: string, settings: sqs.QueueArgs = {}) =>
    new sqs.Queue(
      `${context.name}-${suffix}`,
      {
        name,
        messageRetentionSeconds: days * SECONDS_PER_DAY,
        ...(context.args.kmsKeyArn === undefined ? { sqsManagedSseEnabled: true } : { kmsMasterKeyId: context.args.kmsKeyArn }),
        tags: context.args.tags,
        ...settings,
      },
      ofQueues(context),
    );
  const queues = {
    onFailure: create("failures", names.onFailure),
    ruleDeadLetters: create("undelivered", names.ruleDeadLetters),
  };
  allowTlsOnly(context, "failures", queues.onFailure);
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
    allowTlsOnly(context, `${SUFFIXES[kind]}-dead-letters`, deadLetters);
    return { queue, deadLetters };
  };
  return { ...queues, buffers: { requests: buffer("requests"), stateChanges: buffer("stateChanges") } };
}

/** The policy of a queue that no rule sends to; that of the others is with the rules. */
function allowTlsOnly(context: Context, suffix: string, queue: sqs.Queue): void {
  new sqs.QueuePolicy(
    `${context.name}-${suffix}`,
    { queueUrl: queue.url, policy: json(queue.arn.apply(plainQueuePolicy)) },
    ofQueues(context),
  );
}

/** Only this queue may use the dead-letter queue, and its messages can be moved back to this queue. */
function allowOnly(context: Context, kind: Kind, deadLetters: sqs.Queue, queueArn: pulumi.Output<string>): void {
  new sqs.RedriveAllowPolicy(
    `${context.name}-${SUFFIXES[kind]}-dead-letters`,
    {
      queueUrl: deadLetters.url,
      redriveAllowPolicy: json(queueArn.apply((arn) => ({ redrivePermission: "byQueue", sourceQueueArns: [arn] }))),
    },
    ofQueues(context),
  );
}
