/** What the function's role needs for arguments that are about Lambda itself: its network, its traces, its key. */

import { arnIn } from "../arn";
import { home, type SettledArgs } from "../settled";
import type { Statement } from "./document";
import { readEnvironment, sendEncrypted } from "./keyPolicy";

/** The statements that these arguments add to the function's policy; none without them. */
export function furtherStatements(args: FurtherArgs, functionName: string): Statement[] {
  const functionArn = arnIn(home(args.clusters), "lambda", `function:${functionName}`);
  return [
    ...(args.vpcConfig === undefined ? [] : networkInterfaces(functionArn)),
    ...(args.tracing === "Active" ? [sendTraces()] : []),
    ...sendEncrypted(args.kmsKeyArn, home(args.clusters)),
    ...(args.kmsKeyArn === undefined ? [] : [readEnvironment(args.kmsKeyArn, functionArn)]),
  ];
}

/** The arguments that add statements, and where the function is. */
export interface FurtherArgs extends Pick<SettledArgs, "clusters" | "tracing" | "kmsKeyArn"> {
  /** Only whether there is one. */
  readonly vpcConfig?: object | undefined;
}

/**
 * Only with active tracing does Lambda send anything.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
 */
function sendTraces(): Statement {
  return {
    Sid: "SendTraces",
    Effect: "Allow",
    Action: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
    // IAM has no resource type for these.
    Resource: "*",
  };
}

/**
 * Lambda makes the network interfaces with the function's role; the code that runs with it must not.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions, and for the second
 * statement https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-best-practice-security
 */
function networkInterfaces(functionArn: string): Statement[] {
  const changes = [
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
  ];
  return [
    {
      Sid: "LambdaInVpc",
      Effect: "Allow",
      Action: [...changes, "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"],
      // IAM has no resource type for what is described, the interfaces have no name beforehand, and subnets may be shared by
      // another account.
      Resource: "*",
    },
    {
      Sid: "NotByItsCode",
      Effect: "Deny",
      Action: changes,
      Resource: "*",
      Condition: { ArnEquals: { "lambda:SourceFunctionArn": functionArn } },
    },
  ];
}
