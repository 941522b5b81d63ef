import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { test } from "node:test";

import * as pulumi from "@pulumi/pulumi";

import { exportLines, StartEngines, type StartEnginesArgs } from "../component/src/index";
import { END, type Registration, registrationsOf } from "./support/mocks";
import { CLUSTER, GROUP, leastArguments, NETWORK_GROUP, soundArguments, TOPIC } from "./support/soundArguments";

function deploy(args: StartEnginesArgs, name = "start-engines") {
  return registrationsOf(() => new StartEngines(name, args));
}

function one(registrations: Registration[], type: string, name = "start-engines"): Registration["inputs"] {
  const found = registrations.filter((made) => made.type === type && made.name === name);
  assert.equal(found.length, 1, `${type} ${name}`);
  return found[0]?.inputs ?? {};
}

function counts(registrations: Registration[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { type } of registrations) found[type] = (found[type] ?? 0) + 1;
  return found;
}

test("with everything there are these resources", async () => {
  const { registrations } = await deploy(soundArguments());
  assert.deepEqual(counts(registrations), {
    "start-engines:index:StartEngines": 1,
    "aws:cloudwatch/dashboard:Dashboard": 1,
    "aws:cloudwatch/eventRule:EventRule": 2,
    "aws:cloudwatch/eventTarget:EventTarget": 2,
    "aws:cloudwatch/logGroup:LogGroup": 1,
    // Eight of the function and its queues, one of outcome events, one of unknown targets, one for each target group
    // with a balancer.
    "aws:cloudwatch/metricAlarm:MetricAlarm": 15,
    "aws:iam/policy:Policy": 5,
    "aws:iam/role:Role": 3,
    "aws:iam/rolePolicy:RolePolicy": 3,
    "aws:lambda/function:Function": 1,
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": 1,
    "aws:lambda/layerVersion:LayerVersion": 1,
    "aws:lambda/permission:Permission": 2,
    "aws:scheduler/schedule:Schedule": 3,
    "aws:scheduler/scheduleGroup:ScheduleGroup": 1,
    "aws:sqs/queue:Queue": 2,
    "aws:sqs/queuePolicy:QueuePolicy": 2,
  });
});

test("what is optional can be left out", async () => {
  const { registrations } = await deploy({
    ...leastArguments(),
    alarms: { enabled: false },
    dashboard: false,
    reconcileSchedule: "off",
  });
  const found = counts(registrations);
  for (const type of ["cloudwatch/metricAlarm:MetricAlarm", "cloudwatch/dashboard:Dashboard", "scheduler/schedule:Schedule"]) {
    assert.equal(found[`aws:${type}`], undefined, type);
  }
  assert.equal(found["aws:iam/role:Role"], 2);
});

test("all names begin with the component's", async () => {
  const { registrations } = await deploy(soundArguments(), "blue");
  for (const { type, name } of registrations) assert.match(name, /^blue/, type);
  assert.equal(one(registrations, "aws:lambda/function:Function", "blue")["name"], "blue");
});

