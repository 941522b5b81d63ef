/** The function's environment: the variables of `src/core/config/mod.rs`. */

import * as pulumi from "@pulumi/pulumi";

import { sharedRates } from "./apiRates";
import { DEFAULTS } from "./arguments";
import { type BufferedBy, bufferOf } from "./buffered";
import { home, type SettledArgs } from "./settled";
import { type AllowLists, commandLists, fileVariables, functionLists, type ListedArgs, listedArgs } from "./settings";
import type { PlainArgs } from "./withoutResources";

/** The arguments that the variables are made of. */
export interface EnvironmentArgs
  extends ListedArgs,
    Pick<SettledArgs, "deployment" | "defaults" | "catalogOnly" | "startTimeoutSeconds" | "healthTimeoutSeconds" | "outcomeEventBus" | "apiRates" | "logLevel">,
    BufferedBy {
  /** Only whether there are any. */
  readonly services?: object | undefined;
}

/** The variables that the function alone has. */
export type FurtherVariables = Pick<SettledArgs, "environment">;

/** These, when they are known. */
export function environmentArgs(args: PlainArgs): pulumi.Output<EnvironmentArgs> {
  const { deployment, defaults, catalogOnly, startTimeoutSeconds, healthTimeoutSeconds, outcomeEventBus, apiRates, logLevel } = args;
  const { buffered, timeout, queueRetentionDays, services } = args;
  const known = pulumi.output({ deployment, defaults, catalogOnly, startTimeoutSeconds, healthTimeoutSeconds, outcomeEventBus, apiRates, logLevel });
  return pulumi
    .all([listedArgs(args), known])
    .apply(([lists, others]): EnvironmentArgs => ({ ...lists, ...others, buffered, timeout, queueRetentionDays, services }));
}

/** What the function's own one-time schedules need. */
export interface Later {
  readonly roleArn: string;
  readonly scheduleGroup: string;
  readonly deadLetterQueueArn: string;
}

/** Names and values together, in bytes: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
export const MAX_ENVIRONMENT_BYTES = 4096;
/** What the component sets, with what the function still reads of former versions: all of it has arguments of its own. */
const OWN: ReadonlySet<string> = new Set([
  "DEPLOYMENT",
  "ECS_CLUSTER",
  "TASK_DEFINITION",
  "TARGET_GROUP_ARN",
  "CONTAINER_PORT",
  "SUBNETS",
  "SECURITY_GROUPS",
  "ALLOWED_CLUSTERS",
  "ALLOWED_TARGET_GROUPS",
  "ALLOWED_TASK_FAMILIES",
  "ALLOWED_SOURCES",
  "SETTINGS_FILE",
  "SERVICES_FILE",
  "CATALOG_ONLY",
  "TASK_WAIT_TIMEOUT",
  "HEALTH_TIMEOUT",
  "SCHEDULER_ROLE_ARN",
  "SCHEDULER_GROUP",
  "SCHEDULER_DEAD_LETTER_QUEUE_ARN",
  "SCHEDULER_DEAD_LETTER_ARN",
  "OUTCOME_EVENT_BUS",
  "API_RATES",
  "LOG_LEVEL",
]);
/** https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime */
const RESERVED: ReadonlySet<string> = new Set([
  "_HANDLER",
  "_X_AMZN_TRACE_ID",
  "AWS_DEFAULT_REGION",
  "AWS_REGION",
  "AWS_EXECUTION_ENV",
  "AWS_LAMBDA_FUNCTION_NAME",
  "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
  "AWS_LAMBDA_FUNCTION_VERSION",
  "AWS_LAMBDA_INITIALIZATION_TYPE",
  "AWS_LAMBDA_LOG_GROUP_NAME",
  "AWS_LAMBDA_LOG_STREAM_NAME",
  "AWS_ACCESS_KEY",
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_LAMBDA_RUNTIME_API",
  "LAMBDA_TASK_ROOT",
  "LAMBDA_RUNTIME_DIR",
]);

/** What is wrong with the name of a further variable. https://docs.aws.amazon.com/lambda/latest/api/API_Environment.html */
export function variableName(name: string): string | undefined {
  if (OWN.has(name)) return "is set by the component, from other arguments";
  if (RESERVED.has(name)) return "is reserved by Lambda, which sets it";
  return /^[A-Za-z][A-Za-z0-9_]+$/.test(name) ? undefined : "a name has at least 2 letters, digits and _, and begins with a letter";
}

/** A list with a name that nothing has: what reads it allows nothing. */
const NOTHING = "in-the-settings-file";

/**
 * The function's variables, with the further ones; the deployment's name, the files and Scheduler's are always set.
 *
 * The allow-lists are in the settings file. Version 0.1 reads the variables alone, and for the moment of an update it has this
 * environment: without lists it would allow everything. So they are still set, and where they do not fit, they allow nothing.
 */
export function environment(args: EnvironmentArgs & FurtherVariables, later: Later, functionName: string): Record<string, string> {
  const variables = given({ ...args.environment, ...fileVariables(args), ...variablesOf(args, later, functionName) });
  const lists = functionLists(args, functionName);
  const whole = { ...variables, ...listed(lists) };
  if (environmentBytes(whole) <= MAX_ENVIRONMENT_BYTES) return whole;
  return { ...variables, ...Object.fromEntries(Object.keys(lists).map((name) => [name, NOTHING])) };
}

