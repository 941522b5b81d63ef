import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { test } from "node:test";

import { mustBeBuilt } from "./support/command";

test("what is not built fails a test, and says how to build it", () => {
  assert.throws(() => { mustBeBuilt("/nowhere/start-engines"); }, /nowhere.* is not built: run make command/);
});

test("no test is skipped", () => {
  const files = readdirSync(__dirname).filter((file) => file.endsWith(".test.ts"));
  assert.ok(files.length > 5, files.join(" "));
  for (const file of files) {
    const text = readFileSync(path.join(__dirname, file), "utf8");
    assert.doesNotMatch(text, /\bskip\s*:|\.skip\(|\btodo\s*:/, file);
  }
});
