/** A policy for each source: the documents. Who may do what with them is judged in `simulationFurther.test.ts`. */

import assert from "node:assert/strict";
import { test } from "node:test";

import * as pulumi from "@pulumi/pulumi";

import { StartEngines } from "../component/src/index";
import { putEventsPolicy } from "../component/src/policies/putEventsPolicy";
import { home } from "../component/src/settled";
import { policyOf, sourcePolicies } from "../component/src/sourcePolicies";
import { registrationsOf } from "./support/mocks";
import { CLUSTER, soundArguments } from "./support/soundArguments";

const BUS = "arn:aws:events:us-east-1:111122223333:event-bus/engines";

function settled<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => {
    output.apply(resolve);
  });
}

test("each source has a document for each request, also where the sources are an output", async () => {
  const sources = pulumi.output(["app.tenants", "app/billing"]);
  const { registrations, result } = await registrationsOf(() => new StartEngines("start-engines", { ...soundArguments(), sources }));
  const expected = (source: string) => ({
    start: JSON.stringify(putEventsPolicy(BUS, [source], ["Start ECS Task"])),
    stop: JSON.stringify(putEventsPolicy(BUS, [source], ["Stop ECS Task"])),
    reconcile: JSON.stringify(putEventsPolicy(BUS, [source], ["Reconcile ECS Targets"])),
  });
  const all = { "app.tenants": expected("app.tenants"), "app/billing": expected("app/billing") };
  assert.deepEqual(await settled(result.sourcePolicies), all);
  assert.equal(await settled(result.sourcePolicy("app/billing", "stop")), all["app/billing"].stop);
  // The same managed policies as before, and no more.
  assert.equal(registrations.filter(({ type }) => type === "aws:iam/policy:Policy").length, 5);
});

test("a source that is not there is an error that names those that are", () => {
  const all = sourcePolicies({ scope: home([CLUSTER]), eventBus: "engines", sources: ["app.tenants", "app.billing"] });
  assert.throws(() => policyOf(all, "app.other", "start"), /no source "app\.other": must be one of app\.tenants, app\.billing/);
  assert.throws(() => policyOf(all, "constructor", "start"), /no source "constructor"/);
});

test("without a bus it is the default one", () => {
  const { start } = sourcePolicies({ scope: home([CLUSTER]), eventBus: undefined, sources: ["app"] })["app"] ?? { start: "" };
  assert.ok(start.includes("event-bus/default"), start);
});
