/**
 * Resources in place of the ARNs, names and ids that are asked for: each is replaced by the output that its place takes.
 *
 * A task definition among `taskFamilies` gives its family, and its roles to `taskRoles`.
 */

import * as pulumi from "@pulumi/pulumi";

import type { StartEnginesArgs } from "./arguments";
import { isObject } from "./known";
import type { Problems } from "./problems";

/** A type without the resources that it may have. */
export type WithoutResources<T> = T extends pulumi.Resource
  ? never
  : T extends pulumi.OutputInstance<unknown> | Promise<unknown>
    ? T
    : T extends readonly (infer Item)[]
      ? WithoutResources<Item>[]
      : T extends object
        ? { readonly [Key in keyof T]: WithoutResources<T[Key]> }
        : T;

/** `StartEnginesArgs` with outputs, and without resources. */
export type PlainArgs = WithoutResources<Omit<StartEnginesArgs, "code" | "taskRoles">> &
  Pick<StartEnginesArgs, "code"> & { readonly taskRoles: pulumi.Input<pulumi.Input<string>[]> };

/** What the places take that take no ARN, by the last name in the place. */
const TAKEN: Readonly<Record<string, string>> = {
  taskFamilies: "family",
  subnets: "id",
  securityGroups: "id",
  subnetIds: "id",
  securityGroupIds: "id",
  eventBus: "name",
  logGroup: "name",
  outcomeEventBus: "name",
};

/** The arguments with outputs in place of resources. A resource that has no such output is a problem. */
export function withoutResources(args: StartEnginesArgs, problems: Problems): PlainArgs {
  const replaced = (value: unknown, place: string, name: string): unknown => {
    if (pulumi.Resource.isInstance(value)) return outputOf(value, place, TAKEN[name] ?? "arn", problems);
    if (Array.isArray(value)) return value.map((item: unknown, n) => replaced(item, `${place}[${n}]`, name));
    if (!isObject(value) || isOneValue(value)) return value;
    const inside = (part: unknown, key: string) => {
      const output = replaced(part, `${place}.${key}`, key);
      // A target group as a whole has its ARN, and no load balancer that could be watched.
      return name === "targetGroups" && pulumi.Resource.isInstance(part) ? { arn: output } : output;
    };
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, inside(part, key)]));
  };
  const plain = replaced(args, "args", "") as PlainArgs;
  const more = rolesOf(args.taskFamilies);
  if (more.length === 0) return plain;
  // In JavaScript it may be missing, since the definitions have roles.
  const given = (plain as Partial<PlainArgs>).taskRoles ?? [];
  const roles = pulumi.all([given, pulumi.all(more)]).apply(([own, of]) => {
    // A definition may have none.
    return [...new Set([...own, ...of.filter((role) => role !== undefined && role !== "")])] as string[];
  });
  return { ...plain, taskRoles: roles };
}

function isOneValue(value: unknown): boolean {
  return pulumi.Output.isInstance(value) || value instanceof Promise || pulumi.asset.Archive.isInstance(value);
}

function outputOf(resource: pulumi.Resource, place: string, property: string, problems: Problems): unknown {
  const output = (resource as unknown as Record<string, unknown>)[property];
  if (pulumi.Output.isInstance(output)) return output;
  problems.wrongKind(place, resource, `must be a text, or a resource that has the output ${property}`);
  // Nothing more is found about it, and nothing is made of it.
  return pulumi.output(property);
}

/** The roles of the task definitions among `taskFamilies`. */
function rolesOf(families: unknown): pulumi.Input<string | undefined>[] {
  const definitions = Array.isArray(families) ? families.filter((item: unknown) => pulumi.Resource.isInstance(item)) : [];
  return definitions.flatMap((definition) => {
    const { executionRoleArn, taskRoleArn } = definition as unknown as Record<string, pulumi.Input<string | undefined>>;
    return [executionRoleArn, taskRoleArn];
  });
}