test("the function is the packed one as it is, and its defaults", async () => {
  const args = soundArguments();
  const { registrations } = await deploy(args);
  const { code, environment, role, tags, ...rest } = one(registrations, "aws:lambda/function:Function");
  assert.deepEqual(rest, {
    architectures: ["x86_64"],
    description: "Attaches standalone ECS tasks to load balancers",
    handler: "bootstrap",
    layers: ["arn:aws:lambda:us-east-1:111122223333:layer:start-engines:1"],
    loggingConfig: { logFormat: "Text", logGroup: "/aws/lambda/start-engines" },
    memorySize: 256,
    name: "start-engines",
    reservedConcurrentExecutions: -1,
    runtime: "provided.al2023",
    timeout: 30,
    tracingConfig: { mode: "PassThrough" },
  });
  assert.equal(tags, undefined);
  assert.equal(role, `arn:aws:iam::111122223333:role/start-engines-${END}`);
  assert.ok(code instanceof pulumi.asset.FileArchive);
  assert.equal(await code.path, args.code);
  assert.deepEqual(environment, {
    variables: {
      DEPLOYMENT: "start-engines",
      ECS_CLUSTER: CLUSTER,
      TASK_DEFINITION: "auth",
      TARGET_GROUP_ARN: GROUP,
      CONTAINER_PORT: "8080",
      SUBNETS: "subnet-0a1b2c3d4e5f60718",
      SECURITY_GROUPS: "sg-0a1b2c3d4e5f60718",
      ALLOWED_CLUSTERS: CLUSTER,
      ALLOWED_TARGET_GROUPS: `${GROUP},${NETWORK_GROUP}`,
      ALLOWED_TASK_FAMILIES: "auth",
      ALLOWED_SOURCES: [
        "app.tenants,start-engines.operator.start-engines,start-engines.schedules.start-engines",
        // For schedules of the version before.
        "start-engines.operator,start-engines.schedules",
      ].join(","),
      SETTINGS_FILE: "/opt/settings.json",
      SERVICES_FILE: "/opt/services.json",
      CATALOG_ONLY: "true",
      TASK_WAIT_TIMEOUT: "120",
      HEALTH_TIMEOUT: "600",
      SCHEDULER_ROLE_ARN: `arn:aws:iam::111122223333:role/start-engines-later-${END}`,
      SCHEDULER_GROUP: "start-engines",
      SCHEDULER_DEAD_LETTER_QUEUE_ARN: "arn:aws:sqs:us-east-1:111122223333:start-engines-undelivered",
      OUTCOME_EVENT_BUS: "outcomes",
      API_RATES: "RunTask=10,RegisterTargets+DeregisterTargets=2:10",
      LOG_LEVEL: "info",
    },
  });
});

test("without services the packed function is deployed as it is", async () => {
  const args = leastArguments();
  const { registrations } = await deploy(args);
  const { code } = one(registrations, "aws:lambda/function:Function");
  assert.ok(code instanceof pulumi.asset.FileArchive);
  assert.equal(await code.path, args.code);
});

