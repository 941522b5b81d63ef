/** The arguments when everything is known. */

import type * as pulumi from "@pulumi/pulumi";

import { arnIn, type Scope, scopeOf } from "./arn";
import type { PlainArgs } from "./withoutResources";

/** The arguments without outputs. */
export type SettledArgs = pulumi.Unwrap<PlainArgs>;

/** The account and region of all resources: those of the first cluster. */
export function home(clusterArns: readonly string[]): Scope {
  const scope = clusterArns.map(scopeOf).find((found) => found !== undefined);
  if (scope === undefined) throw new Error("no cluster ARN: arguments are used before they are checked");
  return scope;
}

/** The ARN of another resource in the same account and region. */
export function arnAtHome(clusterArns: readonly string[], service: string, resource: string): string {
  return arnIn(home(clusterArns), service, resource);
}
