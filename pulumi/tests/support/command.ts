import * as path from "node:path";

/** The operator's command, which has the function's own rules; `cargo build` makes it. */
export const COMMAND = process.env["START_ENGINES"] ?? path.join(__dirname, "../../../target/debug/start-engines");
