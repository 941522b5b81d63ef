/** Who may put messages into the queues that the rules send to. */

import { document, type PolicyDocument } from "./document";

/**
 * The rules' dead-letter queue: EventBridge, for these rules only.
 *
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html#eb-dlq-perms
 */
export function ruleDeadLetterQueuePolicy(queueArn: string, ruleArns: readonly string[]): PolicyDocument {
  return sentByRules("DeadLettersOfTheseRules", queueArn, ruleArns);
}

/**
 * A queue of buffered mode: EventBridge, for the rule that feeds it only.
 *
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sqs-permissions
 */
export function bufferQueuePolicy(queueArn: string, ruleArn: string): PolicyDocument {
  return sentByRules("EventsOfThisRule", queueArn, [ruleArn]);
}

function sentByRules(sid: string, queueArn: string, ruleArns: readonly string[]): PolicyDocument {
  return document({
    Sid: sid,
    Effect: "Allow",
    Principal: { Service: "events.amazonaws.com" },
    Action: ["sqs:SendMessage"],
    Resource: [queueArn],
    Condition: { ArnEquals: { "aws:SourceArn": [...ruleArns] } },
  });
}