/** What Lambda counts. */
export function environmentBytes(variables: Readonly<Record<string, string>>): number {
  return Object.entries(variables).reduce((sum, [name, value]) => sum + Buffer.byteLength(name + value), 0);
}

function variablesOf(args: EnvironmentArgs, later: Later, functionName: string): Record<string, string | undefined> {
  const defaults = args.defaults ?? {};
  const buffer = bufferOf(args);
  return {
    DEPLOYMENT: args.deployment ?? functionName,
    ECS_CLUSTER: defaults.cluster,
    TASK_DEFINITION: defaults.taskDefinition,
    TARGET_GROUP_ARN: defaults.targetGroupArn,
    CONTAINER_PORT: defaults.containerPort?.toString(),
    SUBNETS: joined(defaults.subnets),
    SECURITY_GROUPS: joined(defaults.securityGroups),
    CATALOG_ONLY: args.catalogOnly === true ? "true" : undefined,
    TASK_WAIT_TIMEOUT: args.startTimeoutSeconds?.toString(),
    HEALTH_TIMEOUT: args.healthTimeoutSeconds?.toString(),
    SCHEDULER_ROLE_ARN: later.roleArn,
    SCHEDULER_GROUP: later.scheduleGroup,
    SCHEDULER_DEAD_LETTER_QUEUE_ARN: later.deadLetterQueueArn,
    OUTCOME_EVENT_BUS: args.outcomeEventBus,
    API_RATES: args.apiRates ?? (buffer && sharedRates(buffer)),
    LOG_LEVEL: args.logLevel ?? DEFAULTS.logLevel,
  };
}

/** Variables that the command does not read. `LOG_LEVEL` says which lines `trace` can find. */
const OF_THE_FUNCTION_ALONE = ["API_RATES"];

/** What the command needs of a deployment beside its arguments. */
export interface Deployed {
  readonly functionArn: string;
  readonly ruleDeadLetterQueueUrl: string;
  readonly onFailureQueueUrl: string;
  readonly logGroup: string;
  /** Set in buffered mode only. */
  readonly requestDeadLetterQueueUrl?: string | undefined;
  /** Set in buffered mode only. */
  readonly stateChangeDeadLetterQueueUrl?: string | undefined;
  readonly requestRuleArn: string;
  readonly stateChangeRuleArn: string;
  /** Set in buffered mode only. */
  readonly requestQueueUrl?: string | undefined;
  /** Set in buffered mode only. */
  readonly stateChangeQueueUrl?: string | undefined;
  readonly alarmNames: readonly string[];
}

/** The command's variables: the function's settings, its ARN, its bus, its queues and its log group. */
export function commandEnvironment(
  args: EnvironmentArgs & Pick<SettledArgs, "eventBus">,
  later: Later,
  functionName: string,
  deployed: Deployed,
): Record<string, string> {
  const settings = Object.entries(variablesOf(args, later, functionName)).filter(([name]) => !OF_THE_FUNCTION_ALONE.includes(name));
  return given({
    AWS_REGION: home(args.clusters).region,
    START_ENGINES_FUNCTION: deployed.functionArn,
    START_ENGINES_EVENT_BUS: args.eventBus ?? DEFAULTS.eventBus,
    START_ENGINES_RULE_DEAD_LETTER_QUEUE_URL: deployed.ruleDeadLetterQueueUrl,
    START_ENGINES_ON_FAILURE_QUEUE_URL: deployed.onFailureQueueUrl,
    START_ENGINES_LOG_GROUP: deployed.logGroup,
    START_ENGINES_REQUEST_DEAD_LETTER_QUEUE_URL: deployed.requestDeadLetterQueueUrl,
    START_ENGINES_STATE_CHANGE_DEAD_LETTER_QUEUE_URL: deployed.stateChangeDeadLetterQueueUrl,
    // What `doctor` looks at, beside these.
    START_ENGINES_REQUEST_RULE: deployed.requestRuleArn,
    START_ENGINES_STATE_CHANGE_RULE: deployed.stateChangeRuleArn,
    START_ENGINES_REQUEST_QUEUE_URL: deployed.requestQueueUrl,
    START_ENGINES_STATE_CHANGE_QUEUE_URL: deployed.stateChangeQueueUrl,
    START_ENGINES_ALARMS: deployed.alarmNames.join(","),
    ...Object.fromEntries(settings),
    ...listed(commandLists(args, functionName)),
  });
}

/** The variables that are set. */
function given(variables: Record<string, string | undefined>): Record<string, string> {
  const set = Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(set);
}

/** `export` lines for a shell: `eval "$(pulumi stack output commandEnvironment)"`. */
export function exportLines(variables: Readonly<Record<string, string>>): string {
  const quoted = (value: string) => `'${value.replaceAll("'", `'\\''`)}'`;
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}=${quoted(value)}`)
    .join("\n");
}

function listed(lists: AllowLists): Record<string, string> {
  return Object.fromEntries(Object.entries(lists).map(([name, items]) => [name, items.join(",")]));
}

function joined(items: readonly string[] | undefined): string | undefined {
  return items === undefined || items.length === 0 ? undefined : items.join(",");
}
