/** What EventBridge Scheduler may do: for the schedules of the arguments, and for the function's own. */

import { document, type PolicyDocument, type Statement } from "./document";
import { putEvents } from "./putEventsPolicy";

/*
 * Both send to a queue: `further` is what that needs if it is encrypted with a key of one's own, since Scheduler sends with these
 * roles (https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html).
 */

/** For the schedules of the arguments: may send events of these kinds, and undelivered ones to the dead-letter queue. */
export function schedulerPolicy(
  busArn: string,
  source: string,
  detailTypes: readonly string[],
  queueArn: string,
  further: readonly Statement[] = [],
): PolicyDocument {
  return document(putEvents(busArn, [source], detailTypes), sendDeadLetters(queueArn), ...further);
}

/** For the function's own one-time schedules: may invoke the function, and send undelivered events to the dead-letter queue. */
export function laterPolicy(functionArn: string, queueArn: string, further: readonly Statement[] = []): PolicyDocument {
  return document(
    {
      Sid: "InvokeLater",
      Effect: "Allow",
      Action: ["lambda:InvokeFunction"],
      Resource: [functionArn],
    },
    sendDeadLetters(queueArn),
    ...further,
  );
}

function sendDeadLetters(queueArn: string): Statement {
  return {
    Sid: "SendDeadLetters",
    Effect: "Allow",
    Action: ["sqs:SendMessage"],
    Resource: [queueArn],
  };
}

/**
 * Scheduler may assume the role only for schedules of this group.
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
