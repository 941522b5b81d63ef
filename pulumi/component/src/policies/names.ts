/**
 * What the IAM documents name of the arguments: everything in full, or by `iamPrefixes`; and, before all of it is known, how
 * long it can be.
 */

import * as pulumi from "@pulumi/pulumi";

import { DEFAULTS, type IamPrefixesArgs, type StartEnginesArgs } from "../arguments";
import { arnIn, eventBusArn, type Scope, scopeOf } from "../arn";
import { groupArns, home, type SettledArgs } from "../settled";
import { operatorSource } from "../sources";
import type { PlainArgs } from "../withoutResources";
import type { FurtherArgs } from "./furtherStatements";
import { receiveEncrypted } from "./keyPolicy";

/** The arguments that the operators' document is made of. */
export interface OperatorNames extends Pick<SettledArgs, "clusters" | "eventBus" | "kmsKeyArn" | "iamPrefixes"> {
  readonly targetGroups: Readonly<Record<string, { readonly arn: string }>>;
}

/** The arguments that the function's document is made of. */
export interface FunctionNames
  extends Omit<OperatorNames, "eventBus">,
    Pick<SettledArgs, "taskFamilies" | "taskRoles" | "infrastructureRoles" | "outcomeEventBus">,
    FurtherArgs {}

/** These, when they are known. */
export function functionNames(args: PlainArgs): pulumi.Output<FunctionNames> {
  const { clusters, taskFamilies, taskRoles, infrastructureRoles, outcomeEventBus, tracing, kmsKeyArn, vpcConfig, iamPrefixes } = args;
  const targetGroups = groupArns(args);
  const known = pulumi.output({ clusters, taskFamilies, targetGroups, taskRoles, infrastructureRoles, outcomeEventBus, tracing, kmsKeyArn });
  return known.apply((names): FunctionNames => ({ ...names, vpcConfig, iamPrefixes }));
}

/** These, when they are known. */
export function operatorNames(args: PlainArgs): pulumi.Output<OperatorNames> {
  const { clusters, eventBus, kmsKeyArn, iamPrefixes } = args;
  const known = pulumi.output({ clusters, eventBus, kmsKeyArn, targetGroups: groupArns(args) });
  return known.apply((names): OperatorNames => ({ ...names, iamPrefixes }));
}

/** What the operators' document names. */
export function operatorArgs(args: OperatorNames, functionName: string) {
  const scope = home(args.clusters);
  return {
    scope,
    clusterArns: args.clusters,
    targetGroupArns: groupsOf(args, scope),
    busArn: eventBusArn(args.eventBus ?? DEFAULTS.eventBus, scope),
    source: operatorSource(functionName),
    further: receiveEncrypted(args.kmsKeyArn, scope),
  };
}

/** What the function's document names. */
export function policyArgs(args: FunctionNames) {
  const scope = home(args.clusters);
  const prefixes = args.iamPrefixes ?? {};
  const infrastructureRoles = args.infrastructureRoles ?? [];
  return {
    scope,
    clusterArns: args.clusters,
    taskFamilies: prefixes.families ?? args.taskFamilies,
    targetGroupArns: groupsOf(args, scope),
    taskRoleArns: rolesBy(prefixes, args.taskRoles, scope),
    infrastructureRoleArns: rolesBy(prefixes, infrastructureRoles, scope),
    outcomeEventBusArn: args.outcomeEventBus === undefined ? undefined : eventBusArn(args.outcomeEventBus, scope),
  };
}

function groupsOf(args: OperatorNames | FunctionNames, scope: Scope): string[] {
  const prefixes = args.iamPrefixes?.targetGroups;
  if (prefixes === undefined) return Object.values(args.targetGroups).map((group) => group.arn);
  return prefixes.map((prefix) => arnIn(scope, "elasticloadbalancing", `targetgroup/${prefix}/*`));
}

