/** The documents that the component emits, judged by another's IAM engine. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { before, describe, test } from "node:test";

import type { PolicyDocument } from "../component/src/policies/document";
import { StartEngines, type StartEnginesArgs } from "../component/src/index";
import { EXCEPTIONS, resourcesOf } from "./support/authorization";
import * as calls from "./support/calls";
import { assertAnswers, mayService } from "./support/judge";
import { clusterOf, familyOf, groupOf, LARGE, largeArguments, PREFIXES, type Size, taskRoleOf } from "./support/largeArguments";
import { END, type Registration, registrationsOf } from "./support/mocks";
import { EXECUTION_ROLE, GROUP, INFRASTRUCTURE_ROLE, NETWORK_GROUP, soundArguments, TASK_ROLE } from "./support/soundArguments";

const ACCOUNT = "111122223333";
const OTHER_GROUP = GROUP.replace("/auth/", "/other/");
const START = "Start ECS Task";
const STOP = "Stop ECS Task";
const RECONCILE = "Reconcile ECS Targets";
const LATER_ROLE = `arn:aws:iam::${ACCOUNT}:role/start-engines-later-${END}`;
const DRAINING = ["start-engines:stop-at"];

/** What a service may put into a queue, by the queue's own policy. */
function maySend(policy: PolicyDocument, queue: string, rule: string, principal: string): Promise<boolean> {
  return mayService(policy, principal, calls.sendMessage(queue, `arn:aws:events:us-east-1:${ACCOUNT}:rule/${rule}`));
}

/** The queues of buffered mode, each for the rule at its place in `RULES`. */
const BUFFERS = ["start-engines-requests", "start-engines-state-changes"];
const RULES = ["engines/start-engines-requests", "start-engines-state-change"];

async function assertOnlyTheseSend(policy: PolicyDocument, queue: string, rules: readonly string[]): Promise<void> {
  for (const rule of [...RULES, "another"]) {
    assert.equal(await maySend(policy, queue, rule, "events.amazonaws.com"), rules.includes(rule), rule);
    assert.ok(!(await maySend(policy, queue, rule, "sns.amazonaws.com")));
  }
}

/** What `doctor` reads has a policy of its own: `doctorPolicy.test.ts`. */
const OF_DOCTOR = "reads/";

/** The operations that the Rust code in a folder calls, by the names that it gives their errors: literals or constants. */
function operationsOf(folder: string): Set<string> {
  const root = path.join(__dirname, "../../src", folder);
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".rs") && !file.startsWith(OF_DOCTOR));
  const found = files.flatMap((file) => {
    const code = readFileSync(path.join(root, file), "utf8");
    return [...code.matchAll(/call_error\(\s*(?:"(\w+)"|([A-Z_]+)\b)/g)].flatMap(([, literal, constant]) => {
      if (literal !== undefined) return [literal];
      const values = [...code.matchAll(new RegExp(`const ${constant}: &str = "(\\w+)"`, "g"))].map((match) => match[1] ?? "");
      assert.ok(values.length > 0, `${file}: ${constant} has no value`);
      return values;
    });
  });
  return new Set(found);
}

