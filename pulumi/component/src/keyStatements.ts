/** The statements that a customer managed key's own policy needs. */

import * as pulumi from "@pulumi/pulumi";

import type { StartEnginesArgs } from "./arguments";
import type { Scope } from "./arn";
import { KINDS } from "./buffered";
import { keyPolicy } from "./policies/keyPolicy";
import { logGroupName } from "./resources/function";
import { bufferNames, queueNames } from "./resources/queues";
import { home } from "./settled";

/** The arguments of the component that the statements follow from, as it gets them. */
export interface KeyPolicyArgs extends Pick<StartEnginesArgs, "clusters" | "logGroup"> {
  readonly functionName: string;
}

/**
 * What the own policy of a key must have, so that EventBridge and CloudWatch Logs can use it for the component: a policy document
 * as JSON text. It is known before there is a component, whose log group cannot be made without it.
 */
export function kmsKeyPolicyStatements({ functionName, clusters, logGroup }: KeyPolicyArgs): pulumi.Output<string> {
  const arns = Array.isArray(clusters)
    ? clusters.map((cluster) => (pulumi.Resource.isInstance(cluster) ? cluster.arn : cluster))
    : clusters;
  return pulumi.output(arns).apply((known) => keyStatements(functionName, home(known), logGroup));
}

/**
 * The queues of buffered mode are named in any case, so that switching it on needs no other policy first. A log group of one's own
 * has whatever key it has.
 */
export function keyStatements(functionName: string, scope: Scope, logGroup: unknown): string {
  const buffers = KINDS.map((kind) => bufferNames(functionName, kind).queueName);
  const queues = [queueNames(functionName).ruleDeadLetters, ...buffers];
  const ownGroup = logGroup === undefined ? logGroupName(functionName) : undefined;
  return JSON.stringify(keyPolicy({ scope, queueNames: queues, logGroupName: ownGroup }));
}
