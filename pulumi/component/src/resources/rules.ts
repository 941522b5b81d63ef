/** The two rules with their targets, and their permissions for the function and the queues. */

import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as lambda from "@pulumi/aws/lambda";
import * as sqs from "@pulumi/aws/sqs";
import * as pulumi from "@pulumi/pulumi";

import { DEFAULTS } from "../arguments";
import { bufferOf, type Kind, SUFFIXES } from "../buffered";
import { requestPattern, stateChangePattern } from "../eventPatterns";
import { limitRequestPattern } from "../limits";
import type { PolicyDocument } from "../policies/document";
import { bufferQueuePolicy, ruleDeadLetterQueuePolicy } from "../policies/queuePolicy";
import { Problems, refuse } from "../problems";
import { heardSources } from "../sources";
import { after, type Context, json, ofQueues } from "./context";
import type { FunctionResources } from "./function";
import type { Queues } from "./queues";

/** AWS's own events are on this bus only. */
const STATE_CHANGE_BUS = "default";

/** A rule, and the queue that it sends to in buffered mode. */
interface Side {
  readonly suffix: string;
  readonly bus: pulumi.Input<string>;
  readonly of: cloudwatch.EventRule;
  readonly kind: Kind;
}

/** Both rules. */
export interface Rules {
  readonly requests: cloudwatch.EventRule;
  readonly stateChange: cloudwatch.EventRule;
  readonly targets: readonly cloudwatch.EventTarget[];
}

function soundRequestPattern({ name, functionName, args }: Context, sources: string[]): object {
  const problems = new Problems();
  const pattern = requestPattern(heardSources({ ...args, sources }, functionName));
  limitRequestPattern(pattern, problems);
  refuse(name, problems.list);
  return pattern;
}

/** Creates both rules with their targets. */
export function createRules(
  context: Context,
  created: FunctionResources,
  queues: Queues,
  laterPolicy: pulumi.Resource,
): Rules {
  const { name, functionName, args } = context;
  const rule = (suffix: string, description: string, bus: pulumi.Input<string>, pattern: pulumi.Output<object>) =>
    new cloudwatch.EventRule(
      `${name}-${suffix}`,
      {
        name: `${functionName}-${suffix}`,
        description,
        eventBusName: bus,
        eventPattern: json(pattern),
        tags: args.tags,
      },
      context.options,
    );
  const requestBus = args.eventBus ?? DEFAULTS.eventBus;
  const requests = rule(
    "requests",
    "Requests of applications, operators and schedules, to start-engines",
    requestBus,
    pulumi.output(args.sources).apply((sources) => soundRequestPattern(context, sources)),
  );
  const stateChange = rule(
    "state-change",
    "State changes of the tasks that start-engines has started, to start-engines",
    STATE_CHANGE_BUS,
    pulumi.output(args.clusters).apply(stateChangePattern),
  );
  const queuePolicy = (suffix: string, queue: sqs.Queue, policy: pulumi.Output<PolicyDocument>) =>
    new sqs.QueuePolicy(`${name}-${suffix}`, { queueUrl: queue.url, policy: json(policy) }, ofQueues(context));
  const permission = (suffix: string, of: cloudwatch.EventRule) =>
    new lambda.Permission(
      `${name}-${suffix}`,
      {
        statementId: `${functionName}-${suffix}`,
        action: "lambda:InvokeFunction",
        function: created.function.name,
        principal: "events.amazonaws.com",
        sourceArn: of.arn,
      },
      context.options,
    );
  const deadLetterPolicy = pulumi
    .all([queues.ruleDeadLetters.arn, requests.arn, stateChange.arn])
    .apply(([queueArn, ...ruleArns]) => ruleDeadLetterQueuePolicy(queueArn, ruleArns));
  const deadLettersAllowed = queuePolicy("undelivered", queues.ruleDeadLetters, deadLetterPolicy);
  const isDrained = bufferOf(args)?.drain === true;
  const sides: readonly Side[] = [
    { suffix: "requests", bus: requestBus, of: requests, kind: "requests" },
    { suffix: "state-change", bus: STATE_CHANGE_BUS, of: stateChange, kind: "stateChanges" },
  ];
  const targets = sides.map(({ suffix, bus, of, kind }) => {
    const queue = queues.buffers?.[kind].queue;
    const bufferPolicy =
      queue &&
      queuePolicy(
        SUFFIXES[kind],
        queue,
        pulumi.all([queue.arn, of.arn]).apply(([queueArn, ruleArn]) => bufferQueuePolicy(queueArn, ruleArn)),
      );
    const buffer = isDrained ? undefined : queue;
    // The queue's own policy allows the rule; only a rule that invokes the function needs a permission.
    const allowed = buffer === undefined ? permission(suffix, of) : undefined;
    const first = [allowed, bufferPolicy, ...created.mappings].filter((resource) => resource !== undefined);
    return new cloudwatch.EventTarget(
      `${name}-${suffix}`,
      {
        rule: of.name,
        eventBusName: bus,
        // The same id if the target is the queue: changing the mode updates one target, so no event has two targets or none.
        targetId: "function",
        arn: buffer?.arn ?? created.function.arn,
        retryPolicy: {
          maximumRetryAttempts: args.delivery?.maximumRetryAttempts ?? DEFAULTS.delivery.maximumRetryAttempts,
          maximumEventAgeInSeconds: args.delivery?.maximumEventAgeSeconds ?? DEFAULTS.delivery.maximumEventAgeSeconds,
        },
        deadLetterConfig: { arn: queues.ruleDeadLetters.arn },
      },
      // Created last and deleted first: no event comes while the function, a queue or a permission is missing.
      after(context, deadLettersAllowed, created.invokeConfig, laterPolicy, ...first),
    );
  });
  return { requests, stateChange, targets };
}
