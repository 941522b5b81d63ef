/** Somebody else's folder, in which the packed npm package is installed. */

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { after } from "node:test";

import { ARM64, fakeBundle, X86_64 } from "./fakeBundle";
import type { Run } from "./monitor";

/** The npm workspace that the package is built in. */
export const WORKSPACE = path.join(__dirname, "../..");
const PEERS = ["@pulumi/aws", "@pulumi/pulumi"];
/** Where the versions are that the package is tested with. */
export const VERSIONS = {
  oldest: path.join(__dirname, "../consumers/oldest"),
  newest: WORKSPACE,
};

/** https://github.com/pulumi/templates/blob/master/aws-typescript/tsconfig.json */
export const TEMPLATE_TSCONFIG = {
  compilerOptions: {
    strict: true,
    outDir: "bin",
    target: "es2020",
    module: "commonjs",
    moduleResolution: "node",
    sourceMap: true,
    experimentalDecorators: true,
    pretty: true,
    noFallthroughCasesInSwitch: true,
    noImplicitReturns: true,
    forceConsistentCasingInFileNames: true,
  },
};

const temporary = mkdtempSync(path.join(tmpdir(), "start-engines-consumer-"));
after(() => {
  rmSync(temporary, { recursive: true });
});

/** The tarball, and what is in it. */
export interface Packed {
  readonly tarball: string;
  readonly files: readonly string[];
}

/** The package with both functions, as `make npm-package` packs it. */
export function pack(): Packed {
  const staged = path.join(temporary, "package");
  const stage = [path.join(WORKSPACE, "stage.py"), "package", staged, fakeBundle(X86_64), fakeBundle(ARM64)];
  execFileSync("python3", stage, { stdio: ["ignore", "inherit", "inherit"] });
  const output = execFileSync("npm", ["pack", "--json", staged], { cwd: temporary, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const [packed] = JSON.parse(output) as { filename: string; files: { path: string }[] }[];
  assert.ok(packed !== undefined);
  return { tarball: path.join(temporary, packed.filename), files: packed.files.map((file) => file.path) };
}

/** An empty folder in which the tarball is installed; what it needs beside it is linked, so that nothing is downloaded. */
export function consumer(name: string, tarball: string, versions: string): string {
  const folder = path.join(temporary, name);
  mkdirSync(folder);
  writeFileSync(path.join(folder, "package.json"), JSON.stringify({ name: "consumer", main: "index.ts" }));
  writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify(TEMPLATE_TSCONFIG));
  // Peers are not installed: that would download them.
  const install = ["install", "--offline", "--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund", tarball];
  execFileSync("npm", install, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  const link = (from: string, dependency: string) => {
    const place = path.join(folder, "node_modules", dependency);
    mkdirSync(path.dirname(place), { recursive: true });
    symlinkSync(path.join(from, "node_modules", dependency), place);
  };
  for (const peer of PEERS) link(versions, peer);
  for (const tool of ["@types/node", "typescript", "ts-node"]) link(WORKSPACE, tool);
  return folder;
}

/** By the folder's own `tsconfig.json`. */
export function compile(folder: string): void {
  const compiler = require.resolve("typescript/bin/tsc");
  const compiled = spawnSync(process.execPath, [compiler, "--noEmit", "--pretty", "false"], { cwd: folder, encoding: "utf8" });
  assert.equal(compiled.stdout, "");
  assert.equal(compiled.status, 0);
}

/** To its end, without a word of error or warning. */
export function assertRan(made: Run): void {
  assert.equal(made.errors, "");
  assert.deepEqual(made.warnings, []);
  assert.equal(made.exitCode, 0);
}
