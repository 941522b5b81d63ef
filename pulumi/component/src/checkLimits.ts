/** AWS's limits on what is generated from arguments that are known at once: refused before anything is registered. */

import { environment, type EnvironmentArgs } from "./environment";
import { requestPattern } from "./eventPatterns";
import { hasUnknown, isObject } from "./known";
import { limitEnvironment, limitOperators, limitRequestPattern, limitRole } from "./limits";
import type { FunctionNames, OperatorNames } from "./policies/names";
import { functionPolicyOf, operatorPolicyOf, ownOf, type PolicyCounts } from "./policies/plan";
import { forManaged, forRole } from "./policies/spread";
import type { Problems } from "./problems";
import { home } from "./settled";
import { heardSources } from "./sources";

/** What a document is made of, by name. */
const OF_OWN = ["tracing", "kmsKeyArn", "logGroup", "rolePath"];
const OF_ROLE = ["clusters", "taskFamilies", "targetGroups", "taskRoles", "infrastructureRoles", "outcomeEventBus", ...OF_OWN];
const OF_OPERATORS = ["clusters", "targetGroups", "eventBus", "kmsKeyArn"];
/** Everything that the function's variables may hold; the catalog is none of it. */
const OF_NO_VARIABLE = ["services", "schedules", "alarms", "tags", "code"];

/** `before` is what is known of the arguments, and sound; what is made of the rest is checked when that is known. */
export function checkLimits(before: unknown, functionName: string, counts: PolicyCounts, problems: Problems): void {
  if (!isObject(before)) return;
  const args: Record<string, unknown> = { ...before, targetGroups: withoutBalancers(before["targetGroups"]) };
  const areKnown = (names: readonly string[]) => names.every((name) => !hasUnknown(args[name]));
  const own = ownOf(args, functionName);
  if (areKnown(OF_ROLE)) {
    const documents = forRole(functionPolicyOf(args as unknown as FunctionNames, own), counts.function);
    limitRole({ documents, managed: counts.function }, problems);
  }
  if (areKnown(OF_OPERATORS)) {
    const documents = forManaged(operatorPolicyOf(args as unknown as OperatorNames, own), counts.operators);
    limitOperators({ documents, managed: counts.operators }, problems);
  }
  const variable = args as unknown as EnvironmentArgs;
  if (areKnown(["sources"])) limitRequestPattern(requestPattern(heardSources(variable, functionName)), problems);
  if (areKnown(Object.keys(args).filter((name) => !OF_NO_VARIABLE.includes(name)))) {
    const { account, partition, region } = home(variable.clusters);
    const later = {
      roleArn: `arn:${partition}:iam::${account}:role${own.rolePrefix}${functionName}-later-0000000`,
      scheduleGroup: functionName,
      deadLetterQueueArn: `arn:${partition}:sqs:${region}:${account}:${functionName}-undelivered`,
    };
    limitEnvironment(environment(variable, later, functionName), problems);
  }
}

/** A group's load balancer is in no document of these. */
function withoutBalancers(groups: unknown): unknown {
  if (!isObject(groups)) return groups;
  return Object.fromEntries(Object.entries(groups).map(([name, group]) => [name, { arn: isObject(group) ? group["arn"] : group }]));
}