/** The prefixes that some of these roles have: those of the tasks are not passed to ECS itself, nor the other way round. */
function rolesBy({ roles: prefixes }: IamPrefixesArgs, roleArns: readonly string[], scope: Scope): string[] {
  if (prefixes === undefined) return [...roleArns];
  const all = prefixes.map((prefix) => `arn:${scope.partition}:iam::${scope.account}:role/${prefix}`);
  return all.filter((prefix) => roleArns.some((roleArn) => roleArn.startsWith(prefix.slice(0, -1))));
}

/** In place of a scope that is not known: no partition with regions of that name has longer ones. */
const LONGEST_SCOPE: Scope = { partition: "aws-us-gov", region: "ap-southeast-1", account: "111122223333" };
/** https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html */
const MAX_CLUSTER_NAME = 255;
/** https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html */
const MAX_FAMILY = 255;
/** https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html; its id has 16 digits. */
const MAX_GROUP_NAME = 32;
/** https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html */
const MAX_ROLE_NAME = 64;
/** https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateEventBus.html */
const MAX_BUS_NAME = 256;
/** https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id-key-id */
const MAX_KEY_ID = 36;

/**
 * The arguments as the program gives them, with the longest text that AWS allows for each output: the number of policies
 * follows from it, so that a preview and each update have the same, whatever is known. Of a role's path nothing is assumed.
 *
 * Of a list that is an output as a whole, nobody knows how many items it has: it counts for nothing.
 */
export function assumed(args: PlainArgs, given: StartEnginesArgs): FunctionNames & OperatorNames {
  const items: readonly unknown[] = Array.isArray(args.clusters) ? args.clusters : [];
  const firstKnown = items.find((cluster): cluster is string => typeof cluster === "string");
  const scope = (firstKnown === undefined ? undefined : scopeOf(firstKnown)) ?? LONGEST_SCOPE;
  const role = `arn:${scope.partition}:iam::${scope.account}:role/${"x".repeat(MAX_ROLE_NAME)}`;
  const group = arnIn(scope, "elasticloadbalancing", `targetgroup/${"x".repeat(MAX_GROUP_NAME)}/${"0".repeat(16)}`);
  // With `iamPrefixes`, every one of them may be named.
  const prefixes = args.iamPrefixes?.roles?.map((prefix) => `arn:${scope.partition}:iam::${scope.account}:role/${prefix.slice(0, -1)}`);
  const families: readonly unknown[] = Array.isArray(given.taskFamilies) ? given.taskFamilies : [];
  const definitions = families.filter((family) => pulumi.Resource.isInstance(family));
  const groups = Object.entries(args.targetGroups).map(([name, of]) => [name, { arn: text(of.arn, group) }] as const);
  return {
    // There is one at least, whose account and region is that of everything.
    clusters: texts(Array.isArray(args.clusters) ? args.clusters : [undefined], arnIn(scope, "ecs", `cluster/${"x".repeat(MAX_CLUSTER_NAME)}`)),
    taskFamilies: texts(args.taskFamilies, "x".repeat(MAX_FAMILY)),
    targetGroups: Object.fromEntries(groups),
    // Each task definition may bring two.
    taskRoles: prefixes ?? [...texts(given.taskRoles, role), ...definitions.flatMap(() => [role, role])],
    infrastructureRoles: prefixes ?? texts(given.infrastructureRoles, role),
    eventBus: args.eventBus === undefined ? undefined : text(args.eventBus, "x".repeat(MAX_BUS_NAME)),
    outcomeEventBus: args.outcomeEventBus === undefined ? undefined : text(args.outcomeEventBus, "x".repeat(MAX_BUS_NAME)),
    vpcConfig: args.vpcConfig,
    tracing: args.tracing === undefined || args.tracing === "PassThrough" ? undefined : "Active",
    kmsKeyArn: args.kmsKeyArn === undefined ? undefined : text(args.kmsKeyArn, arnIn(scope, "kms", `key/${"x".repeat(MAX_KEY_ID)}`)),
    iamPrefixes: args.iamPrefixes,
  };
}

function text(value: unknown, longest: string): string {
  return typeof value === "string" ? value : longest;
}

function texts(list: unknown, longest: string): string[] {
  return Array.isArray(list) ? list.map((item: unknown) => text(item, longest)) : [];
}
