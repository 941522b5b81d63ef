/** The function's environment: the variables of `src/config.rs`. */

import { DEFAULTS, SCHEDULE_SOURCE } from "./arguments";
import type { SettledArgs } from "./settled";

/** Sources whose events are taken: the applications', and the schedules' if there are any. */
export function allowedSources(args: Pick<SettledArgs, "sources" | "schedules" | "reconcileSchedule">): string[] {
  const scheduled = Object.keys(args.schedules ?? {}).length > 0 || args.reconcileSchedule !== undefined;
  return scheduled ? [...args.sources, SCHEDULE_SOURCE] : [...args.sources];
}

/** How the function has something done later. */
export interface Later {
  readonly roleArn: string;
  readonly scheduleGroup: string;
  readonly deadLetterArn: string;
}

/** The variables that are set; the allow-lists and Scheduler's always are. */
export function environment(args: SettledArgs, later: Later): Record<string, string> {
  const defaults = args.defaults ?? {};
  const variables: Record<string, string | undefined> = {
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
    TASK_WAIT_TIMEOUT: args.startTimeoutSeconds?.toString(),
    SCHEDULER_ROLE_ARN: later.roleArn,
    SCHEDULER_GROUP: later.scheduleGroup,
    SCHEDULER_DEAD_LETTER_ARN: later.deadLetterArn,
    OUTCOME_EVENT_BUS: args.outcomeEventBus,
    LOG_LEVEL: args.logLevel ?? DEFAULTS.logLevel,
  };
  const set = Object.entries(variables).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(set);
}

function listed(items: readonly string[] | undefined): string | undefined {
  return items === undefined || items.length === 0 ? undefined : items.join(",");
}
