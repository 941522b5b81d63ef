/** Who may put messages into the rules' dead-letter queue. */

import { document, type PolicyDocument } from "./document";

/**
 * EventBridge, for these rules only.
 *
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html#eb-dlq-perms
 */
export function ruleQueuePolicy(queueArn: string, ruleArns: readonly string[]): PolicyDocument {
  return document({
    Sid: "UndeliveredEventsOfTheseRules",
    Effect: "Allow",
    Principal: { Service: "events.amazonaws.com" },
    Action: ["sqs:SendMessage"],
    Resource: [queueArn],
    Condition: { ArnEquals: { "aws:SourceArn": [...ruleArns] } },
  });
}
