/**
 * Runs the unmodified example, or the program that a command names, under Pulumi's own engine, for the tests in `tests/engines/pulumi`:
 * `node --import tsx tests/engine.ts FOLDER`, with the engine on PATH and its settings in the environment.
 *
 * Each line on standard input is a command, `{"run": "up", "config": {...}}`. Each event of the engine is a line on
 * standard output, `{"event": {...}}`; the last line of a command is `{"ended": {...}}` with what it returned or how it
 * failed. One process for many commands, since loading `@pulumi/aws` takes longer than most of them. Must not know AWS.
 */

import { mkdirSync } from "node:fs";
import * as path from "node:path";
import { createInterface } from "node:readline";

import { type EngineEvent, LocalWorkspace, type OutputMap, type PulumiFn, type Stack } from "@pulumi/pulumi/automation";

const PROJECT_FOLDER = path.join(__dirname, "..");
const PROJECT = "start-engines";
const STACK = "test";

interface Command {
  readonly run: "preview" | "up" | "refresh" | "destroy" | "cancel" | "export" | "outputs";
  readonly config?: Readonly<Record<string, string>>;
  /** The module of another program, in place of the example. */
  readonly program?: string;
  /** How many resources an update changes at a time; default: as many as it can. */
  readonly parallel?: number;
}

const EXAMPLE = "../example/index.ts";
let modulePath = EXAMPLE;

/** The program as `pulumi` would load it: anew each time, without what it keeps in its modules. */
const program: PulumiFn = async () => {
  for (const file of Object.keys(require.cache)) {
    const isOwn = file.startsWith(PROJECT_FOLDER) && !file.includes("node_modules") && file !== __filename;
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- how a module is unloaded
    if (isOwn) delete require.cache[file];
  }
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import would be kept
  return Promise.resolve(require(modulePath) as Record<string, unknown>);
};

async function perform(stack: Stack, command: Command): Promise<unknown> {
  const onEvent = (event: EngineEvent) => {
    say({ event });
  };
  const { parallel } = command;
  switch (command.run) {
    case "preview":
      return (await stack.preview({ onEvent })).changeSummary;
    case "up":
      return (await stack.up(parallel === undefined ? { onEvent } : { onEvent, parallel })).summary.resourceChanges;
    case "refresh":
      // As `--clear-pending-creates`, which a person answers where the engine asks.
      return (await stack.refresh({ onEvent, clearPendingCreates: true })).summary.resourceChanges;
    case "destroy":
      return (await stack.destroy({ onEvent })).summary.resourceChanges;
    case "cancel":
      return stack.cancel();
    case "export":
      return (await stack.exportStack()).deployment as unknown;
    case "outputs":
      return values(await stack.outputs());
  }
}

function values(outputs: OutputMap): Record<string, unknown> {
  return Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [name, value as unknown]));
}

async function configure(stack: Stack, config: Readonly<Record<string, string>>): Promise<void> {
  const settings = await stack.workspace.stackSettings(STACK);
  // Written as `pulumi config set` does, without running it for each value.
  await stack.workspace.saveStackSettings(STACK, { ...settings, config: { ...config } });
}

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function main(): Promise<void> {
  const workDir = path.resolve(process.argv[2] ?? "");
  mkdirSync(workDir, { recursive: true });
  const inline = { stackName: STACK, projectName: PROJECT, program };
  const stack = await LocalWorkspace.createOrSelectStack(inline, { workDir });
  for await (const line of createInterface({ input: process.stdin })) {
    const command = JSON.parse(line) as Command;
    try {
      modulePath = command.program ?? EXAMPLE;
      if (command.config !== undefined) await configure(stack, command.config);
      say({ ended: { result: (await perform(stack, command)) ?? {} } });
    } catch (error) {
      say({ ended: { error: String(error) } });
    }
  }
}

void main().then(() => process.exit(0));
