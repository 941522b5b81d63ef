/** The function, its role, its log group and its on-failure destination. */

import * as cloudwatch from "@pulumi/aws/cloudwatch";
import * as iam from "@pulumi/aws/iam";
import * as lambda from "@pulumi/aws/lambda";
import * as pulumi from "@pulumi/pulumi";

import { DEFAULTS } from "../arguments";
import { arnIn } from "../arn";
import { bufferOf, KINDS, SUFFIXES } from "../buffered";
import { codeOf, packaged } from "../code";
import { environment, environmentArgs, type Later } from "../environment";
import { limitEnvironment, limitRole } from "../limits";
import { document, type PolicyDocument } from "../policies/document";
import { functionPolicy, functionTrust, SEE_TASK_DEFINITIONS } from "../policies/functionPolicy";
import { furtherStatements } from "../policies/furtherStatements";
import { functionNames, policyArgs } from "../policies/names";
import { atLeast, forRole } from "../policies/spread";
import { Problems, refuse } from "../problems";
import { layerFiles, listedArgs } from "../settings";
import { after, afterAll, type Context, iamName, json, keepsName, keepsRole, kept, roleInputs } from "./context";
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
  const { name, functionName, args } = context;
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
    .all([functionNames(args), later, logGroup.arn, queues.onFailure.arn, pulumi.all(bufferQueueArns)])
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
  const permissions = createPolicies(context, role, policy);
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
      // This and the logging always: where the AWS provider is told nothing of them it keeps what was (both are Optional and
      // Computed), so that an argument that is left out again would stay in force:
      // https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/lambda/function.go
      tracingConfig: { mode: args.tracing ?? DEFAULTS.tracing },
      kmsKeyArn: args.kmsKeyArn,
      // The lines are JSON, and stay as the function writes them.
      loggingConfig: { logFormat: "Text", logGroup: args.logGroup ?? logGroupName(functionName) },
      environment: { variables: variables(context, later) },
      tags: args.tags,
    },
    // The policies first, so that no event comes before them; the log group, so that Lambda creates none.
    // And after all arguments, since all of them may have something to do with what it does.
    afterAll(context, role, ...permissions, ...logGroup.made),
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
    after(context, ...permissions),
  );
  const mappings = createMappings(context, created, queues, permissions);
  return { function: created, logGroup, role, invokeConfig, mappings };
}

/**
 * The inline policy, and as many managed ones as there are names for.
 *
 * Each is updated after those that follow it: a name that another one pushes out of a policy is in the next one already. A name
 * that moves to an earlier one is in none for a moment: what is denied then is tried again.
 */
function createPolicies(context: Context, role: iam.Role, whole: pulumi.Output<PolicyDocument>): pulumi.Resource[] {
  const { name, functionName, args, policies } = context;
  const documents = whole.apply((known) => {
    const needed = forRole(known, policies.function);
    const problems = new Problems();
    limitRole({ documents: needed, managed: policies.function }, problems);
    refuse(name, problems.list);
    return atLeast(policies.function + 1, needed, SEE_TASK_DEFINITIONS);
  });
  const documentOf = (n: number) => json(documents.apply((known) => known[n] ?? document()));
  const attached: pulumi.Resource[] = [];
  for (let n = policies.function; n > 0; n -= 1) {
    const suffix = `function-${n + 1}`;
    const managed = new iam.Policy(
      `${name}-${suffix}`,
      {
        name: iamName(context, suffix),
        description: `What ${functionName} may do, part ${n + 1}`,
        policy: documentOf(n),
        tags: args.tags,
      },
      keepsName(context, ...attached),
    );
    const attachment = new iam.RolePolicyAttachment(
      `${name}-${suffix}`,
      { role: role.name, policyArn: managed.arn },
      context.options,
    );
    attached.push(attachment);
  }
  const inline = new iam.RolePolicy(name, { role: role.name, policy: documentOf(0) }, after(context, ...attached));
  return [inline, ...attached];
}

function variables({ name, functionName, args }: Context, later: pulumi.Output<Later>): pulumi.Output<Record<string, string>> {
  return pulumi.all([environmentArgs(args), args.environment, later]).apply(([known, further, how]) => {
    const problems = new Problems();
    const found = environment({ ...known, environment: further }, how, functionName);
    limitEnvironment(found, problems);
    refuse(name, problems.list);
    return found;
  });
}

/** The given log group, or one of the component's own. */
function createLogGroup({ name, functionName, args, home, options }: Context): LogGroup {
  if (args.logGroup !== undefined) {
    const given = pulumi.output(args.logGroup);
    const arn = pulumi.all([given, home]).apply(([known, scope]) => arnIn(scope, "logs", `log-group:${known}`));
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
  permissions: readonly pulumi.Resource[],
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
        after(context, ...permissions),
      ),
  );
}

/** What the function's own one-time schedules need. */
export function laterOf(queues: Queues, scheduling: Scheduling): pulumi.Output<Later> {
  return pulumi
    .all([scheduling.laterRole.arn, scheduling.group.name, queues.ruleDeadLetters.arn])
    .apply(([roleArn, scheduleGroup, deadLetterQueueArn]): Later => ({ roleArn, scheduleGroup, deadLetterQueueArn }));
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
function createLayer({ name, functionName, args, options }: Context): lambda.LayerVersion {
  const code = pulumi.all([listedArgs(args), pulumi.output(args.services)]).apply(([lists, services]) => {
    const files = Object.entries(layerFiles(lists, services, functionName));
    return new pulumi.asset.AssetArchive(Object.fromEntries(files.map(([file, text]) => [file, new pulumi.asset.StringAsset(text)])));
  });
  return new lambda.LayerVersion(
    name,
    { layerName: functionName, description: `Settings and services of ${functionName}`, compatibleRuntimes: [RUNTIME], code },
    options,
  );
}
