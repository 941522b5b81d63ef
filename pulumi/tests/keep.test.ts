/** What holds data stays, if it is asked for. */

import assert from "node:assert/strict";
import { test } from "node:test";

import * as pulumi from "@pulumi/pulumi";

import { checkArguments } from "../component/src/check";
import { StartEngines, type StartEnginesArgs } from "../component/src/index";
import { known } from "../component/src/known";
import { registrationsOf } from "./support/mocks";
import { soundArguments } from "./support/soundArguments";

/** The children that are retained, and the log group's `skipDestroy`. */
async function keptBy(change: Partial<StartEnginesArgs>) {
  const retained: string[] = [];
  const watch: pulumi.ResourceTransformation = ({ type, name, opts }) => {
    if (opts.retainOnDelete === true) retained.push(`${type.split(":")[2] ?? ""} ${name.replace("start-engines-", "")}`);
    return undefined;
  };
  const { registrations } = await registrationsOf(
    () => new StartEngines("start-engines", { ...soundArguments(), ...change }, { transformations: [watch] }),
  );
  const logGroup = registrations.find(({ type }) => type === "aws:cloudwatch/logGroup:LogGroup");
  return { retained: retained.sort(), skipDestroy: logGroup?.inputs["skipDestroy"] };
}

const DIRECT = ["Queue failures", "Queue undelivered", "QueuePolicy failures", "QueuePolicy undelivered"];
const BUFFERED = ["requests", "requests-dead-letters", "state-changes", "state-changes-dead-letters"].flatMap((queue) => [
  `Queue ${queue}`,
  `QueuePolicy ${queue}`,
  ...(queue.endsWith("letters") ? [`RedriveAllowPolicy ${queue}`] : []),
]);

test("nothing is kept unless it is asked for", async () => {
  for (const keep of [undefined, false, {}, { queues: false, logs: false }]) {
    assert.deepEqual(await keptBy({ buffered: true, keep }), { retained: [], skipDestroy: undefined });
  }
});

test("queues stay with their policies, and the log group by itself", async () => {
  assert.deepEqual(await keptBy({ keep: true }), { retained: DIRECT, skipDestroy: true });
  assert.deepEqual(await keptBy({ keep: true, buffered: true }), { retained: [...DIRECT, ...BUFFERED].sort(), skipDestroy: true });
  assert.deepEqual(await keptBy({ keep: { queues: true } }), { retained: DIRECT, skipDestroy: undefined });
  assert.deepEqual(await keptBy({ keep: { logs: true } }), { retained: [], skipDestroy: true });
});

test("what is kept is plain, and said of what there is", () => {
  const problemsOf = (change: Record<string, unknown>): string[] => {
    try {
      checkArguments("start-engines", known({ ...soundArguments(), ...change }));
    } catch (error) {
      return (error as Error).message.split("\n  ").slice(1);
    }
    return [];
  };
  assert.match(problemsOf({ keep: pulumi.output(true) })[0] ?? "", /^args\.keep = an output: must be a plain value/);
  assert.match(problemsOf({ keep: { logs: pulumi.output(true) } })[0] ?? "", /^args\.keep\.logs = an output: must be a plain value/);
  assert.deepEqual(problemsOf({ keep: "all" }), ['args.keep = "all": must be true, false or an object with queues, logs or both']);
  assert.deepEqual(problemsOf({ keep: { queues: 1, topics: true } }), [
    "args.keep.queues = 1: must be true or false",
    "args.keep.topics = a boolean: is not a field of this object",
  ]);
  assert.deepEqual(problemsOf({ keep: { logs: true }, logGroup: "/mine" }), [
    "args.keep.logs = true: is for the component's own log group: leave it out with logGroup",
  ]);
  assert.deepEqual(problemsOf({ keep: true, logGroup: "/mine" }), []);
});
