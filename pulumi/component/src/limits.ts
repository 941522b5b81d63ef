/** AWS's limits on what is generated from the arguments, checked when all of them are known. */

import { environmentBytes, MAX_ENVIRONMENT_BYTES } from "./environment";
import { Problems } from "./problems";

/** The default quota; AWS raises it to 4096: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html */
export const MAX_PATTERN_CHARACTERS = 2048;
/** All inline policies of a role, without white space: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
export const MAX_POLICY_CHARACTERS = 10_240;
/** A managed policy, without white space: the same page. */
export const MAX_MANAGED_POLICY_CHARACTERS = 6144;

/** What the limits apply to. */
export interface Limited {
  readonly environment: Readonly<Record<string, string>>;
  readonly patterns: readonly object[];
  readonly policies: readonly object[];
  readonly managedPolicies: readonly object[];
}

/** Every limit that is exceeded. */
export function limitProblems(limited: Limited): readonly string[] {
  const problems = new Problems();
  const check = (place: string, size: number, max: number, unit: string, instead: string): void => {
    if (size > max) problems.invalid(place, size, `AWS allows at most ${max} ${unit}: ${instead}`);
  };
  const fewer = "name fewer clusters, families, target groups and sources, and deploy a second function for the rest";
  const bytes = environmentBytes(limited.environment);
  check("the size of the function's environment", bytes, MAX_ENVIRONMENT_BYTES, "bytes", "give fewer or shorter defaults, and less in environment");
  for (const pattern of limited.patterns) {
    check("the size of an event pattern", JSON.stringify(pattern).length, MAX_PATTERN_CHARACTERS, "characters", fewer);
  }
  for (const policy of limited.policies) {
    check("the size of a role's policy", JSON.stringify(policy).length, MAX_POLICY_CHARACTERS, "characters", fewer);
  }
  for (const policy of limited.managedPolicies) {
    check("the size of a managed policy", JSON.stringify(policy).length, MAX_MANAGED_POLICY_CHARACTERS, "characters", fewer);
  }
  return problems.list;
}
