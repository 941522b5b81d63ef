/** The policies of the queues. */

import { document, type PolicyDocument, type Statement } from "./document";

/**
 * The rule dead-letter queue: only EventBridge may send to it, for these rules.
 *
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html#eb-dlq-perms
 */
export function ruleDeadLetterQueuePolicy(queueArn: string, ruleArns: readonly string[]): PolicyDocument {
  return sentByRules("DeadLettersOfTheseRules", queueArn, ruleArns);
}

/**
 * The request queue or the state-change queue: only EventBridge may send to it, for the queue's own rule.
 *
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sqs-permissions
 */
export function bufferQueuePolicy(queueArn: string, ruleArn: string): PolicyDocument {
  return sentByRules("EventsOfThisRule", queueArn, [ruleArn]);
}

/** A queue that only roles of this account use, as their own policies allow. */
export function plainQueuePolicy(queueArn: string): PolicyDocument {
  return document(tlsOnly(queueArn));
}

function sentByRules(sid: string, queueArn: string, ruleArns: readonly string[]): PolicyDocument {
  return document(
    {
      Sid: sid,
      Effect: "Allow",
      Principal: { Service: "events.amazonaws.com" },
      Action: ["sqs:SendMessage"],
      Resource: [queueArn],
      Condition: { ArnEquals: { "aws:SourceArn": [...ruleArns] } },
    },
    tlsOnly(queueArn),
  );
}

/**
 * Nobody may use the queue without TLS.
 *
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-security-best-practices.html
 */
function tlsOnly(queueArn: string): Statement {
  return {
    Sid: "TlsOnly",
    Effect: "Deny",
    Principal: "*",
    Action: ["sqs:*"],
    Resource: [queueArn],
    Condition: { Bool: { "aws:SecureTransport": "false" } },
  };
}
