/** Each limit of AWS that arguments can reach: what fits works, and what does not is refused with both numbers. */

import assert from "node:assert/strict";
import { test } from "node:test";

import * as pulumi from "@pulumi/pulumi";

import { dashboardBody, MAX_METRICS, MAX_METRICS_OF_CHART } from "../component/src/dashboard";
import { StartEngines, type StartEnginesArgs } from "../component/src/index";
import { limitEnvironment, limitOperators, limitRequestPattern, limitRole } from "../component/src/limits";
import { characters, MAX_INLINE_CHARACTERS, MAX_MANAGED_CHARACTERS } from "../component/src/policies/spread";
import { Problems } from "../component/src/problems";
import { clusterOf, familyOf, LARGE, largeArguments, PREFIXES, taskRoleOf } from "./support/largeArguments";
import { type Registration, registrationsOf } from "./support/mocks";
import { leastArguments } from "./support/soundArguments";

const CHART_GROUP = { namespace: "AWS/ApplicationELB", targetGroup: "targetgroup/a/1", loadBalancer: "app/b/2" } as const;

function found(check: (problems: Problems) => void): readonly string[] {
  const problems = new Problems();
  check(problems);
  return problems.list;
}

async function deploy(args: StartEnginesArgs): Promise<Registration[]> {
  return (await registrationsOf(() => new StartEngines("start-engines", args))).registrations;
}

/** The problem that a program is refused with, before anything is registered. */
async function refused(args: StartEnginesArgs): Promise<string> {
  let message = "";
  const { registrations } = await registrationsOf(() => {
    try {
      return new StartEngines("start-engines", args);
    } catch (error) {
      message = (error as Error).message;
      return undefined;
    }
  });
  assert.deepEqual(registrations, []);
  return message;
}

function sizes(registrations: readonly Registration[], type: string, begin: string): number[] {
  const policies = registrations.filter((made) => made.type === type && made.name.startsWith(begin));
  return policies.map(({ inputs }) => String(inputs["policy"]).length);
}

test("500 services, 50 clusters and 500 target groups are deployed, with prefixes for IAM alone", async () => {
  const registrations = await deploy({ ...largeArguments(LARGE), iamPrefixes: PREFIXES });
  const count = (type: string) => registrations.filter((made) => made.type === type).length;
  // A start and a stop of each service, and a reconcile of each cluster.
  assert.equal(count("aws:scheduler/schedule:Schedule"), 1001);
  const [inline] = sizes(registrations, "aws:iam/rolePolicy:RolePolicy", "start-engines");
  assert.ok(inline !== undefined && inline <= MAX_INLINE_CHARACTERS);
  for (const size of sizes(registrations, "aws:iam/policy:Policy", "start-engines")) assert.ok(size <= MAX_MANAGED_CHARACTERS, String(size));
  const attached = registrations.filter((made) => made.type === "aws:iam/rolePolicyAttachment:RolePolicyAttachment");
  assert.ok(attached.length >= 1 && attached.length <= 8, String(attached.length));
});

test("without prefixes so many are refused before anything is registered, with both numbers", async () => {
  const message = await refused(largeArguments(LARGE));
  const [, policies = "", size = ""] = /the number of managed policies of the function's role = (\d+): for (\d+) characters/.exec(message) ?? [];
  assert.ok(Number(policies) > 8, message);
  assert.ok(Number(size) > 8 * MAX_MANAGED_CHARACTERS, message);
  assert.match(message, /beside an inline one of 10240: at most 8 of 6144 characters are made; give iamPrefixes/);
  assert.match(message, /the number of managed policies of the operators = \d+: for \d+ characters: at most 8 of 6144 characters are made/);
});

test("full names are in as many policies as they need", async () => {
  const none = await deploy(largeArguments({ services: 20, clusters: 1, groups: 20 }));
  assert.deepEqual(sizes(none, "aws:iam/policy:Policy", "start-engines-function"), []);
  const registrations = await deploy(largeArguments({ services: 200, clusters: 2, groups: 200 }));
  const managed = sizes(registrations, "aws:iam/policy:Policy", "start-engines-function");
  assert.ok(managed.length >= 4 && managed.length <= 8, String(managed.length));
  const inline = String(registrations.find((made) => made.type === "aws:iam/rolePolicy:RolePolicy" && made.name === "start-engines")?.inputs["policy"]);
  const all = registrations.filter(({ name }) => name.startsWith("start-engines-function")).map(({ inputs }) => String(inputs["policy"]));
  const text = [inline, ...all].join();
  for (let n = 0; n < 200; n += 1) assert.ok(text.includes(`task-definition/${familyOf(n)}:*`) && text.includes(taskRoleOf(n)), String(n));
});

