/** The function, its role, its log group and its on-failure destination. */

import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as iam from "@pulumi/aws/iam";
import * as lambda from "@pulumi/aws/lambda";
import * as pulumi from "@pulumi/pulumi";

import { DEFAULTS } from "../arguments";
import { eventBusArn } from "../arn";
import { bufferOf, KINDS, SUFFIXES } from "../buffered";
import { codeOf, packaged } from "../code";
import { environment, type Later } from "../environment";
import { functionPolicy, functionTrust } from "../policies/functionPolicy";
import { furtherStatements } from "../policies/furtherStatements";
import { arnAtHome, home, type SettledArgs } from "../settled";
import { catalogText, FILES, settingsText } from "../settings";
import { after, type Context, json, keepsRole, kept, roleInputs } from "./context";
import type { Queues } from "./queues";
import type { Scheduling } from "./scheduling";

/** The function, and what must exist before its first event. */
export interface FunctionResources {
  readonly function: lambda.Function;
  /** The component's own one, or the one that was given. */
  readonly logGroup: LogGroup;
  readonly role: iam.Role;
  readonly invokeConfig: lambda.FunctionEventInvokeConfig;
  /** In buffered mode, the event source mappings of the queues. */
  readonly mappings: readonly lambda.EventSourceMapping[];
}

/** The name of the component's log group: the one that Lambda would make. */
export function logGroupName(functionName: string): string {
  return `/aws/lambda/${functionName}`;
}

/** A log group by name and ARN, and the resource if the component makes it. */
interface LogGroup {
  readonly name: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;
  readonly made: readonly cloudwatch.LogGroup[];
}

const RUNTIME = "provided.al2023";

/** Creates the function and its resources. */
export function createFunction(context: Context, queues: Queues, scheduling: Scheduling): FunctionResources {
  const { name, functionName, args, settled } = context;
  const logGroup = createLogGroup(context);
  const role = new iam.Role(
    name,
    {
      ...roleInputs(context),
      description: `The role of the Lambda function ${functionName}`,
      assumeRolePolicy: JSON.stringify(functionTrust()),
      tags: args.tags,
    },
    keepsRole(context),
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
        further: furtherStatements(known, functionName),
      }),
    );
  const rolePolicy = new iam.RolePolicy(name, { role: role.name, policy: json(policy) }, context.options);
  const created = new lambda.Function(
    name,
    {
      name: functionName,
      description: "Attaches standalone ECS tasks to load balancers",
      runtime: RUNTIME,
      layers: [args.settingsLayerArn ?? createLayer(context).arn],
      codeSigningConfigArn: args.codeSigningConfigArn,
      handler: "bootstrap",
      architectures: [args.architecture ?? DEFAULTS.architecture],
      ...codeInputs(context),
      role: role.arn,
      memorySize: args.memorySize ?? DEFAULTS.memorySize,
      timeout: args.timeout ?? DEFAULTS.timeout,
      // The provider's value for no reserved concurrency.
      reservedConcurrentExecutions: args.reservedConcurrency ?? -1,
      vpcConfig: args.vpcConfig,
      tracingConfig: args.tracing === undefined ? undefined : { mode: args.tracing },
      kmsKeyArn: args.kmsKeyArn,
      // Without it Lambda writes to the group of the function's name. The lines are JSON, and stay as the function writes them.
      loggingConfig: args.logGroup === undefined ? undefined : { logFormat: "Text", logGroup: args.logGroup },
      environment: { variables: pulumi.all([settled, later]).apply(([known, how]) => environment(known, how, functionName)) },
      tags: args.tags,
    },
    // The policy first, so that no event comes before it; the log group, so that Lambda creates none.
    after(context, rolePolicy, ...logGroup.made),
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
  return { function: created, logGroup, role, invokeConfig, mappings };
}

/** The given log group, or one of the component's own. */
function createLogGroup({ name, functionName, args, settled, options }: Context): LogGroup {
  if (args.logGroup !== undefined) {
    const given = pulumi.output(args.logGroup);
    const arn = pulumi.all([given, settled]).apply(([known, all]) => arnAtHome(all.clusters, "logs", `log-group:${known}`));
    return { name: given, arn, made: [] };
  }
  const made = new cloudwatch.LogGroup(
    name,
    {
      name: logGroupName(functionName),
      retentionInDays: args.logRetentionDays ?? DEFAULTS.logRetentionDays,
      kmsKeyId: args.kmsKeyArn,
      skipDestroy: kept(args).logs ? true : undefined,
      tags: args.tags,
    },
    options,
  );
  return { name: made.name, arn: made.arn, made: [made] };
}

/** In buffered mode, the event source mapping of each queue. */
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
        // Lambda refuses a queue that the role may not receive messages from.
        after(context, rolePolicy),
      ),
  );
}

/** What the function's own one-time schedules need. */
export function laterOf(queues: Queues, scheduling: Scheduling): pulumi.Output<Later> {
  return pulumi
    .all([scheduling.laterRole.arn, scheduling.group.name, queues.ruleDeadLetters.arn])
    .apply(([roleArn, scheduleGroup, deadLetterQueueArn]): Later => ({ roleArn, scheduleGroup, deadLetterQueueArn }));
}

/** The inputs of the policy that come from the arguments. */
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

/** The function's code, in the terms of `aws.lambda.Function`: the packed one as it is. */
function codeInputs({ args }: Context): Pick<lambda.FunctionArgs, "code" | "s3Bucket" | "s3Key" | "s3ObjectVersion"> {
  const code = codeOf(args.code);
  if ("s3" in code) return code.s3;
  if ("archive" in code) return { code: code.archive };
  const zip = pulumi.output(args.architecture).apply((known) => code.path ?? packaged(known ?? DEFAULTS.architecture));
  return { code: zip.apply((file) => new pulumi.asset.FileArchive(file)) };
}

/** The layer with the settings file and the catalog. Each change is a new version, which the function takes in the same update. */
function createLayer({ name, functionName, settled, options }: Context): lambda.LayerVersion {
  const code = settled.apply(
    (known) =>
      new pulumi.asset.AssetArchive({
        [FILES.settings]: new pulumi.asset.StringAsset(settingsText(known, functionName)),
        ...(known.services && { [FILES.services]: new pulumi.asset.StringAsset(catalogText(known.services)) }),
      }),
  );
  return new lambda.LayerVersion(
    name,
    { layerName: functionName, description: `Settings and services of ${functionName}`, compatibleRuntimes: [RUNTIME], code },
    options,
  );
}
