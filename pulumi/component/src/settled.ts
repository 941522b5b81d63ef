/** The arguments when what they are used for is known. */

import * as pulumi from "@pulumi/pulumi";

import { type Scope, scopeOf } from "./arn";
import type { PlainArgs } from "./withoutResources";

/** The arguments without outputs. */
export type SettledArgs = pulumi.Unwrap<PlainArgs>;

/** The account and region of all resources: those of the first cluster. */
export function home(clusterArns: readonly string[]): Scope {
  const scope = clusterArns.map(scopeOf).find((found) => found !== undefined);
  if (scope === undefined) throw new Error("no cluster ARN: arguments are used before they are checked");
  return scope;
}

/** The same, as soon as it is known: at once if the ARN of any cluster is, since all are at home there. */
export function homeOf({ clusters }: Pick<PlainArgs, "clusters">): pulumi.Output<Scope> {
  if (!Array.isArray(clusters)) return pulumi.output(clusters).apply(home);
  const items: readonly pulumi.Input<string>[] = clusters;
  const atOnce = items.find((cluster) => typeof cluster === "string") ?? items[0];
  return pulumi.output(atOnce).apply((cluster) => home(cluster === undefined ? [] : [cluster]));
}

/** The target groups without their load balancers, which only alarms and charts ask for. */
export function groupArns(args: Pick<PlainArgs, "targetGroups">): Record<string, { readonly arn: pulumi.Input<string> }> {
  return Object.fromEntries(Object.entries(args.targetGroups).map(([name, { arn }]) => [name, { arn }]));
}