/** The documents of the function's policies, the inline one first. */
function documentsOf(registrations: readonly Registration[]): string[] {
  const inline = registrations.filter(({ type, name }) => type === "aws:iam/rolePolicy:RolePolicy" && name === "start-engines");
  const managed = registrations.filter(({ type, name }) => type === "aws:iam/policy:Policy" && name.startsWith("start-engines-function-"));
  // Each is registered after those that follow it.
  return [...inline, ...managed.reverse()].map(({ inputs }) => String(inputs["policy"]));
}

test("a service that goes changes the policies that it is in, and its neighbours' stay", async () => {
  // Without a start and a stop of each, which these policies do not name.
  const args = { ...largeArguments({ services: 200, clusters: 2, groups: 200 }), schedules: undefined };
  const before = documentsOf(await deploy(args));
  assert.ok(before.length >= 6, String(before.length));
  const [family, role] = [familyOf(3), taskRoleOf(3)];
  const { [family]: group, ...targetGroups } = args.targetGroups;
  const without = {
    ...args,
    taskFamilies: (args.taskFamilies as string[]).filter((name) => name !== family),
    taskRoles: (args.taskRoles as string[]).filter((name) => name !== role),
    targetGroups,
    services: Object.fromEntries(Object.entries(args.services ?? {}).filter(([name]) => name !== family)),
  };
  const after = documentsOf(await deploy(without));
  const changed = before.filter((text, n) => text !== after[n]);
  // Its family, its target group and its role are in one each.
  const named = [`task-definition/${family}:*`, (group as { arn: string }).arn, role];
  assert.deepEqual(changed, before.filter((text) => named.some((name) => text.includes(`${name}"`))));
  assert.equal(after.length, before.length);
});

test("the number of policies is the same when names are outputs of fewer characters than there could be", async () => {
  const args = largeArguments({ services: 40, clusters: 1, groups: 40 });
  const names = args.taskFamilies as string[];
  const without = { ...args, services: undefined, schedules: undefined };
  const plain = documentsOf(await deploy({ ...without, taskFamilies: names }));
  const short = documentsOf(await deploy({ ...without, taskFamilies: names.map((family) => pulumi.output(family)) }));
  const long = documentsOf(await deploy({ ...without, taskFamilies: names.map((family) => pulumi.output(family.padEnd(255, "x"))) }));
  // The longest names fill what the others leave empty.
  assert.equal(short.length, long.length);
  assert.ok(plain.length < short.length, `${plain.length} ${short.length}`);
  const sids = (text: string | undefined) => (JSON.parse(text ?? "") as { Statement: { Sid: string }[] }).Statement.map(({ Sid }) => Sid);
  assert.deepEqual(sids(short.at(-1)), ["SeeTaskDefinitions"]);
  assert.notDeepEqual(sids(long.at(-1)), ["SeeTaskDefinitions"]);
});

test("a list that is an output as a whole adds no policy, and is refused when it turns out to need one", () => {
  const documents = Array.from({ length: 3 }, () => ({ Version: "2012-10-17" as const, Statement: [] }));
  const [problem, ...others] = found((problems) => { limitRole({ documents, managed: 1 }, problems); });
  assert.match(problem ?? "", /= 2: for \d+ characters, .*: only 1 follow from what is plain in the arguments: give lists whose items may be outputs/);
  assert.deepEqual(others, []);
  assert.deepEqual(found((problems) => { limitRole({ documents, managed: 2 }, problems); }), []);
});

