/** The policies for those who may request starts, stops or reconciles. */

import { document, type PolicyDocument, type Statement } from "./document";

/** The policy for applications: events of these kinds, from these sources, on this bus, and nothing else. */
export function putEventsPolicy(
  busArn: string,
  sources: readonly string[],
  detailTypes: readonly string[],
): PolicyDocument {
  return document(putEvents(busArn, sources, detailTypes));
}

/**
 * One PutEvents call carries up to ten events, so both keys have several values: every one of them must be allowed, and
 * there must be one (`ForAllValues` alone is true of none).
 *
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
 */
export function putEvents(busArn: string, sources: readonly string[], detailTypes: readonly string[]): Statement {
  return {
    Sid: "SendEvents",
    Effect: "Allow",
    Action: ["events:PutEvents"],
    Resource: [busArn],
    Condition: {
      "ForAllValues:StringEquals": { "events:source": [...sources], "events:detail-type": [...detailTypes] },
      Null: { "events:source": "false", "events:detail-type": "false" },
    },
  };
}
