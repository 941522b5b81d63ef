import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import * as path from "node:path";

/** The operator's command, which has the function's own rules; `cargo build` makes it. */
export const COMMAND = process.env["START_ENGINES"] ?? path.join(__dirname, "../../../target/debug/start-engines");

/** A test that needs it fails without it: one that is skipped proves nothing, and nobody sees it. */
export function mustBeBuilt(command = COMMAND): void {
  assert.ok(existsSync(command), `${command} is not built: run make command, or cargo build --locked --bin start-engines`);
}
