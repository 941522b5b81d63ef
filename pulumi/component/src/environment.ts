/** The function's environment: the variables of `src/core/config/mod.rs`. */

import { sharedRates } from "./apiRates";
import { DEFAULTS, OPERATOR_SOURCE, SCHEDULE_SOURCE } from "./arguments";
import { bufferOf } from "./buffered";
import { reconcileExpression } from "./schedules";
import { home, type SettledArgs } from "./settled";

/** The sources whose requests the function accepts: applications, operators, and schedules if there are any. */
export function allowedSources(args: Pick<SettledArgs, "sources" | "schedules" | "reconcileSchedule">): string[] {
  const scheduled = Object.keys(args.schedules ?? {}).length > 0 || reconcileExpression(args) !== undefined;
  return [...args.sources, OPERATOR_SOURCE, ...(scheduled ? [SCHEDULE_SOURCE] : [])];
}

/** What the function's own one-time schedules need. */
export interface Later {
  readonly roleArn: string;
  readonly scheduleGroup: string;
  readonly deadLetterQueueArn: string;
}

/** The function's variables; the deployment's name, the allow-lists and Scheduler's are always set. */
export function environment(args: SettledArgs, later: Later, functionName: string): Record<string, string> {
  const defaults = args.defaults ?? {};
  const buffer = bufferOf(args);
  return given({
    DEPLOYMENT: args.deployment ?? functionName,
    ECS_CLUSTER: defaults.cluster,
    TASK_DEFINITION: defaults.taskDefinition,
    TARGET_GROUP_ARN: defaults.targetGroupArn,
    CONTAINER_PORT: defaults.containerPort?.toString(),
    SUBNETS: listed(defaults.subnets),
    SECURITY_GROUPS: listed(defaults.securityGroups),
    ALLOWED_CLUSTERS: listed(args.clusters),
    ALLOWED_TARGET_GROUPS: listed(Object.values(args.targetGroups).map((group) => group.arn)),
    ALLOWED_TASK_FAMILIES: listed(args.taskFamilies),
    ALLOWED_SOURCES: listed(allowedSources(args)),
    CATALOG_ONLY: args.catalogOnly === true ? "true" : undefined,
    TASK_WAIT_TIMEOUT: args.startTimeoutSeconds?.toString(),
    SCHEDULER_ROLE_ARN: later.roleArn,
    SCHEDULER_GROUP: later.scheduleGroup,
    SCHEDULER_DEAD_LETTER_QUEUE_ARN: later.deadLetterQueueArn,
    OUTCOME_EVENT_BUS: args.outcomeEventBus,
    API_RATES: args.apiRates ?? (buffer && sharedRates(buffer)),
    LOG_LEVEL: args.logLevel ?? DEFAULTS.logLevel,
  });
}

/** Variables that the command does not read. */
const OF_THE_FUNCTION_ALONE = ["LOG_LEVEL", "API_RATES"];

/** What the command needs of a deployment beside its arguments. */
export interface Deployed {
  readonly functionArn: string;
  readonly ruleDeadLetterQueueUrl: string;
  readonly onFailureQueueUrl: string;
  /** Set in buffered mode only. */
  readonly requestDeadLetterQueueUrl?: string | undefined;
  /** Set in buffered mode only. */
  readonly stateChangeDeadLetterQueueUrl?: string | undefined;
}

/** The command's variables: the function's settings, its ARN, its bus and its queues. */
export function commandEnvironment(
  args: SettledArgs,
  later: Later,
  functionName: string,
  deployed: Deployed,
): Record<string, string> {
  const settings = Object.entries(environment(args, later, functionName)).filter(([name]) => !OF_THE_FUNCTION_ALONE.includes(name));
  return given({
    AWS_REGION: home(args.clusters).region,
    START_ENGINES_FUNCTION: deployed.functionArn,
    START_ENGINES_EVENT_BUS: args.eventBus ?? DEFAULTS.eventBus,
    START_ENGINES_RULE_DEAD_LETTER_QUEUE_URL: deployed.ruleDeadLetterQueueUrl,
    START_ENGINES_ON_FAILURE_QUEUE_URL: deployed.onFailureQueueUrl,
    START_ENGINES_REQUEST_DEAD_LETTER_QUEUE_URL: deployed.requestDeadLetterQueueUrl,
    START_ENGINES_STATE_CHANGE_DEAD_LETTER_QUEUE_URL: deployed.stateChangeDeadLetterQueueUrl,
    ...Object.fromEntries(settings),
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

function listed(items: readonly string[] | undefined): string | undefined {
  return items === undefined || items.length === 0 ? undefined : items.join(",");
}
