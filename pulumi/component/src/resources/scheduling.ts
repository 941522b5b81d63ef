/** EventBridge Scheduler: the schedules of the arguments, and the group and role of the function's own schedules. */

import * as iam from "@pulumi/aws/iam";
import * as scheduler from "@pulumi/aws/scheduler";
import * as pulumi from "@pulumi/pulumi";

import { DEFAULTS } from "../arguments";
import { eventBusArn } from "../arn";
import { RECONCILE_DETAIL_TYPE, START_DETAIL_TYPE, STOP_DETAIL_TYPE } from "../eventPatterns";
import type { PolicyDocument } from "../policies/document";
import { sendEncrypted } from "../policies/keyPolicy";
import { laterPolicy, schedulerPolicy, schedulerTrust } from "../policies/schedulerPolicy";
import { reconcileDetail, reconcileExpression, RETRIED_FOR, startDetail, stopDetail } from "../schedules";
import { scheduleSource } from "../sources";
import { after, type Context, json, keepsRole, roleInputs } from "./context";
import type { FunctionResources } from "./function";
import type { Queues } from "./queues";
import type { Rules } from "./rules";

/** As many as Scheduler makes; the time ends them. */
const MAX_ATTEMPTS = 185;

/** The group of all schedules, and the role of the function's own ones. */
export interface Scheduling {
  /** The group of all schedules, so that they are deleted with the stack. */
  readonly group: scheduler.ScheduleGroup;
  /** The role with which Scheduler invokes the function. */
  readonly laterRole: iam.Role;
}

/** Creates the group and the role; `allowLater` adds the role's policy when the function exists. */
export function createScheduling(context: Context): Scheduling {
  const { name, functionName, args } = context;
  const group = new scheduler.ScheduleGroup(name, { name: functionName, tags: args.tags }, context.options);
  const laterRole = role(context, group, "later", `Invokes ${functionName} by its one-time schedules`);
  return { group, laterRole };
}

/** Allows Scheduler to invoke the function. */
export function allowLater(
  context: Context,
  scheduling: Scheduling,
  created: FunctionResources,
  queues: Queues,
): iam.RolePolicy {
  const policy = pulumi
    .all([created.function.arn, queues.ruleDeadLetters.arn, context.args.kmsKeyArn, context.home])
    .apply(([functionArn, queueArn, keyArn, scope]) => laterPolicy(functionArn, queueArn, sendEncrypted(keyArn, scope)));
  return rolePolicy(context, scheduling.laterRole, "later", policy);
}

/** Creates the schedules of the arguments with their own role; nothing without schedules. */
export function createSchedules(context: Context, scheduling: Scheduling, queues: Queues, rules: Rules): void {
  const { name, functionName, args, home } = context;
  const schedules = Object.entries(args.schedules ?? {});
  const reconcile = reconcileExpression(args);
  const detailTypes = [
    ...(schedules.length === 0 ? [] : [START_DETAIL_TYPE, STOP_DETAIL_TYPE]),
    ...(reconcile === undefined ? [] : [RECONCILE_DETAIL_TYPE]),
  ];
  if (detailTypes.length === 0) return;
  const source = scheduleSource(functionName);
  const busArn = pulumi.all([args.eventBus ?? DEFAULTS.eventBus, home]).apply(([bus, scope]) => eventBusArn(bus, scope));
  const sender = role(context, scheduling.group, "schedules", `Sends the events of the schedules of ${functionName}`);
  const policy = pulumi
    .all([busArn, queues.ruleDeadLetters.arn, args.kmsKeyArn, home])
    .apply(([bus, queueArn, keyArn, scope]) => schedulerPolicy(bus, source, detailTypes, queueArn, sendEncrypted(keyArn, scope)));
  const allowed = rolePolicy(context, sender, "schedules", policy);
  const schedule = (suffix: string, of: Sending) =>
    new scheduler.Schedule(
      `${name}-${suffix}`,
      {
        name: suffix,
        groupName: scheduling.group.name,
        description: of.description,
        scheduleExpression: of.expression,
        scheduleExpressionTimezone: of.timezone ?? DEFAULTS.timezone,
        flexibleTimeWindow: { mode: "OFF" },
        target: {
          arn: busArn,
          roleArn: sender.arn,
          eventbridgeParameters: { detailType: of.detailType, source: source },
          input: json(pulumi.output(of.detail)),
          retryPolicy: {
            maximumRetryAttempts: MAX_ATTEMPTS,
            maximumEventAgeInSeconds: of.retriedFor,
          },
          deadLetterConfig: { arn: queues.ruleDeadLetters.arn },
        },
      },
      // What it sends is heard, and allowed. A rate begins at once.
      after(context, allowed, ...rules.targets),
    );
  for (const [scheduleName, scheduleArgs] of schedules) {
    const { service, start, stop, timezone } = scheduleArgs;
    if (start !== undefined) {
      schedule(`${scheduleName}-start`, {
        description: `Starts ${service}`,
        expression: start,
        timezone,
        detailType: START_DETAIL_TYPE,
        detail: startDetail(functionName, scheduleName, scheduleArgs, args.services?.[service]?.maxAgeSeconds),
        retriedFor: RETRIED_FOR.start,
      });
    }
    if (stop !== undefined) {
      schedule(`${scheduleName}-stop`, {
        description: `Stops ${service}`,
        expression: stop,
        timezone,
        detailType: STOP_DETAIL_TYPE,
        detail: stopDetail(scheduleName, scheduleArgs),
        retriedFor: RETRIED_FOR.stop,
      });
    }
  }
  if (reconcile !== undefined) {
    schedule("reconcile", {
      description: "Compares tasks with targets, and repairs",
      expression: reconcile,
      timezone: undefined,
      detailType: RECONCILE_DETAIL_TYPE,
      detail: reconcileDetail(),
      retriedFor: RETRIED_FOR.reconcile,
    });
  }
}

/** One schedule: its event and its times. */
interface Sending {
  readonly description: string;
  readonly expression: pulumi.Input<string>;
  readonly timezone: pulumi.Input<string> | undefined;
  readonly detailType: string;
  readonly detail: pulumi.Input<object>;
  /** In seconds. */
  readonly retriedFor: number;
}

function role(context: Context, group: scheduler.ScheduleGroup, suffix: string, description: string): iam.Role {
  const { name, args, home } = context;
  const trust = pulumi.all([group.arn, home]).apply(([groupArn, { account }]) => schedulerTrust(groupArn, account));
  return new iam.Role(
    `${name}-${suffix}`,
    {
      ...roleInputs(context, suffix),
      description,
      assumeRolePolicy: json(trust),
      tags: args.tags,
    },
    keepsRole(context),
  );
}

function rolePolicy(
  context: Context,
  of: iam.Role,
  suffix: string,
  policy: pulumi.Output<PolicyDocument>,
): iam.RolePolicy {
  return new iam.RolePolicy(`${context.name}-${suffix}`, { role: of.name, policy: json(policy) }, context.options);
}