test("the function reads every variable that is set, and nothing is forgotten", async () => {
  const file = (name: string) => readFileSync(path.join(__dirname, "../../src/core/config", name), "utf8").split("#[cfg(test)]")[0] ?? "";
  const source = file("mod.rs") + file("environment.rs");
  const read = new Set([...source.matchAll(/(?:env|self)\s*\.(?:one|list|allow_list|families)(?:::<\w+>)?\("([A-Z_]+)"/g)].map((match) => match[1] ?? ""));
  assert.ok(read.size > 10, [...read].join(" "));
  // The old name of SCHEDULER_DEAD_LETTER_QUEUE_ARN, which the function still reads.
  assert.ok(read.delete("SCHEDULER_DEAD_LETTER_ARN"));
  const { registrations } = await deploy(soundArguments());
  const { variables } = one(registrations, "aws:lambda/function:Function")["environment"] as { variables: object };
  // Lambda itself sets those that begin with AWS_; the program reads the files.
  const settings = Object.keys(variables).filter((name) => !["SETTINGS_FILE", "SERVICES_FILE"].includes(name));
  assert.deepEqual(settings.sort(), [...read].filter((name) => !name.startsWith("AWS_")).sort());
});

test("requests come by the bus of choice, ECS's own by the default bus", async () => {
  const { registrations } = await deploy(soundArguments());
  const rule = "aws:cloudwatch/eventRule:EventRule";
  const start = one(registrations, rule, "start-engines-requests");
  const stateChange = one(registrations, rule, "start-engines-state-change");
  assert.deepEqual([start["eventBusName"], stateChange["eventBusName"]], ["engines", "default"]);
  assert.deepEqual(JSON.parse(String(start["eventPattern"])), {
    source: ["app.tenants", "start-engines.operator.start-engines", "start-engines.schedules.start-engines"],
    "detail-type": ["Start ECS Task", "Stop ECS Task", "Reconcile ECS Targets"],
  });
  assert.ok(String(stateChange["eventPattern"]).includes(CLUSTER));
  for (const [suffix, arn] of [["requests", "rule/engines/start-engines-requests"], ["state-change", "rule/start-engines-state-change"]] as const) {
    const target = one(registrations, "aws:cloudwatch/eventTarget:EventTarget", `start-engines-${suffix}`);
    assert.equal(target["arn"], "arn:aws:lambda:us-east-1:111122223333:function:start-engines");
    assert.deepEqual(target["retryPolicy"], { maximumEventAgeInSeconds: 86_400, maximumRetryAttempts: 185 });
    assert.deepEqual(target["deadLetterConfig"], { arn: "arn:aws:sqs:us-east-1:111122223333:start-engines-undelivered" });
    const permission = one(registrations, "aws:lambda/permission:Permission", `start-engines-${suffix}`);
    assert.equal(permission["sourceArn"], `arn:aws:events:us-east-1:111122223333:${arn}`);
  }
});

test("what fails is kept for two weeks, encrypted", async () => {
  const { registrations } = await deploy(soundArguments());
  for (const suffix of ["failures", "undelivered"]) {
    const queue = one(registrations, "aws:sqs/queue:Queue", `start-engines-${suffix}`);
    assert.equal(queue["messageRetentionSeconds"], 14 * 86_400);
    assert.equal(queue["sqsManagedSseEnabled"], true);
  }
  const invokeConfig = one(registrations, "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig");
  assert.deepEqual(invokeConfig["destinationConfig"], {
    onFailure: { destination: "arn:aws:sqs:us-east-1:111122223333:start-engines-failures" },
  });
  assert.deepEqual([invokeConfig["maximumRetryAttempts"], invokeConfig["maximumEventAgeInSeconds"]], [2, 21_600]);
});

test("every alarm is published to the topic, and has the limits that were asked for", async () => {
  const limits = { topicArn: TOPIC, periodSeconds: 60, registrationLagSeconds: 10, durationPercent: 50, unhealthyPeriods: 3 };
  const { registrations } = await deploy({ ...soundArguments(), alarms: limits });
  const alarms = registrations.filter((made) => made.type === "aws:cloudwatch/metricAlarm:MetricAlarm");
  for (const { inputs } of alarms) {
    assert.deepEqual([inputs["alarmActions"], inputs["okActions"], inputs["period"]], [[TOPIC], [TOPIC], 60]);
  }
  const figures = Object.fromEntries(
    alarms.map(({ name, inputs }) => [name.replace("start-engines-", ""), [inputs["metricName"], inputs["threshold"]]]),
  );
  assert.deepEqual(figures, {
    errors: ["Errors", 0],
    throttles: ["Throttles", 0],
    "failures-lost": ["DestinationDeliveryFailures", 0],
    duration: ["Duration", 15_000],
    "rule-dead-letter-queue": ["ApproximateNumberOfMessagesVisible", 0],
    "on-failure-queue": ["ApproximateNumberOfMessagesVisible", 0],
    "starts-failed": ["StartsFailed", 0],
    "deadlines-not-set": ["DeadlinesNotSet", 0],
    "tasks-unhealthy": ["TasksUnhealthy", 0],
    "stops-without-ec2": ["StopsWithoutEc2", 0],
    "registration-lag": ["RegistrationLag", 10_000],
    "outcome-events-failed": ["OutcomeEventsFailed", 0],
    "targets-unknown": ["TargetsUnknown", 0],
    "unhealthy-auth": ["UnHealthyHostCount", 0],
    "unhealthy-auth-tcp": ["UnHealthyHostCount", 0],
  });
  const unhealthy = one(registrations, "aws:cloudwatch/metricAlarm:MetricAlarm", "start-engines-unhealthy-auth-tcp");
  assert.equal(unhealthy["namespace"], "AWS/NetworkELB");
  assert.equal(unhealthy["evaluationPeriods"], 3);
  assert.deepEqual(unhealthy["dimensions"], {
    LoadBalancer: "net/engines/9a1b2c3d4e5f6071",
    TargetGroup: "targetgroup/auth-tcp/6d0ecf831eec9f09",
  });
});

test("the dashboard and the alarms use only metrics that the function writes", async () => {
  const report = readFileSync(path.join(__dirname, "../../src/core/report/metrics.rs"), "utf8");
  const { registrations } = await deploy(soundArguments());
  const body = String(one(registrations, "aws:cloudwatch/dashboard:Dashboard")["dashboardBody"]);
  const inBody = [...body.matchAll(/\["StartEngines","(\w+)"/g), ...body.matchAll(/MetricName=\\\\?"(\w+)/g)];
  const inAlarms = registrations.filter(({ inputs }) => inputs["namespace"] === "StartEngines");
  const names = [...inBody.map((match) => match[1] ?? ""), ...inAlarms.map(({ inputs }) => String(inputs["metricName"]))];
  assert.ok(new Set(names).size >= 10, names.join(" "));
  for (const name of names) assert.ok(report.includes(`"${name}"`), name);
});

test("a schedule starts its service once at each time, however often it is delivered", async () => {
  const { registrations } = await deploy(soundArguments());
  const schedule = one(registrations, "aws:scheduler/schedule:Schedule", "start-engines-office-start");
  assert.equal(schedule["scheduleExpression"], "cron(0 7 ? * MON-FRI *)");
  assert.equal(schedule["scheduleExpressionTimezone"], "Europe/Berlin");
  const target = schedule["target"] as Record<string, unknown>;
  assert.equal(target["arn"], "arn:aws:events:us-east-1:111122223333:event-bus/engines");
  assert.deepEqual(target["eventbridgeParameters"], {
    detailType: "Start ECS Task",
    source: "start-engines.schedules.start-engines",
  });
  assert.deepEqual(JSON.parse(String(target["input"])), {
    service: "auth",
    idempotencyKey: "start-engines/office/<aws.scheduler.scheduled-time>",
    requestedAt: "<aws.scheduler.scheduled-time>",
    maxAgeSeconds: 900,
  });
});

test("a schedule stops its service when its connections had time to end", async () => {
  const { registrations } = await deploy(soundArguments());
  const schedule = one(registrations, "aws:scheduler/schedule:Schedule", "start-engines-office-stop");
  assert.equal(schedule["scheduleExpression"], "cron(0 19 ? * MON-FRI *)");
  const target = schedule["target"] as Record<string, unknown>;
  assert.deepEqual(target["eventbridgeParameters"], { detailType: "Stop ECS Task", source: "start-engines.schedules.start-engines" });
  assert.deepEqual(JSON.parse(String(target["input"])), {
    service: "auth",
    reason: "stopped by the schedule office",
    requestedAt: "<aws.scheduler.scheduled-time>",
  });
});

test("a start is retried as long as it is worth it, a stop for a day, and a reconcile until the next", async () => {
  const { registrations } = await deploy(soundArguments());
  const retries = registrations
    .filter(({ type }) => type === "aws:scheduler/schedule:Schedule")
    .map(({ name, inputs }) => [name, (inputs["target"] as Record<string, unknown>)["retryPolicy"]]);
  const for_ = (seconds: number) => ({ maximumEventAgeInSeconds: seconds, maximumRetryAttempts: 185 });
  assert.deepEqual(Object.fromEntries(retries), {
    "start-engines-office-start": for_(900),
    "start-engines-office-stop": for_(86_400),
    "start-engines-reconcile": for_(900),
  });
});

test("a scheduled start is over after 15 minutes, or when the service or the schedule says", async () => {
  const { services, ...others } = soundArguments();
  const auth = services?.["auth"] ?? {};
  const ageOf = async (ofService: object, ofSchedule: object) => {
    const { registrations } = await deploy({
      ...others,
      services: { auth: { ...auth, ...ofService } },
      schedules: { office: { service: "auth", start: "rate(1 day)", ...ofSchedule } },
    });
    const { input } = one(registrations, "aws:scheduler/schedule:Schedule", "start-engines-office-start")["target"] as { input: string };
    return (JSON.parse(input) as { maxAgeSeconds: number }).maxAgeSeconds;
  };
  assert.equal(await ageOf({}, {}), 900);
  assert.equal(await ageOf({ maxAgeSeconds: 60 }, {}), 60);
  assert.equal(await ageOf({ maxAgeSeconds: 60 }, { maxAgeSeconds: 0 }), 0);
});

test("clusters are reconciled every half hour unless it is switched off", async () => {
  const { registrations } = await deploy(leastArguments());
  const made = one(registrations, "aws:scheduler/schedule:Schedule", "start-engines-reconcile");
  assert.equal(made["scheduleExpression"], "rate(30 minutes)");
});

test("a schedule may only stop, or only start", async () => {
  for (const only of ["start", "stop"]) {
    const { registrations } = await deploy({
      ...soundArguments(),
      reconcileSchedule: "off",
      schedules: { office: { service: "auth", [only]: "rate(1 day)" } },
    });
    const schedules = registrations.filter(({ type }) => type === "aws:scheduler/schedule:Schedule");
    assert.deepEqual(schedules.map(({ name }) => name), [`start-engines-office-${only}`]);
  }
});

/** The detail-types that the role of the schedules may send. */
function sentBySchedules(registrations: Parameters<typeof one>[0]): readonly string[] | undefined {
  const role = one(registrations, "aws:iam/rolePolicy:RolePolicy", "start-engines-schedules");
  const policy = JSON.parse(String(role["policy"])) as {
    Statement: { Condition?: Record<string, Record<string, string[]>> }[];
  };
  return policy.Statement[0]?.Condition?.["ForAllValues:StringEquals"]?.["events:detail-type"];
}

test("one schedule has the tasks of all clusters compared with their targets, and may send nothing else", async () => {
  const other = CLUSTER.replace("engines", "workers");
  const { registrations } = await deploy({ ...soundArguments(), schedules: {}, clusters: [CLUSTER, other] });
  const sent = registrations.filter(({ type }) => type === "aws:scheduler/schedule:Schedule");
  assert.deepEqual(
    sent.map(({ name, inputs }): [string, unknown] => [
      name,
      JSON.parse(String((inputs["target"] as Record<string, unknown>)["input"])),
    ]),
    [
      ["start-engines-reconcile", { all: true, requestedAt: "<aws.scheduler.scheduled-time>" }],
    ],
  );
  for (const { inputs } of sent) {
    assert.deepEqual([inputs["scheduleExpression"], inputs["scheduleExpressionTimezone"]], ["rate(1 hour)", "UTC"]);
    const { eventbridgeParameters } = inputs["target"] as Record<string, unknown>;
    assert.deepEqual(eventbridgeParameters, {
      detailType: "Reconcile ECS Targets",
      source: "start-engines.schedules.start-engines",
    });
  }
  assert.deepEqual(sentBySchedules(registrations), ["Reconcile ECS Targets"]);
  const { environment } = one(registrations, "aws:lambda/function:Function", "start-engines");
  const { variables } = environment as { variables: Record<string, string> };
  assert.ok(variables["ALLOWED_SOURCES"]?.includes(",start-engines.schedules.start-engines,"), variables["ALLOWED_SOURCES"]);
});

test("without a schedule nothing is reconciled by itself, and nobody but an operator may ask", async () => {
  const { registrations } = await deploy({ ...soundArguments(), reconcileSchedule: "off" });
  const names = registrations.map(({ name }) => name);
  assert.deepEqual(names.filter((name) => name.includes("reconcile") || name.includes("unknown")), [
    "start-engines-send-reconciles",
  ]);
  assert.deepEqual(sentBySchedules(registrations), ["Start ECS Task", "Stop ECS Task"]);
});

test("outputs give applications all they need", async () => {
  const { result } = await deploy(soundArguments());
  const outputs = pulumi.all([
    result.eventBus,
    result.functionArn,
    result.putEventsPolicyArn,
    result.putStopEventsPolicyArn,
    result.putReconcileEventsPolicyArn,
  ]);
  const values = await new Promise<string[]>((resolve) => {
    outputs.apply((known) => {
      resolve(known);
    });
  });
  assert.deepEqual(values, [
    "engines",
    "arn:aws:lambda:us-east-1:111122223333:function:start-engines",
    `arn:aws:iam::111122223333:policy/start-engines-send-${END}`,
    `arn:aws:iam::111122223333:policy/start-engines-send-stops-${END}`,
    `arn:aws:iam::111122223333:policy/start-engines-send-reconciles-${END}`,
  ]);
});

test("outputs name what a team adds policies, alarms or dashboards to", async () => {
  const { registrations, result } = await deploy(soundArguments());
  const { roleArn, roleName, requestRuleArn, stateChangeRuleArn, onFailureQueueArn, ruleDeadLetterQueueArn, scheduleGroupName, alarmNames } = result;
  const named = { roleArn, roleName, requestRuleArn, stateChangeRuleArn, onFailureQueueArn, ruleDeadLetterQueueArn, scheduleGroupName };
  const told = await new Promise((resolve) => {
    pulumi.all([named, alarmNames]).apply(resolve);
  });
  const alarms = registrations.filter(({ type }) => type === "aws:cloudwatch/metricAlarm:MetricAlarm").map(({ inputs }) => inputs["name"]);
  assert.equal(alarms.length, 15);
  const outputs = {
    roleArn: `arn:aws:iam::111122223333:role/start-engines-${END}`,
    roleName: `start-engines-${END}`,
    requestRuleArn: "arn:aws:events:us-east-1:111122223333:rule/engines/start-engines-requests",
    stateChangeRuleArn: "arn:aws:events:us-east-1:111122223333:rule/start-engines-state-change",
    onFailureQueueArn: "arn:aws:sqs:us-east-1:111122223333:start-engines-failures",
    ruleDeadLetterQueueArn: "arn:aws:sqs:us-east-1:111122223333:start-engines-undelivered",
    scheduleGroupName: "start-engines",
  };
  assert.deepEqual(told, [outputs, alarms]);
});

test("the command gets all settings of the function but how it logs and waits, and where function, bus and queues are", async () => {
  const { registrations, result } = await deploy(soundArguments());
  const environment = await new Promise<Record<string, string>>((resolve) => {
    result.commandEnvironment.apply((known) => {
      resolve(known);
    });
  });
  const made = registrations.find(({ type }) => type === "aws:lambda/function:Function");
  const { variables } = made?.inputs["environment"] as { variables: Record<string, string> };
  const { API_RATES, SETTINGS_FILE, SERVICES_FILE, ...settings } = variables;
  assert.ok(SETTINGS_FILE !== undefined && SERVICES_FILE !== undefined);
  assert.ok(settings["LOG_LEVEL"] !== undefined && API_RATES !== undefined);
  const deployed = {
    AWS_REGION: "us-east-1",
    START_ENGINES_FUNCTION: "arn:aws:lambda:us-east-1:111122223333:function:start-engines",
    START_ENGINES_EVENT_BUS: "engines",
    START_ENGINES_LOG_GROUP: "/aws/lambda/start-engines",
    START_ENGINES_REQUEST_RULE: "arn:aws:events:us-east-1:111122223333:rule/engines/start-engines-requests",
    START_ENGINES_STATE_CHANGE_RULE: "arn:aws:events:us-east-1:111122223333:rule/start-engines-state-change",
  };
  const alarms = registrations.filter(({ type }) => type === "aws:cloudwatch/metricAlarm:MetricAlarm");
  const { START_ENGINES_RULE_DEAD_LETTER_QUEUE_URL, START_ENGINES_ON_FAILURE_QUEUE_URL, START_ENGINES_ALARMS, ...rest } = environment;
  // Not the sources of the version before, which no rule lets through.
  const sources = "app.tenants,start-engines.operator.start-engines,start-engines.schedules.start-engines";
  assert.deepEqual(rest, { ...deployed, ...settings, ALLOWED_SOURCES: sources });
  assert.match(START_ENGINES_RULE_DEAD_LETTER_QUEUE_URL ?? "", /undelivered$/);
  assert.match(START_ENGINES_ON_FAILURE_QUEUE_URL ?? "", /failures$/);
  assert.deepEqual(START_ENGINES_ALARMS?.split(",").sort(), alarms.map(({ inputs }) => String(inputs["name"])).sort());
});

test("a shell reads the lines back as they were", () => {
  const variables = { A: "one two", B: "it's $HOME `x` \\ \"", C: "" };
  const script = `${exportLines(variables)}\nprintf '%s|' "$A" "$B" "$C"`;
  const shown = execFileSync("bash", ["-c", script], { encoding: "utf8", env: {} });
  assert.equal(shown, `${Object.values(variables).join("|")}|`);
});

test("wrong arguments are an error before anything is registered", async () => {
  const { registrations } = await registrationsOf(() => {
    assert.throws(() => new StartEngines("start-engines", { ...soundArguments(), clusters: [] }), /args\.clusters is missing/);
  });
  assert.deepEqual(registrations, []);
});

test("a function that is renamed goes on with its tasks if it keeps the deployment", async () => {
  const { registrations, result } = await deploy({ ...soundArguments(), functionName: "engines-2", deployment: "engines" });
  const made = registrations.find(({ type }) => type === "aws:lambda/function:Function");
  const { variables } = made?.inputs["environment"] as { variables: Record<string, string> };
  assert.deepEqual([made?.inputs["name"], variables["DEPLOYMENT"]], ["engines-2", "engines"]);
  const environment = await new Promise<Record<string, string>>((resolve) => {
    result.commandEnvironment.apply((known) => {
      resolve(known);
    });
  });
  assert.equal(environment["DEPLOYMENT"], "engines");
  const { registrations: others } = await deploy({ ...soundArguments(), functionName: "engines-2" });
  const other = others.find(({ type }) => type === "aws:lambda/function:Function")?.inputs["environment"];
  assert.equal((other as { variables: Record<string, string> }).variables["DEPLOYMENT"], "engines-2");
});
