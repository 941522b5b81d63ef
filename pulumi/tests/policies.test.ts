import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { test } from "node:test";

import { OUTCOME_DETAIL_TYPES } from "../component/src/outcomeEvents";
import { functionPolicy, type FunctionPolicyArgs, functionTrust } from "../component/src/policies/functionPolicy";
import { policyArgs } from "../component/src/policies/names";
import { putEventsPolicy } from "../component/src/policies/putEventsPolicy";
import { bufferQueuePolicy, plainQueuePolicy, ruleDeadLetterQueuePolicy } from "../component/src/policies/queuePolicy";
import { schedulerPolicy, schedulerTrust } from "../component/src/policies/schedulerPolicy";
import { CLUSTER, EXECUTION_ROLE, GROUP, INFRASTRUCTURE_ROLE, TASK_ROLE } from "./support/soundArguments";

const LOG_GROUP = "arn:aws:logs:us-east-1:111122223333:log-group:/aws/lambda/start-engines";
const QUEUE = "arn:aws:sqs:us-east-1:111122223333:start-engines-failures";
const BUS = "arn:aws:events:us-east-1:111122223333:event-bus/engines";
const LATER_ROLE = "arn:aws:iam::111122223333:role/start-engines-later";
const OTHER_CLUSTER = "arn:aws:ecs:us-east-1:111122223333:cluster/green";

const ARGS: FunctionPolicyArgs = {
  scope: { partition: "aws", region: "us-east-1", account: "111122223333" },
  clusterArns: [CLUSTER, OTHER_CLUSTER],
  taskFamilies: ["auth", "billing"],
  targetGroupArns: [GROUP],
  taskRoleArns: [TASK_ROLE, EXECUTION_ROLE],
  infrastructureRoleArns: [INFRASTRUCTURE_ROLE],
  logGroupArn: LOG_GROUP,
  onFailureQueueArn: QUEUE,
  bufferQueueArns: [],
  scheduleGroup: "start-engines",
  laterRoleArn: LATER_ROLE,
};

test("the function's policy allows its calls on what the arguments name", () => {
  const inClusters = { ArnEquals: { "ecs:cluster": [CLUSTER, OTHER_CLUSTER] } };
  assert.deepEqual(functionPolicy(ARGS), {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "StartTasks",
        Effect: "Allow",
        Action: ["ecs:RunTask"],
        Resource: [
          "arn:aws:ecs:us-east-1:111122223333:task-definition/auth:*",
          "arn:aws:ecs:us-east-1:111122223333:task-definition/billing:*",
        ],
        Condition: inClusters,
      },
      {
        Sid: "TagTasksOnStart",
        Effect: "Allow",
        Action: ["ecs:TagResource"],
        Resource: [
          "arn:aws:ecs:us-east-1:111122223333:task/engines/*",
          "arn:aws:ecs:us-east-1:111122223333:task/green/*",
        ],
        Condition: { StringEquals: { "ecs:CreateAction": "RunTask" } },
      },
      {
        Sid: "TagDrainingTasks",
        Effect: "Allow",
        Action: ["ecs:TagResource"],
        Resource: [
          "arn:aws:ecs:us-east-1:111122223333:task/engines/*",
          "arn:aws:ecs:us-east-1:111122223333:task/green/*",
        ],
        Condition: {
          "ForAllValues:StringEquals": { "aws:TagKeys": ["start-engines:stop-at"] },
          Null: { "aws:TagKeys": "false" },
        },
      },
      {
        Sid: "SeeAndStopTasks",
        Effect: "Allow",
        Action: ["ecs:DescribeTasks", "ecs:StopTask", "ecs:DescribeContainerInstances"],
        Resource: [
          "arn:aws:ecs:us-east-1:111122223333:task/engines/*",
          "arn:aws:ecs:us-east-1:111122223333:task/green/*",
          "arn:aws:ecs:us-east-1:111122223333:container-instance/engines/*",
          "arn:aws:ecs:us-east-1:111122223333:container-instance/green/*",
        ],
      },
      {
        Sid: "ScheduleLater",
        Effect: "Allow",
        Action: ["scheduler:CreateSchedule"],
        Resource: ["arn:aws:scheduler:us-east-1:111122223333:schedule/start-engines/start-engines-*"],
      },
      {
        Sid: "ListTasks",
        Effect: "Allow",
        Action: ["ecs:ListTasks"],
        Resource: "*",
        Condition: inClusters,
      },
      { Sid: "SeeTaskDefinitions", Effect: "Allow", Action: ["ecs:DescribeTaskDefinition"], Resource: "*" },
      {
        Sid: "SeeInstances",
        Effect: "Allow",
        Action: ["ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces"],
        Resource: "*",
      },
      {
        Sid: "AttachTargets",
        Effect: "Allow",
        Action: ["elasticloadbalancing:RegisterTargets", "elasticloadbalancing:DeregisterTargets"],
        Resource: [GROUP],
      },
      {
        Sid: "SeeTargets",
        Effect: "Allow",
        Action: [
          "elasticloadbalancing:DescribeTargetGroupAttributes",
          "elasticloadbalancing:DescribeTargetGroups",
          "elasticloadbalancing:DescribeTargetHealth",
        ],
        Resource: "*",
      },
      {
        Sid: "PassTaskRoles",
        Effect: "Allow",
        Action: ["iam:PassRole"],
        Resource: [TASK_ROLE, EXECUTION_ROLE],
        Condition: { StringEquals: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } },
      },
      {
        Sid: "PassInfrastructureRoles",
        Effect: "Allow",
        Action: ["iam:PassRole"],
        Resource: [INFRASTRUCTURE_ROLE],
        Condition: { StringEquals: { "iam:PassedToService": "ecs.amazonaws.com" } },
      },
      {
        Sid: "PassLaterRole",
        Effect: "Allow",
        Action: ["iam:PassRole"],
        Resource: [LATER_ROLE],
        Condition: { StringEquals: { "iam:PassedToService": "scheduler.amazonaws.com" } },
      },
      {
        Sid: "WriteLogs",
        Effect: "Allow",
        Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
        Resource: [`${LOG_GROUP}:*`],
      },
      { Sid: "SendToOnFailureQueue", Effect: "Allow", Action: ["sqs:SendMessage"], Resource: [QUEUE] },
    ],
  });
});

