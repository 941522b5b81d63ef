/** The names that Pulumi's AWS provider makes where the program gives none: known in a preview already. */

import type { Fields } from "./monitor";

/**
 * The types of the program that get one.
 *
 * https://www.pulumi.com/docs/iac/concepts/resources/names/#autonaming
 */
const NAMED: ReadonlySet<string> = new Set([
  "aws:cloudwatch/eventBus:EventBus",
  "aws:cloudwatch/logGroup:LogGroup",
  "aws:ec2/securityGroup:SecurityGroup",
  "aws:ecs/cluster:Cluster",
  "aws:iam/policy:Policy",
  "aws:iam/role:Role",
  "aws:iam/rolePolicy:RolePolicy",
  "aws:lb/loadBalancer:LoadBalancer",
  "aws:lb/targetGroup:TargetGroup",
  "aws:sns/topic:Topic",
]);

/** In place of the seven random digits. */
const DIGITS = "0123456";

/** The inputs as the provider checks them. */
export function withName(type: string, name: string, inputs: Fields): Fields {
  return NAMED.has(type) && inputs["name"] === undefined ? { ...inputs, name: `${name}-${DIGITS}` } : inputs;
}