test("a policy with a statement that cannot be split is refused with size and limit", () => {
  const long = (size: number) => ({ Version: "2012-10-17" as const, Statement: [{ Sid: "x".repeat(size), Effect: "Allow" as const, Action: [] }] });
  const role = found((problems) => { limitRole({ documents: [long(MAX_INLINE_CHARACTERS)], managed: 0 }, problems); });
  assert.match(role.join(), /the size of the inline policy of the function's role = 10\d{3}: AWS allows at most 10240 characters/);
  const people = found((problems) => { limitOperators({ documents: [long(MAX_MANAGED_CHARACTERS)], managed: 1 }, problems); });
  assert.match(people.join(), /the size of a managed policy of the operators = 62\d{2}: AWS allows at most 6144 characters/);
});

test("the environment is full at Lambda's last byte", () => {
  assert.deepEqual(found((problems) => { limitEnvironment({ A: "x".repeat(4095) }, problems); }), []);
  assert.deepEqual(found((problems) => { limitEnvironment({ A: "é".repeat(2048) }, problems); }), [
    "the size of the function's environment = 4097: AWS allows at most 4096 bytes: give fewer or shorter defaults, and less in environment",
  ]);
});

test("sources fill an event pattern up to the last character, and one more is refused before anything is registered", async () => {
  const pattern = (length: number) => ({ source: ["x".repeat(length)] });
  const room = 2048 - characters(pattern(0));
  assert.deepEqual(found((problems) => { limitRequestPattern(pattern(room), problems); }), []);
  assert.deepEqual(found((problems) => { limitRequestPattern(pattern(room + 1), problems); }), [
    "the size of the event pattern of args.sources = 2049: AWS allows at most 2048 characters: name fewer sources",
  ]);
  const sources = Array.from({ length: 100 }, (_, n) => `app.tenants.of.the.platform.${n}`);
  assert.match(await refused({ ...leastArguments(), sources }), /the size of the event pattern of args\.sources = 3\d{3}: AWS allows/);
});

test("where the clusters do not fit into the pattern it names none", async () => {
  const clustersOf = async (count: number) => {
    const registrations = await deploy({ ...leastArguments(), clusters: Array.from({ length: count }, (_, n) => clusterOf(n)) });
    const rule = registrations.find((made) => made.name === "start-engines-state-change" && made.type === "aws:cloudwatch/eventRule:EventRule");
    const text = String(rule?.inputs["eventPattern"]);
    assert.ok(text.length <= 2048);
    return (JSON.parse(text) as { detail: { clusterArn?: string[]; startedBy: unknown } }).detail;
  };
  const most = await clustersOf(28);
  assert.equal(most.clusterArn?.length, 28);
  const { clusterArn, startedBy } = await clustersOf(50);
  assert.equal(clusterArn, undefined);
  assert.deepEqual(startedBy, [{ prefix: "start-engines/" }]);
});

test("charts keep to CloudWatch's metrics of a chart and of a dashboard, up to the most target groups", async () => {
  const body = (groups: number) =>
    dashboardBody({
      region: "us-east-1",
      functionName: "start-engines",
      onFailureQueueName: "a",
      ruleDeadLetterQueueName: "b",
      buffers: [],
      groups: Array.from({ length: groups }, (_, n) => ({ ...CHART_GROUP, label: `g${n}` })),
    });
  const charts = (groups: number) => body(groups).widgets.filter(({ properties }) => properties.title.startsWith("Targets by health"));
  assert.deepEqual(charts(1).map(({ properties }) => properties.title), ["Targets by health"]);
  assert.deepEqual(charts(250).map(({ properties }) => properties.metrics.length), [MAX_METRICS_OF_CHART]);
  assert.deepEqual(
    charts(1000).map(({ properties }) => [properties.title, properties.metrics.length]),
    [1, 2, 3, 4].map((n) => [`Targets by health, ${n} of 4`, MAX_METRICS_OF_CHART]),
  );
  const all = body(1000).widgets.reduce((sum, { properties }) => sum + properties.metrics.length, 0);
  // Three charts search by reason, of which there are dozens.
  assert.ok(all + 3 * 100 <= MAX_METRICS, String(all));
  const message = await refused(largeArguments({ services: 1, clusters: 1, groups: 1001 }));
  assert.match(message, /args\.targetGroups = an object of 1001 fields: must have at most 1000 items, not 1001/);
});

test("lists have the lengths that are documented", async () => {
  const many = (count: number, of: (n: number) => string) => Array.from({ length: count }, (_, n) => of(n));
  const cases: [change: Partial<StartEnginesArgs>, problem: string][] = [
    [{ clusters: many(101, clusterOf) }, "args.clusters = an array of 101: must have at most 100 items, not 101"],
    [{ taskFamilies: many(1001, familyOf) }, "args.taskFamilies = an array of 1001: must have at most 1000 items, not 1001"],
    [{ taskRoles: many(2001, taskRoleOf) }, "args.taskRoles = an array of 2001: must have at most 2000 items, not 2001"],
    [{ infrastructureRoles: many(2001, taskRoleOf) }, "args.infrastructureRoles = an array of 2001: must have at most 2000 items, not 2001"],
    [{ iamPrefixes: { families: many(51, (n) => `a${n}*`) } }, "args.iamPrefixes.families = an array of 51: must have at most 50 items, not 51"],
    [{ sources: many(101, (n) => `a${n}`) }, "args.sources = an array of 101: must have at most 100 items, not 101"],
  ];
  for (const [change, problem] of cases) assert.ok((await refused({ ...leastArguments(), ...change })).includes(problem), problem);
});
