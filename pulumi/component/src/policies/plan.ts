/**
 * How many managed policies there are.
 *
 * It follows from what is plain in the arguments, so that a preview and each update have the same; and from that alone, since
 * the rest is not known when resources are registered.
 */

import type { StartEnginesArgs } from "../arguments";
import { arnIn } from "../arn";
import { bufferOf, KINDS } from "../buffered";
import { logGroupName } from "../resources/function";
import { bufferNames, queueNames } from "../resources/queues";
import type { PlainArgs } from "../withoutResources";
import type { PolicyDocument } from "./document";
import { functionPolicy } from "./functionPolicy";
import { furtherStatements } from "./furtherStatements";
import { assumed, type FunctionNames, operatorArgs, type OperatorNames, policyArgs } from "./names";
import { operatorPolicy } from "./operatorPolicy";
import { countForManaged, countForRole } from "./spread";

/** How many managed policies there are. */
export interface PolicyCounts {
  /** Of the function's role, beside its inline policy. */
  readonly function: number;
  /** Of operators, one at least. */
  readonly operators: number;
}

/** The parts of the component that the documents name. */
export interface Own {
  readonly functionName: string;
  readonly isBuffered: boolean;
  /** Path and name of the function's log group. */
  readonly logGroup: string;
  /** The path of the roles, and what their names begin with. */
  readonly rolePrefix: string;
}

/** As they follow from the arguments; an output counts with the longest that AWS allows. */
export function ownOf(args: Pick<PlainArgs, "buffered" | "logGroup" | "rolePath" | "roleNamePrefix">, functionName: string): Own {
  const { logGroup, rolePath = "/", roleNamePrefix = "" } = args;
  const path = typeof rolePath === "string" ? rolePath : `/${"x".repeat(MAX_PATH - 2)}/`;
  return {
    functionName,
    isBuffered: bufferOf(args) !== undefined,
    logGroup: logGroup === undefined ? logGroupName(functionName) : typeof logGroup === "string" ? logGroup : "x".repeat(MAX_LOG_GROUP),
    rolePrefix: path + roleNamePrefix,
  };
}

/** https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html */
const MAX_PATH = 512;
/** https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html */
const MAX_LOG_GROUP = 512;

/** As many as the longest names need, and no more than there can be. */
export function policyCounts(args: PlainArgs, given: StartEnginesArgs, functionName: string): PolicyCounts {
  const names = assumed(args, given);
  const own = ownOf(args, functionName);
  return { function: countForRole(functionPolicyOf(names, own)), operators: countForManaged(operatorPolicyOf(names, own)) };
}

/** The digits at the end of IAM's names. */
const DIGITS = "0".repeat(7);

/** The function's document before its resources exist; exactly as long as with them. */
export function functionPolicyOf(names: FunctionNames, { functionName, isBuffered, logGroup, rolePrefix }: Own): PolicyDocument {
  const args = policyArgs(names);
  const queueArn = (name: string) => arnIn(args.scope, "sqs", name);
  return functionPolicy({
    ...args,
    logGroupArn: arnIn(args.scope, "logs", `log-group:${logGroup}`),
    onFailureQueueArn: queueArn(queueNames(functionName).onFailure),
    bufferQueueArns: isBuffered ? KINDS.map((kind) => queueArn(bufferNames(functionName, kind).queueName)) : [],
    scheduleGroup: functionName,
    laterRoleArn: `arn:${args.scope.partition}:iam::${args.scope.account}:role${rolePrefix}${functionName}-later-${DIGITS}`,
    further: furtherStatements(names, functionName),
  });
}

/** The operators' document before its resources exist; exactly as long as with them. */
export function operatorPolicyOf(names: OperatorNames, { functionName, isBuffered, logGroup }: Own): PolicyDocument {
  const args = operatorArgs(names, functionName);
  const { onFailure, ruleDeadLetters } = queueNames(functionName);
  const buffers = isBuffered ? KINDS.map((kind) => bufferNames(functionName, kind).deadLetterQueueName) : [];
  return operatorPolicy({
    ...args,
    functionArn: arnIn(args.scope, "lambda", `function:${functionName}`),
    queueArns: [onFailure, ruleDeadLetters, ...buffers].map((name) => arnIn(args.scope, "sqs", name)),
    logGroupArn: arnIn(args.scope, "logs", `log-group:${logGroup}`),
    scheduleGroup: functionName,
  });
}
