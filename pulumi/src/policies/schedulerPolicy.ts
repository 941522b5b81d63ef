/** What EventBridge Scheduler may do for the schedules. */

import { document, type PolicyDocument } from "./document";
import { putEvents } from "./putEventsPolicy";

/** Sends start events, and keeps those that it could not send. */
export function schedulerPolicy(busArn: string, source: string, queueArn: string): PolicyDocument {
  return document(putEvents(busArn, [source]), {
    Sid: "KeepUndelivered",
    Effect: "Allow",
    Action: ["sqs:SendMessage"],
    Resource: [queueArn],
  });
}

/**
 * Scheduler takes the role for schedules of this group only.
 *
 * https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
 */
export function schedulerTrust(groupArn: string, account: string): PolicyDocument {
  return document({
    Sid: "TheseSchedulesOnly",
    Effect: "Allow",
    Principal: { Service: "scheduler.amazonaws.com" },
    Action: ["sts:AssumeRole"],
    Condition: { StringEquals: { "aws:SourceAccount": account, "aws:SourceArn": groupArn } },
  });
}
