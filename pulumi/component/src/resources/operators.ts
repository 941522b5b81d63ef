/** The policies for people who use the command. */

import * as iam from "@pulumi/aws/iam";
import * as pulumi from "@pulumi/pulumi";

import { arnIn } from "../arn";
import { KINDS } from "../buffered";
import { limitOperators } from "../limits";
import { doctorPolicy } from "../policies/doctorPolicy";
import { document, type PolicyDocument } from "../policies/document";
import { SEE_TASK_DEFINITIONS } from "../policies/functionPolicy";
import { atLeast, forManaged } from "../policies/spread";
import { Problems, refuse } from "../problems";
import { type Context, iamName, json, keepsName } from "./context";
import type { FunctionResources } from "./function";
import type { Queues } from "./queues";
import type { Rules } from "./rules";
import type { Scheduling } from "./scheduling";

/** One managed policy, and further ones where one has no room for all names; whoever needs them needs all of them. */
export function createOperatorPolicies(context: Context, whole: pulumi.Output<PolicyDocument>): iam.Policy[] {
  const { name, functionName, args, policies } = context;
  const documents = whole.apply((known) => {
    const needed = forManaged(known, policies.operators);
    const problems = new Problems();
    limitOperators({ documents: needed, managed: policies.operators }, problems);
    refuse(name, problems.list);
    return atLeast(policies.operators, needed, SEE_TASK_DEFINITIONS);
  });
  return Array.from({ length: policies.operators }, (_, n) => {
    const suffix = n === 0 ? "operators" : `operators-${n + 1}`;
    return new iam.Policy(
      `${name}-${suffix}`,
      {
        name: iamName(context, suffix),
        description: `May look after the tasks of ${functionName} with the command start-engines${n === 0 ? "" : `, part ${n + 1}`}`,
        policy: json(documents.apply((known) => known[n] ?? document())),
        tags: args.tags,
      },
      keepsName(context),
    );
  });
}

/** One managed policy: it has room whatever there is. */
export function createDoctorPolicy(context: Context, created: FunctionResources, queues: Queues, scheduling: Scheduling, rules: Rules): iam.Policy {
  const { name, functionName, args, home } = context;
  const buffers = KINDS.flatMap((kind) => {
    const of = queues.buffers?.[kind];
    return of === undefined ? [] : [of.queue, of.deadLetters];
  });
  const all = [queues.onFailure, queues.ruleDeadLetters, ...buffers];
  const policy = pulumi
    .all([
      pulumi.all([home, args.settingsLayerArn, args.kmsKeyArn]),
      pulumi.all([created.function.arn, scheduling.group.name]),
      pulumi.all([rules.requests.arn, rules.stateChange.arn]),
      pulumi.all(all.map((queue) => queue.arn)),
      pulumi.all([created.role.arn, scheduling.laterRole.arn]),
    ])
    .apply(([[scope, layerArn, keyArn], [functionArn, scheduleGroup], ruleArns, queueArns, roleArns]) =>
      doctorPolicy({
        scope,
        functionArn,
        layerArn: layerArn ?? arnIn(scope, "lambda", `layer:${functionName}:*`),
        ruleArns,
        queueArns,
        scheduleGroup,
        roleArns,
        keyArn,
      }),
    );
  return new iam.Policy(
    `${name}-doctor`,
    {
      name: iamName(context, "doctor"),
      description: `May read what start-engines doctor looks at of ${functionName}`,
      policy: json(policy),
      tags: args.tags,
    },
    keepsName(context),
  );
}
