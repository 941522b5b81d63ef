/** Schedules, their group and their role. */

import * as iam from "@pulumi/aws/iam";
import * as scheduler from "@pulumi/aws/scheduler";
import * as pulumi from "@pulumi/pulumi";

import { DEFAULTS, SCHEDULE_SOURCE } from "../arguments";
import { eventBusArn } from "../arn";
import { START_DETAIL_TYPE } from "../eventPatterns";
import { schedulerPolicy, schedulerTrust } from "../policies/schedulerPolicy";
import { scheduledDetail } from "../schedules";
import { home } from "../settled";
import { after, type Context, json } from "./context";
import type { Queues } from "./queues";

/** Nothing at all without schedules. */
export function createSchedules(context: Context, queues: Queues): void {
  const { name, functionName, args, settled } = context;
  const schedules = Object.entries(args.schedules ?? {});
  if (schedules.length === 0) return;
  const group = new scheduler.ScheduleGroup(name, { name: functionName, tags: args.tags }, context.options);
  const busArn = settled.apply((known) => eventBusArn(known.eventBus ?? DEFAULTS.eventBus, home(known.clusters)));
  const trust = pulumi
    .all([group.arn, settled])
    .apply(([groupArn, known]) => schedulerTrust(groupArn, home(known.clusters).account));
  const role = new iam.Role(
    `${name}-schedules`,
    {
      description: `Sends the start events of the schedules of ${functionName}`,
      assumeRolePolicy: json(trust),
      permissionsBoundary: args.permissionsBoundary,
      tags: args.tags,
    },
    context.options,
  );
  const policy = pulumi
    .all([busArn, queues.undelivered.arn])
    .apply(([bus, queueArn]) => schedulerPolicy(bus, SCHEDULE_SOURCE, queueArn));
  const rolePolicy = new iam.RolePolicy(`${name}-schedules`, { role: role.name, policy: json(policy) }, context.options);
  for (const [scheduleName, schedule] of schedules) {
    new scheduler.Schedule(
      `${name}-${scheduleName}`,
      {
        name: scheduleName,
        groupName: group.name,
        description: `Starts ${schedule.service}`,
        scheduleExpression: schedule.start,
        scheduleExpressionTimezone: schedule.timezone ?? DEFAULTS.timezone,
        flexibleTimeWindow: { mode: "OFF" },
        target: {
          arn: busArn,
          roleArn: role.arn,
          eventbridgeParameters: { detailType: START_DETAIL_TYPE, source: SCHEDULE_SOURCE },
          input: JSON.stringify(scheduledDetail(functionName, scheduleName, schedule)),
          retryPolicy: {
            maximumRetryAttempts: args.delivery?.maximumRetryAttempts ?? DEFAULTS.delivery.maximumRetryAttempts,
            maximumEventAgeInSeconds: args.delivery?.maximumEventAgeSeconds ?? DEFAULTS.delivery.maximumEventAgeSeconds,
          },
          deadLetterConfig: { arn: queues.undelivered.arn },
        },
      },
      after(context, rolePolicy),
    );
  }
}
