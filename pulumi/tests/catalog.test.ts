import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { test } from "node:test";

import { checkCatalog } from "../component/src/catalog/catalog";
import { UNKNOWN } from "../component/src/known";
import { Problems } from "../component/src/problems";
import { COMMAND, mustBeBuilt } from "./support/command";

interface Case {
  readonly name: string;
  readonly services: Record<string, unknown>;
  readonly problems: readonly string[];
}

const ROOT = path.join(__dirname, "../..");
const CASES = JSON.parse(readFileSync(path.join(__dirname, "fixtures/catalogs.json"), "utf8")) as Case[];

function problemsOf(services: unknown): string[] {
  const problems = new Problems();
  checkCatalog(services, "services", problems);
  return [...problems.list];
}

for (const { name, services, problems } of CASES) {
  test(`a catalog is checked whole: ${name}`, () => {
    assert.deepEqual(problemsOf(services).sort(), [...problems].sort());
  });
}

test("the project's own catalog is sound", () => {
  const text = readFileSync(path.join(ROOT, "fixtures/services.json"), "utf8");
  assert.deepEqual(problemsOf(JSON.parse(text)), []);
});

test("what is not known yet breaks no rule", () => {
  const service = { cluster: UNKNOWN, targetGroupArn: UNKNOWN, port: UNKNOWN, subnets: [UNKNOWN], tags: UNKNOWN };
  assert.deepEqual(problemsOf({ auth: service, other: UNKNOWN }), []);
});

test("the function itself says the same of every catalog", () => {
  mustBeBuilt();
  const file = path.join(mkdtempSync(path.join(tmpdir(), "start-engines-")), "services.json");
  for (const { name, services, problems } of CASES) {
    writeFileSync(file, JSON.stringify(services));
    const event = path.join(ROOT, "fixtures/events/start-minimal.json");
    const ended = spawnSync(COMMAND, ["validate", "--services", file, event], { encoding: "utf8", env: {} });
    assert.equal(ended.status, problems.length === 0 ? 0 : 2, `${name}: ${ended.stderr}`);
    const found = ended.stderr.trim().replace(/^the configuration has \d+ problems?: /, "");
    const expected = [...problems].sort();
    assert.deepEqual(found === "" ? [] : found.split(/; (?=services)/).sort(), expected, name);
  }
});
