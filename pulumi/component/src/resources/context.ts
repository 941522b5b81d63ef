/** Values that all parts of the component use. */

import { createHash } from "node:crypto";

import * as pulumi from "@pulumi/pulumi";

import type { Scope } from "../arn";
import type { PolicyCounts } from "../policies/plan";
import type { SettledArgs } from "../settled";
import type { PlainArgs } from "../withoutResources";

/** One component's arguments and names. */
export interface Context {
  /** The component's name, with which the logical names of all children begin. */
  readonly name: string;
  /** The function's name, with which the children's physical names begin. */
  readonly functionName: string;
  /** The component's URN. */
  readonly urn: pulumi.Output<string>;
  /** The region of all resources, which a preview knows. */
  readonly region: pulumi.Output<string>;
  /** Sound: an output among them fails if its value is wrong. */
  readonly args: PlainArgs;
  /** How many managed policies there are. */
  readonly policies: PolicyCounts;
  /** The account and region of all resources. */
  readonly home: pulumi.Output<Scope>;
  /** All arguments when all are known, and go together: what comes after it waits for everything. */
  readonly whole: pulumi.Output<SettledArgs>;
  /** The parent, and what is checked before any resource; each resource waits besides only for what it is made of. */
  readonly options: pulumi.CustomResourceOptions & { readonly dependsOn: pulumi.Output<pulumi.Resource[]> };
}

/**
 * A name of IAM, which has one set for all regions of an account: it begins with the function's name, and the end, which
 * follows from the region and the component's URN, tells regions, stacks and components apart. A stack may have the same name,
 * and its component the same URN, in a backend or an organization of another region.
 *
 * What has a name keeps it (`keepsName`): a renamed policy would be another one, and no longer attached to anything. So would
 * one with another description: https://docs.aws.amazon.com/IAM/latest/APIReference/API_Policy.html
 */
export function iamName({ functionName, urn, region }: Context, suffix?: string): pulumi.Output<string> {
  const begin = suffix === undefined ? functionName : `${functionName}-${suffix}`;
  const end = pulumi
    .all([urn, region])
    .apply((place) => createHash("sha256").update(place.join(" ")).digest("hex").slice(0, END_LENGTH));
  return pulumi.interpolate`${begin}-${end}`;
}

/** The options of a resource with such a name, after these. */
export function keepsName(context: Context, ...first: pulumi.Resource[]): pulumi.CustomResourceOptions {
  return { ...after(context, ...first), ignoreChanges: ["name", "description"] };
}

/** Name and path of a role, and its permissions boundary. */
export function roleInputs(context: Context, suffix?: string) {
  const { roleNamePrefix, rolePath, permissionsBoundary } = context.args;
  const name = iamName(context, suffix).apply((known) => `${roleNamePrefix ?? ""}${known}`);
  return { name, path: rolePath, permissionsBoundary };
}

/** A role keeps its path, too: with another it would be made anew, and while the old one is there its name is taken in all paths. */
export function keepsRole(context: Context): pulumi.CustomResourceOptions {
  return { ...context.options, ignoreChanges: ["name", "path"] };
}

const END_LENGTH = 7;

/** The longest end of a role's name. */
export const LONGEST_ROLE_END = "-schedules-".length + END_LENGTH;

/** What is kept when Pulumi would delete it. */
export function kept({ keep }: PlainArgs): { readonly queues: boolean; readonly logs: boolean } {
  if (typeof keep !== "object") return { queues: keep === true, logs: keep === true };
  return { queues: keep.queues === true, logs: keep.logs === true };
}

/** The options of a queue, and of what a queue that is kept must not lose. */
export function ofQueues(context: Context): pulumi.CustomResourceOptions {
  return kept(context.args).queues ? { ...context.options, retainOnDelete: true } : context.options;
}

/** The context's options, with a dependency on these resources. */
export function after(context: Context, ...resources: pulumi.Resource[]): pulumi.CustomResourceOptions {
  return { ...context.options, dependsOn: context.options.dependsOn.apply((first) => [...first, ...resources]) };
}

/** The same, and after all arguments: of which a preview does not know all. */
export function afterAll(context: Context, first: pulumi.Resource, ...others: pulumi.Resource[]): pulumi.CustomResourceOptions {
  const { dependsOn } = context.options;
  const resources = [first, ...others].map((resource) => dependsOn.apply(() => resource));
  return { ...context.options, dependsOn: [...resources, context.whole.apply(() => first)] };
}

/** A document as JSON text. */
export function json(value: pulumi.Output<object>): pulumi.Output<string> {
  return value.apply((known) => JSON.stringify(known));
}
