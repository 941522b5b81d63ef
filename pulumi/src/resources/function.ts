/** The function, its role, its log group and what happens to its failures. */

import { readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";

import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as iam from "@pulumi/aws/iam";
import * as lambda from "@pulumi/aws/lambda";
import * as pulumi from "@pulumi/pulumi";

import { DEFAULTS } from "../arguments";
import { eventBusArn } from "../arn";
import { bufferOf, KINDS, SUFFIXES } from "../buffered";
import { addCatalog } from "../bundle";
import { environment, type Later } from "../environment";
import { functionPolicy, functionTrust } from "../policies/functionPolicy";
import { home, type SettledArgs } from "../settled";
import { after, type Context, json } from "./context";
import type { Queues } from "./queues";
import type { Scheduling } from "./scheduling";

/** The function and what it must not be called without. */
export interface FunctionResources {
  readonly function: lambda.Function;
  readonly logGroup: cloudwatch.LogGroup;
  readonly invokeConfig: lambda.FunctionEventInvokeConfig;
  /** In buffered mode, what takes batches from the queues. */
  readonly mappings: readonly lambda.EventSourceMapping[];
}

/** Creates them. */
export function createFunction(context: Context, queues: Queues, scheduling: Scheduling): FunctionResources {
  const { name, functionName, args, settled } = context;
  const logGroup = new cloudwatch.LogGroup(
    name,
    {
      name: `/aws/lambda/${functionName}`,
      retentionInDays: args.logRetentionDays ?? DEFAULTS.logRetentionDays,
      tags: args.tags,
    },
    context.options,
  );
  const role = new iam.Role(
    name,
    {
      description: `The role of the Lambda function ${functionName}`,
      assumeRolePolicy: JSON.stringify(functionTrust()),
      permissionsBoundary: args.permissionsBoundary,
      tags: args.tags,
    },
    context.options,
  );
  const later = laterOf(queues, scheduling);
  const bufferQueueArns = KINDS.flatMap((kind) => queues.buffers?.[kind].queue.arn ?? []);
  const policy = pulumi
    .all([settled, later, logGroup.arn, queues.onFailure.arn, pulumi.all(bufferQueueArns)])
    .apply(([known, { roleArn, scheduleGroup }, logGroupArn, onFailureQueueArn, bufferQueueArns]) =>
      functionPolicy({
        ...policyArgs(known),
        logGroupArn,
        onFailureQueueArn,
        bufferQueueArns,
        scheduleGroup,
        laterRoleArn: roleArn,
      }),
    );
  const rolePolicy = new iam.RolePolicy(name, { role: role.name, policy: json(policy) }, context.options);
  const created = new lambda.Function(
    name,
    {
      name: functionName,
      description: "Attaches standalone ECS tasks to load balancers",
      runtime: "provided.al2023",
      handler: "bootstrap",
      architectures: [args.architecture ?? DEFAULTS.architecture],
      code: settled.apply((known) => bundle(functionName, known)),
      role: role.arn,
      memorySize: args.memorySize ?? DEFAULTS.memorySize,
      timeout: args.timeout ?? DEFAULTS.timeout,
      // -1 is the provider's word for none.
      reservedConcurrentExecutions: args.reservedConcurrency ?? -1,
      environment: { variables: pulumi.all([settled, later]).apply(([known, how]) => environment(known, how, functionName)) },
      tags: args.tags,
    },
    // The policy first, so that no event finds the function without it; the log group, so that Lambda makes none.
    after(context, rolePolicy, logGroup),
  );
  const invokeConfig = new lambda.FunctionEventInvokeConfig(
    name,
    {
      functionName: created.name,
      maximumRetryAttempts: args.invocation?.maximumRetryAttempts ?? DEFAULTS.invocation.maximumRetryAttempts,
      maximumEventAgeInSeconds: args.invocation?.maximumEventAgeSeconds ?? DEFAULTS.invocation.maximumEventAgeSeconds,
      destinationConfig: { onFailure: { destination: queues.onFailure.arn } },
    },
    // Lambda refuses a destination that the role may not send to.
    after(context, rolePolicy),
  );
  const mappings = createMappings(context, created, queues, rolePolicy);
  return { function: created, logGroup, invokeConfig, mappings };
}

/** Of each queue before the function, if there are some, what takes batches from it. */
function createMappings(
  context: Context,
  created: lambda.Function,
  { buffers }: Queues,
  rolePolicy: iam.RolePolicy,
): lambda.EventSourceMapping[] {
  const { name, args } = context;
  const settings = bufferOf(args);
  if (settings === undefined || buffers === undefined) return [];
  return KINDS.map(
    (kind) =>
      new lambda.EventSourceMapping(
        `${name}-${SUFFIXES[kind]}`,
        {
          eventSourceArn: buffers[kind].queue.arn,
          functionName: created.name,
          batchSize: settings[kind].batchSize,
          maximumBatchingWindowInSeconds: settings[kind].maximumBatchingWindowSeconds,
          scalingConfig: { maximumConcurrency: settings[kind].maximumConcurrency },
          functionResponseTypes: ["ReportBatchItemFailures"],
          tags: args.tags,
        },
        // Lambda refuses a queue that the role may not take messages from.
        after(context, rolePolicy),
      ),
  );
}

/** How the function has something done later. */
export function laterOf(queues: Queues, scheduling: Scheduling): pulumi.Output<Later> {
  return pulumi
    .all([scheduling.laterRole.arn, scheduling.group.name, queues.ruleDeadLetters.arn])
    .apply(([roleArn, scheduleGroup, deadLetterQueueArn]): Later => ({ roleArn, scheduleGroup, deadLetterQueueArn }));
}

/** What the policy is computed from, as far as the arguments tell. */
export function policyArgs(args: SettledArgs) {
  return {
    scope: home(args.clusters),
    clusterArns: args.clusters,
    taskFamilies: args.taskFamilies,
    targetGroupArns: Object.values(args.targetGroups).map((group) => group.arn),
    taskRoleArns: args.taskRoles,
    infrastructureRoleArns: args.infrastructureRoles ?? [],
    outcomeEventBusArn: args.outcomeEventBus === undefined ? undefined : eventBusArn(args.outcomeEventBus, home(args.clusters)),
  };
}

/** The zip to deploy: with services, a copy with the catalog in it, beside the one that was packed. */
function bundle(functionName: string, args: SettledArgs): pulumi.asset.FileArchive {
  if (args.services === undefined) return new pulumi.asset.FileArchive(args.code);
  const target = path.join(path.dirname(args.code), `deploy-${functionName}.zip`);
  writeFileSync(target, addCatalog(readFileSync(args.code), catalog(args.services)));
  return new pulumi.asset.FileArchive(target);
}

/** `services.json`. */
export function catalog(services: NonNullable<SettledArgs["services"]>): string {
  return `${JSON.stringify(services, undefined, 2)}\n`;
}
