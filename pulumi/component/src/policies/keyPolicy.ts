/** What a customer managed key has to allow, and what is allowed with it. */

import { arnIn, type Scope } from "../arn";
import { document, type PolicyDocument, type Statement } from "./document";

/**
 * Who sends to an encrypted queue, or takes from it, uses its key, through SQS only.
 *
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html#sqs-what-permissions-for-sse,
 * https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
 */
function throughSqs(sid: string, actions: string[], keyArn: string, scope: Scope): Statement {
  return {
    Sid: sid,
    Effect: "Allow",
    Action: actions,
    Resource: [keyArn],
    // The end of the service's name is that of the partition.
    Condition: { StringLike: { "kms:ViaService": `sqs.${scope.region}.*` } },
  };
}

/** What senders need beside `sqs:SendMessage`; it is enough for those who receive, too. */
export function sendEncrypted(keyArn: string | undefined, scope: Scope): Statement[] {
  return keyArn === undefined ? [] : [throughSqs("UseKeyOfQueues", ["kms:GenerateDataKey", "kms:Decrypt"], keyArn, scope)];
}

/** What those need who only receive. */
export function receiveEncrypted(keyArn: string | undefined, scope: Scope): Statement[] {
  return keyArn === undefined ? [] : [throughSqs("ReadEncryptedQueues", ["kms:Decrypt"], keyArn, scope)];
}

/**
 * Lambda decrypts the environment with the function's role.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html
 */
export function readEnvironment(keyArn: string, functionArn: string): Statement {
  return {
    Sid: "ReadEnvironment",
    Effect: "Allow",
    Action: ["kms:Decrypt"],
    Resource: [keyArn],
    Condition: { StringEquals: { "kms:EncryptionContext:aws:lambda:FunctionArn": functionArn } },
  };
}

/** The queues and the log group that a key is for, by physical names. */
export interface KeyUsers {
  readonly scope: Scope;
  /** The queues that EventBridge sends to. */
  readonly queueNames: readonly string[];
  /** The component's own log group; undefined for one that others have made. */
  readonly logGroupName: string | undefined;
}

/** The statements for the key's own policy, which no role's policy can stand in for: EventBridge and CloudWatch Logs are no roles. */
export function keyPolicy({ scope, queueNames, logGroupName }: KeyUsers): PolicyDocument {
  const logs = logGroupName === undefined ? [] : [encryptLogs(scope, arnIn(scope, "logs", `log-group:${logGroupName}`))];
  return document(sendByRules(queueNames.map((name) => arnIn(scope, "sqs", name))), ...logs);
}

/**
 * Whoever has EventBridge act, it is for these queues, whose own policies let only the component's rules send. The sender
 * (`aws:SourceArn`) is not named here: for topics AWS says that EventBridge's use of a key does not carry it
 * (https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html), and of queues it says nothing. SQS names the queue in
 * each use of a key.
 *
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html#compatibility-with-aws-services
 */
function sendByRules(queueArns: string[]): Statement {
  return {
    Sid: "StartEnginesRules",
    Effect: "Allow",
    Principal: { Service: "events.amazonaws.com" },
    Action: ["kms:GenerateDataKey", "kms:Decrypt"],
    // In a key's policy, the key.
    Resource: "*",
    Condition: { ArnEquals: { "kms:EncryptionContext:aws:sqs:arn": queueArns } },
  };
}

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html */
function encryptLogs(scope: Scope, logGroupArn: string): Statement {
  return {
    Sid: "StartEnginesLogs",
    Effect: "Allow",
    Principal: { Service: `logs.${scope.region}.${dnsSuffix(scope.region)}` },
    Action: ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
    Resource: "*",
    Condition: { ArnEquals: { "kms:EncryptionContext:aws:logs:arn": logGroupArn } },
  };
}

/** As in the function's `src/aws/ec2/endpoint.rs`. */
function dnsSuffix(region: string): string {
  const partitions: readonly (readonly [prefix: string, suffix: string])[] = [
    ["cn-", "amazonaws.com.cn"],
    ["eusc-", "amazonaws.eu"],
    ["us-iso-", "c2s.ic.gov"],
    ["us-isob-", "sc2s.sgov.gov"],
    ["us-isof-", "csp.hci.ic.gov"],
    ["eu-isoe-", "cloud.adc-e.uk"],
  ];
  return partitions.find(([prefix]) => region.startsWith(prefix))?.[1] ?? "amazonaws.com";
}