test("prefixes stand for families, target groups and roles, and only those that some role has are passed", () => {
  const names = {
    clusters: [CLUSTER],
    taskFamilies: ["auth", "billing"],
    targetGroups: { auth: { arn: GROUP } },
    taskRoles: [TASK_ROLE, EXECUTION_ROLE],
    infrastructureRoles: [INFRASTRUCTURE_ROLE],
    eventBus: undefined,
    outcomeEventBus: undefined,
  };
  const full = policyArgs(names);
  assert.deepEqual([full.taskFamilies, full.targetGroupArns], [["auth", "billing"], [GROUP]]);
  assert.deepEqual([full.taskRoleArns, full.infrastructureRoleArns], [[TASK_ROLE, EXECUTION_ROLE], [INFRASTRUCTURE_ROLE]]);
  const roles = ["auth-*", "vol*", "other-*"];
  const some = policyArgs({ ...names, iamPrefixes: { families: ["a*", "bil*"], targetGroups: ["auth*"], roles } });
  assert.deepEqual(some.taskFamilies, ["a*", "bil*"]);
  assert.deepEqual(some.targetGroupArns, ["arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth*/*"]);
  assert.deepEqual(some.taskRoleArns, ["arn:aws:iam::111122223333:role/auth-*"]);
  assert.deepEqual(some.infrastructureRoleArns, ["arn:aws:iam::111122223333:role/vol*"]);
  const starts = functionPolicy({ ...ARGS, ...some }).Statement.find(({ Sid }) => Sid === "StartTasks");
  assert.deepEqual(starts?.Resource, ["a*", "bil*"].map((family) => `arn:aws:ecs:us-east-1:111122223333:task-definition/${family}:*`));
});

test("with a bus for outcomes the function may publish there, as itself", () => {
  const { Statement } = functionPolicy({ ...ARGS, outcomeEventBusArn: BUS });
  const publish = Statement.find((statement) => statement.Sid === "PutOutcomeEvents");
  assert.deepEqual(publish?.Resource, [BUS]);
  assert.deepEqual(publish.Condition, {
    "ForAllValues:StringEquals": {
      "events:source": ["start-engines"],
      "events:detail-type": OUTCOME_DETAIL_TYPES,
    },
    Null: { "events:source": "false", "events:detail-type": "false" },
  });
});