describe("IAM", () => {
  let registrations: Registration[];
  let buffered: Registration[];

  before(async () => {
    ({ registrations } = await registrationsOf(() => new StartEngines("start-engines", soundArguments())));
    const args = { ...soundArguments(), buffered: true };
    ({ registrations: buffered } = await registrationsOf(() => new StartEngines("start-engines", args)));
  });

  function emitted(type: string, name: string, from = registrations): PolicyDocument {
    const found = from.find((made) => made.type === type && made.name === name);
    return JSON.parse(String(found?.inputs["policy"])) as PolicyDocument;
  }

  const functionPolicy = () => emitted("aws:iam/rolePolicy:RolePolicy", "start-engines");

  /** Each call of the function, with a real resource and its real condition keys. */
  const made: calls.Call[] = [
    calls.runTask("auth", "engines"),
    calls.tagResource("engines", { action: "RunTask" }),
    calls.tagResource("engines", { tagKeys: DRAINING }),
    calls.stopTask("engines"),
    calls.createSchedule("start-engines", "start-engines-stop-0123456789abcdef0123456789abcdef"),
    calls.createSchedule("start-engines", "start-engines-reconcile-0123456789abcdef0123456789abcdef-1"),
    calls.createSchedule("start-engines", "start-engines-check-0123456789abcdef0123456789abcdef"),
    calls.createSchedule("start-engines", "start-engines-recheck-0123456789abcdef0123456789abcdef"),
    calls.passRole(LATER_ROLE, "scheduler.amazonaws.com"),
    calls.describeTasks("engines"),
    calls.listTasks("engines"),
    calls.describeContainerInstances("engines"),
    calls.describeTaskDefinition(),
    calls.describeInstances(),
    calls.describeNetworkInterfaces(),
    calls.onTargets("RegisterTargets", GROUP),
    calls.onTargets("RegisterTargets", NETWORK_GROUP),
    calls.onTargets("DeregisterTargets", GROUP),
    calls.describeTargets("DescribeTargetGroupAttributes"),
    calls.describeTargets("DescribeTargetGroups"),
    calls.describeTargets("DescribeTargetHealth"),
    calls.passRole(TASK_ROLE, "ecs-tasks.amazonaws.com"),
    calls.passRole(EXECUTION_ROLE, "ecs-tasks.amazonaws.com"),
    calls.passRole(INFRASTRUCTURE_ROLE, "ecs.amazonaws.com"),
    calls.writeLogs("CreateLogStream", "/aws/lambda/start-engines"),
    calls.writeLogs("PutLogEvents", "/aws/lambda/start-engines"),
    calls.sendMessage("start-engines-failures"),
    calls.putEvents("outcomes", ["start-engines"], ["ECS Task Started", "ECS Task Registered"]),
    calls.putEvents("outcomes", ["start-engines"], ["ECS Task Healthy", "ECS Task Unhealthy"]),
  ];

  test("the function may do all that it does, and nothing beside it", async () => {
    await assertAnswers(functionPolicy(), made, [
      calls.runTask("other", "engines"),
      calls.runTask("auth2", "engines"),
      calls.runTask("auth", "other"),
      calls.tagResource("engines", {}),
      calls.tagResource("engines", { action: "CreateService" }),
      calls.tagResource("other", { action: "RunTask" }),
      calls.tagResource("other", { tagKeys: DRAINING }),
      calls.tagResource("engines", { tagKeys: ["start-engines:port"] }),
      calls.tagResource("engines", { tagKeys: [...DRAINING, "team"] }),
      calls.stopTask("other"),
      calls.createSchedule("start-engines", "another"),
      calls.createSchedule("default", "start-engines-stop-0123456789abcdef0123456789abcdef"),
      calls.passRole(LATER_ROLE, "lambda.amazonaws.com"),
      calls.passRole(TASK_ROLE, "scheduler.amazonaws.com"),
      calls.describeTasks("other"),
      calls.listTasks("other"),
      calls.describeContainerInstances("other"),
      { ...calls.describeInstances(), action: "ec2:TerminateInstances" },
      { ...calls.describeNetworkInterfaces(), action: "ec2:DeleteNetworkInterface" },
      calls.onTargets("RegisterTargets", OTHER_GROUP),
      calls.onTargets("DeregisterTargets", OTHER_GROUP),
      calls.passRole(`arn:aws:iam::${ACCOUNT}:role/admin`, "ecs-tasks.amazonaws.com"),
      calls.passRole(TASK_ROLE, "ec2.amazonaws.com"),
      calls.passRole(TASK_ROLE, "ecs.amazonaws.com"),
      calls.passRole(INFRASTRUCTURE_ROLE, "ecs-tasks.amazonaws.com"),
      calls.writeLogs("PutLogEvents", "/aws/lambda/start-engines-2"),
      calls.sendMessage("start-engines-undelivered"),
      calls.putEvents("engines", ["app.tenants"], [START]),
      calls.putEvents("engines", ["start-engines"], ["ECS Task Started"]),
      calls.putEvents("outcomes", ["app.tenants"], [START]),
      calls.putEvents("outcomes", ["start-engines"], [START]),
      { ...calls.onTargets("RegisterTargets", GROUP), action: "elasticloadbalancing:DeleteTargetGroup" },
    ]);
  });

  test("the policy allows nothing that the function never calls, and all of what its code calls", () => {
    const inCode = operationsOf("aws");
    const services: Record<string, string> = {
      RunTask: "ecs",
      DescribeTasks: "ecs",
      ListTasks: "ecs",
      StopTask: "ecs",
      TagResource: "ecs",
      DescribeContainerInstances: "ecs",
      DescribeTaskDefinition: "ecs",
      DescribeInstances: "ec2",
      DescribeNetworkInterfaces: "ec2",
      CreateSchedule: "scheduler",
      PutEvents: "events",
    };
    const service = (name: string) => services[name] ?? "elasticloadbalancing";
    const called = [...inCode].map((name) => `${service(name)}:${name}`);
    // What RunTask, the runtime and Lambda need beside the calls themselves.
    const implied = ["iam:PassRole", "logs:CreateLogStream", "logs:PutLogEvents", "sqs:SendMessage"];
    const allowed = new Set(functionPolicy().Statement.flatMap((statement) => statement.Action));
    assert.deepEqual([...allowed].sort(), [...called, ...implied].sort());
    const tried = new Set(made.map((call) => call.action));
    assert.deepEqual([...tried].sort(), [...allowed].sort());
  });

  test("what lists tasks is asked for with and without a container instance, and fails where one of the two is left out", async () => {
    const call = calls.listTasks("engines");
    const instance = "arn:aws:ecs:us-east-1:111122223333:container-instance/engines/0123456789abcdef0123456789abcdef";
    assert.deepEqual(await resourcesOf(call), [instance, "*"]);
    for (const policy of [functionPolicy(), emitted("aws:iam/policy:Policy", "start-engines-operators")]) {
      await assertAnswers(policy, [call], []);
      // As it was: on container instances only, which each late stop, stop of a service, reconcile and status was denied by.
      const narrow = policy.Statement.map((one) => (one.Action.includes("ecs:ListTasks") ? { ...one, Resource: [instance] } : one));
      await assert.rejects(assertAnswers({ ...policy, Statement: narrow }, [call], []), /allowed: .*ListTasks.* on \*/);
      await assertAnswers({ ...policy, Statement: narrow.filter((one) => one.Sid !== "ListTasks") }, [], [call]);
    }
  });

  test("each exception to the reference is of a call that is made, and says where it was met", () => {
    const actions = made.map((call) => call.action);
    for (const [action, { sources, why }] of Object.entries(EXCEPTIONS)) {
      assert.ok(actions.includes(action) && why !== "" && sources.length > 0, action);
      for (const source of sources) assert.match(source, /^https:/);
    }
  });

  test("a wildcard is only where IAM knows nothing else", () => {
    const wild = functionPolicy().Statement.filter((statement) => statement.Resource === "*");
    assert.deepEqual(wild.flatMap((statement) => statement.Action), [
      // And then only in the clusters.
      "ecs:ListTasks",
      "ecs:DescribeTaskDefinition",
      "ec2:DescribeInstances",
      "ec2:DescribeNetworkInterfaces",
      "elasticloadbalancing:DescribeTargetGroupAttributes",
      "elasticloadbalancing:DescribeTargetGroups",
      "elasticloadbalancing:DescribeTargetHealth",
    ]);
  });

  describe("with more names than one policy has room for", () => {
    const SIZE = { services: 150, clusters: 3, groups: 150 };
    let full: Registration[];
    let byPrefix: Registration[];

    before(async () => {
      const deployed = (args: StartEnginesArgs) => registrationsOf(() => new StartEngines("start-engines", args));
      ({ registrations: full } = await deployed(largeArguments(SIZE)));
      ({ registrations: byPrefix } = await deployed({ ...largeArguments(LARGE), iamPrefixes: PREFIXES }));
    });

    /** The inline policy, and what is attached. */
    function ofFunction(from: Registration[]): PolicyDocument[] {
      const attached = from.filter(({ type }) => type === "aws:iam/rolePolicyAttachment:RolePolicyAttachment");
      assert.ok(attached.length > 0);
      const arns = attached.map(({ inputs }) => String(inputs["policyArn"]));
      const managed = from.filter(({ type, inputs }) => type === "aws:iam/policy:Policy" && arns.some((arn) => arn.endsWith(`/${String(inputs["name"])}`)));
      assert.equal(managed.length, attached.length);
      const documents = managed.map(({ inputs }) => JSON.parse(String(inputs["policy"])) as PolicyDocument);
      return [emitted("aws:iam/rolePolicy:RolePolicy", "start-engines", from), ...documents];
    }

    function ofOperators(from: Registration[]): PolicyDocument[] {
      const policies = from.filter(({ type, name }) => type === "aws:iam/policy:Policy" && name.startsWith("start-engines-operators"));
      return policies.map(({ inputs }) => JSON.parse(String(inputs["policy"])) as PolicyDocument);
    }

    const everywhere = (size: Size) => {
      const [service, group] = [size.services - 1, size.groups - 1];
      const clusters = [0, size.clusters - 1].map((n) => clusterOf(n).split("/")[1] ?? "");
      return [
        ...[0, Math.floor(service / 2), service].flatMap((n) => [
          ...clusters.map((cluster) => calls.runTask(familyOf(n), cluster)),
          calls.passRole(taskRoleOf(n), "ecs-tasks.amazonaws.com"),
        ]),
        ...[0, Math.floor(group / 2), group].flatMap((n) => [
          calls.onTargets("RegisterTargets", groupOf(n)),
          calls.onTargets("DeregisterTargets", groupOf(n)),
        ]),
        ...clusters.flatMap((cluster) => [
          calls.tagResource(cluster, { action: "RunTask" }),
          calls.tagResource(cluster, { tagKeys: DRAINING }),
          calls.stopTask(cluster),
          calls.describeTasks(cluster),
          calls.listTasks(cluster),
          calls.describeContainerInstances(cluster),
        ]),
        calls.sendMessage("start-engines-failures"),
        calls.describeTaskDefinition(),
      ];
    };
    const beside = [
      calls.runTask("other", "engines-000"),
      calls.runTask("engine-000", "other"),
      calls.runTask("engine-000", "engines-999"),
      calls.passRole(`arn:aws:iam::${ACCOUNT}:role/admin`, "ecs-tasks.amazonaws.com"),
      calls.passRole("arn:aws:iam::111122223333:role/engine-000-task", "ecs.amazonaws.com"),
      calls.onTargets("RegisterTargets", GROUP),
      calls.stopTask("engines-999"),
      calls.listTasks("engines-999"),
      calls.tagResource("engines-000", { tagKeys: ["team"] }),
    ];

    test("the policies of the role allow together what one would, in full", async () => {
      const policies = ofFunction(full);
      assert.ok(policies.length > 2, String(policies.length));
      await assertAnswers(policies, everywhere(SIZE), [
        ...beside,
        calls.runTask("engine-999", "engines-000"),
        calls.runTask("engine-00", "engines-000"),
        calls.onTargets("RegisterTargets", groupOf(999)),
        calls.passRole(taskRoleOf(999), "ecs-tasks.amazonaws.com"),
      ]);
      // The inline one alone does not.
      const [inline] = policies;
      assert.ok(inline !== undefined);
      await assertAnswers(inline, [], [calls.onTargets("RegisterTargets", groupOf(149))]);
    });

    test("and by prefix, for 500 services, 50 clusters and 500 target groups", async () => {
      await assertAnswers(ofFunction(byPrefix), everywhere(LARGE), beside);
    });

    test("operators need all of their policies", async () => {
      const policies = ofOperators(full);
      assert.ok(policies.length > 1, String(policies.length));
      const allowed = [0, 149].flatMap((n) => [calls.onTargets("RegisterTargets", groupOf(n))]);
      const denied = [calls.onTargets("RegisterTargets", groupOf(150)), calls.stopTask("other"), calls.runTask("engine-000", "engines-000")];
      await assertAnswers(policies, [...allowed, calls.stopTask("engines-002"), calls.invokeFunction("start-engines")], denied);
      await assertAnswers(ofOperators(byPrefix), [calls.onTargets("DeregisterTargets", groupOf(499))], [calls.onTargets("DeregisterTargets", GROUP)]);
    });
  });

  test("applications may send start events of their own source and nothing else", async () => {
    await assertAnswers(
      emitted("aws:iam/policy:Policy", "start-engines-send"),
      [calls.putEvents("engines", ["app.tenants"], [START])],
      [
        calls.putEvents("default", ["app.tenants"], [START]),
        calls.putEvents("engines", ["app.other"], [START]),
        calls.putEvents("engines", ["start-engines.schedules.start-engines"], [START]),
        calls.putEvents("engines", ["app.tenants"], [STOP]),
        calls.putEvents("engines", ["app.tenants"], [RECONCILE]),
        // One good event does not take a bad one along.
        calls.putEvents("engines", ["app.tenants", "app.other"], [START]),
        calls.putEvents("engines", ["app.tenants"], [START, STOP]),
        { ...calls.putEvents("engines", [], []), keys: {} },
      ],
    );
  });

  test("a policy of its own lets applications stop", async () => {
    await assertAnswers(
      emitted("aws:iam/policy:Policy", "start-engines-send-stops"),
      [calls.putEvents("engines", ["app.tenants"], [STOP])],
      [calls.putEvents("engines", ["app.tenants"], [START]), calls.putEvents("engines", ["app.other"], [STOP])],
    );
  });

  test("and another one lets operators reconcile", async () => {
    await assertAnswers(
      emitted("aws:iam/policy:Policy", "start-engines-send-reconciles"),
      [calls.putEvents("engines", ["app.tenants"], [RECONCILE])],
      [
        calls.putEvents("engines", ["app.tenants"], [START]),
        calls.putEvents("engines", ["app.tenants"], [STOP]),
        calls.putEvents("engines", ["app.tenants"], [RECONCILE, STOP]),
        calls.putEvents("engines", ["app.other"], [RECONCILE]),
      ],
    );
  });

  test("operators may do all that the command does, and nothing beside it", async () => {
    const source = "start-engines.operator.start-engines";
    const policy = emitted("aws:iam/policy:Policy", "start-engines-operators");
    const allowed = [
      calls.putEvents("engines", [source], [START]),
      calls.putEvents("engines", [source], [STOP]),
      calls.describeTasks("engines"),
      calls.stopTask("engines"),
      calls.listTasks("engines"),
      calls.describeContainerInstances("engines"),
      calls.describeTaskDefinition(),
      calls.describeInstances(),
      calls.describeNetworkInterfaces(),
      calls.describeTargets("DescribeTargetGroups"),
      calls.describeTargets("DescribeTargetHealth"),
      calls.onTargets("RegisterTargets", GROUP),
      calls.onTargets("DeregisterTargets", GROUP),
      ...["ReceiveMessage", "ChangeMessageVisibility", "DeleteMessage"].flatMap((action) => [
        calls.onQueue(action, "start-engines-undelivered"),
        calls.onQueue(action, "start-engines-failures"),
      ]),
      calls.invokeFunction("start-engines"),
      calls.readLog("/aws/lambda/start-engines"),
      calls.getSchedule("start-engines", "start-engines-stop-1"),
    ];
    await assertAnswers(policy, allowed, [
      calls.readLog("/aws/lambda/other"),
      calls.getSchedule("start-engines", "reconcile"),
      calls.getSchedule("other", "start-engines-stop-1"),
      calls.putEvents("engines", ["app.tenants"], [START]),
      calls.putEvents("engines", ["start-engines.schedules.start-engines"], [START]),
      calls.putEvents("engines", [source], ["ECS Task State Change"]),
      calls.putEvents("default", [source], [START]),
      calls.stopTask("other"),
      calls.runTask("auth", "engines"),
      calls.tagResource("engines", { tagKeys: DRAINING }),
      calls.describeTasks("other"),
      calls.listTasks("other"),
      calls.onTargets("RegisterTargets", GROUP.replace("auth", "other")),
      calls.onQueue("SendMessage", "start-engines-failures"),
      calls.onQueue("PurgeQueue", "start-engines-failures"),
      calls.onQueue("ReceiveMessage", "other"),
      calls.invokeFunction("other"),
    ]);
    const tried = new Set(allowed.map((call) => call.action));
    assert.deepEqual([...new Set(policy.Statement.flatMap((one) => one.Action))].sort(), [...tried].sort());
    // What the command's own calls are, and those that it makes with the function's clients: its events, and a reconcile's.
    const own = operationsOf("cli/aws");
    const ofFunction = [
      "PutEvents",
      "DescribeContainerInstances",
      "DescribeTaskDefinition",
      "DescribeInstances",
      "DescribeNetworkInterfaces",
      "DescribeTargetGroups",
      "RegisterTargets",
      "DeregisterTargets",
      "StopTask",
    ];
    const names = [...tried].map((action) => (action.split(":")[1] ?? "").replace("InvokeFunction", "Invoke"));
    assert.deepEqual(names.sort(), [...new Set([...own, ...ofFunction])].sort());
  });

  test("schedules may send events of the schedules' source, and keep what was not delivered", async () => {
    const source = "start-engines.schedules.start-engines";
    await assertAnswers(
      emitted("aws:iam/rolePolicy:RolePolicy", "start-engines-schedules"),
      [
        calls.putEvents("engines", [source], [START]),
        calls.putEvents("engines", [source], [STOP]),
        calls.putEvents("engines", [source], [RECONCILE]),
        calls.sendMessage("start-engines-undelivered"),
      ],
      [
        calls.putEvents("engines", ["app.tenants"], [START]),
        calls.putEvents("engines", [source], ["ECS Task State Change"]),
        calls.sendMessage("start-engines-failures"),
        calls.invokeFunction("start-engines"),
      ],
    );
  });

  test("the function's own schedules may invoke the function, and keep what was not delivered", async () => {
    await assertAnswers(
      emitted("aws:iam/rolePolicy:RolePolicy", "start-engines-later"),
      [calls.invokeFunction("start-engines"), calls.sendMessage("start-engines-undelivered")],
      [
        calls.invokeFunction("another"),
        calls.putEvents("engines", ["app.tenants"], [STOP]),
        calls.sendMessage("start-engines-failures"),
      ],
    );
  });

  test("only the two rules may put messages into the dead-letter queue", async () => {
    const policy = emitted("aws:sqs/queuePolicy:QueuePolicy", "start-engines-undelivered");
    await assertOnlyTheseSend(policy, "start-engines-undelivered", RULES);
  });

  test("only its own rule may put messages into a queue before the function", async () => {
    for (const [n, queue] of BUFFERS.entries()) {
      const policy = emitted("aws:sqs/queuePolicy:QueuePolicy", queue, buffered);
      await assertOnlyTheseSend(policy, queue, [RULES[n] ?? ""]);
    }
  });

  test("buffered, operators may take what failed of both queues, and nothing that still waits there", async () => {
    const policy = emitted("aws:iam/policy:Policy", "start-engines-operators", buffered);
    const actions = ["ReceiveMessage", "ChangeMessageVisibility", "DeleteMessage"];
    const onEach = (queues: readonly string[]) => queues.flatMap((queue) => actions.map((action) => calls.onQueue(action, queue)));
    const failed = BUFFERS.map((queue) => `${queue}-dead-letters`);
    await assertAnswers(policy, onEach(failed), onEach(BUFFERS));
    await assertAnswers(emitted("aws:iam/policy:Policy", "start-engines-operators"), [], onEach(failed));
  });

  test("buffered, the function may take messages of its queues as well, and of no other", async () => {
    const policy = emitted("aws:iam/rolePolicy:RolePolicy", "start-engines", buffered);
    const others = [...BUFFERS.map((queue) => `${queue}-dead-letters`), "start-engines-failures", "start-engines-undelivered"];
    const taken = (["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"] as const).map((operation) => ({
      own: BUFFERS.map((queue) => calls.takeMessages(operation, queue)),
      others: others.map((queue) => calls.takeMessages(operation, queue)),
    }));
    await assertAnswers(
      policy,
      [...made, ...taken.flatMap(({ own }) => own)],
      [
        ...taken.flatMap((one) => one.others),
        ...BUFFERS.map((queue) => calls.sendMessage(queue)),
        ...BUFFERS.map((queue) => calls.onQueue("PurgeQueue", queue)),
      ],
    );
    await assertAnswers(functionPolicy(), [], taken.flatMap(({ own }) => own));
  });
});