test("the outcome events are those of the function's code", () => {
  const code = readFileSync(path.join(__dirname, "../../src/core/report/outcome_events.rs"), "utf8");
  const inCode = [...code.matchAll(/=> "(ECS Task [\w ]+)"/g)].map((match) => match[1]);
  assert.deepEqual(inCode, OUTCOME_DETAIL_TYPES);
});

test("with queues before it the function may take messages of these queues", () => {
  const bufferQueueArns = ["requests", "state-changes"].map((one) => `arn:aws:sqs:us-east-1:111122223333:start-engines-${one}`);
  const { Statement } = functionPolicy({ ...ARGS, bufferQueueArns });
  assert.deepEqual(Statement.slice(0, -1), functionPolicy(ARGS).Statement);
  assert.deepEqual(Statement.at(-1), {
    Sid: "TakeMessages",
    Effect: "Allow",
    Action: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
    Resource: bufferQueueArns,
  });
});

const TLS_ONLY = {
  Sid: "TlsOnly",
  Effect: "Deny",
  Principal: "*",
  Action: ["sqs:*"],
  Resource: [QUEUE],
  Condition: { Bool: { "aws:SecureTransport": "false" } },
};

test("a queue that no rule sends to denies only what comes without TLS", () => {
  assert.deepEqual(plainQueuePolicy(QUEUE), { Version: "2012-10-17", Statement: [TLS_ONLY] });
});

test("only its own rule puts messages into a queue before the function", () => {
  const rule = "arn:aws:events:us-east-1:111122223333:rule/a";
  assert.deepEqual(bufferQueuePolicy(QUEUE, rule), {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "EventsOfThisRule",
        Effect: "Allow",
        Principal: { Service: "events.amazonaws.com" },
        Action: ["sqs:SendMessage"],
        Resource: [QUEUE],
        Condition: { ArnEquals: { "aws:SourceArn": [rule] } },
      },
      TLS_ONLY,
    ],
  });
});

test("without roles of tasks no role is passed to ECS", () => {
  const { Statement } = functionPolicy({ ...ARGS, taskRoleArns: [], infrastructureRoleArns: [] });
  const passed = Statement.filter((statement) => statement.Action.includes("iam:PassRole"));
  assert.deepEqual(passed.map((statement) => statement.Resource), [[LATER_ROLE]]);
});

test("only Lambda takes the function's role", () => {
  assert.deepEqual(functionTrust(), {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "LambdaOnly",
        Effect: "Allow",
        Principal: { Service: "lambda.amazonaws.com" },
        Action: ["sts:AssumeRole"],
      },
    ],
  });
});

test("only the two rules put messages into the dead-letter queue", () => {
  const rules = ["arn:aws:events:us-east-1:111122223333:rule/a", "arn:aws:events:us-east-1:111122223333:rule/b"];
  assert.deepEqual(ruleDeadLetterQueuePolicy(QUEUE, rules), {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "DeadLettersOfTheseRules",
        Effect: "Allow",
        Principal: { Service: "events.amazonaws.com" },
        Action: ["sqs:SendMessage"],
        Resource: [QUEUE],
        Condition: { ArnEquals: { "aws:SourceArn": rules } },
      },
      TLS_ONLY,
    ],
  });
});

test("applications send start events of their sources, and every event of a call must be one", () => {
  assert.deepEqual(putEventsPolicy(BUS, ["app.tenants"], ["Start ECS Task"]), {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "SendEvents",
        Effect: "Allow",
        Action: ["events:PutEvents"],
        Resource: [BUS],
        Condition: {
          "ForAllValues:StringEquals": { "events:source": ["app.tenants"], "events:detail-type": ["Start ECS Task"] },
          Null: { "events:source": "false", "events:detail-type": "false" },
        },
      },
    ],
  });
});

test("schedules send events of their own source, and only these schedules take the role", () => {
  const policy = schedulerPolicy(BUS, "start-engines.schedules", ["Start ECS Task", "Stop ECS Task"], QUEUE);
  assert.deepEqual(
    policy.Statement.map(({ Action, Resource }) => [Action, Resource]),
    [
      [["events:PutEvents"], [BUS]],
      [["sqs:SendMessage"], [QUEUE]],
    ],
  );
  const group = "arn:aws:scheduler:us-east-1:111122223333:schedule-group/start-engines";
  assert.deepEqual(schedulerTrust(group, "111122223333").Statement[0]?.Condition, {
    StringEquals: { "aws:SourceAccount": "111122223333", "aws:SourceArn": group },
  });
});
