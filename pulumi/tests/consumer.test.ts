/**
 * The npm package as somebody else uses it: packed, installed in an empty folder beside nothing but its peers, compiled
 * with the `tsconfig.json` of `pulumi new aws-typescript`, and run.
 */

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { after, before, describe, test } from "node:test";

import { ARM64, fakeBundle, X86_64 } from "./support/fakeBundle";
import { type Recorded, run, type Run } from "./support/monitor";

const WORKSPACE = path.join(__dirname, "..");
const EXAMPLE = path.join(WORKSPACE, "example");
const PEERS = ["@pulumi/aws", "@pulumi/pulumi"];
/** Where the versions are that the package is tested with. */
const VERSIONS = {
  oldest: path.join(__dirname, "consumers", "oldest"),
  newest: WORKSPACE,
};

/** https://github.com/pulumi/templates/blob/master/aws-typescript/tsconfig.json */
const TEMPLATE_TSCONFIG = {
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

const CONFIG = { "aws:region": "us-east-1", "start-engines:image": "registry.example/engine:1" };

const temporary = mkdtempSync(path.join(tmpdir(), "start-engines-consumer-"));
after(() => {
  rmSync(temporary, { recursive: true });
});

/** The package with both functions, as `make npm-package` packs it. */
function pack(): { readonly tarball: string; readonly files: readonly string[] } {
  const staged = path.join(temporary, "package");
  const stage = [path.join(WORKSPACE, "stage.py"), staged, fakeBundle(X86_64), fakeBundle(ARM64)];
  execFileSync("python3", stage, { stdio: ["ignore", "inherit", "inherit"] });
  const output = execFileSync("npm", ["pack", "--json", staged], { cwd: temporary, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const [packed] = JSON.parse(output) as { filename: string; files: { path: string }[] }[];
  assert.ok(packed !== undefined);
  return { tarball: path.join(temporary, packed.filename), files: packed.files.map((file) => file.path) };
}

/** An empty folder in which the tarball is installed; what it needs beside it is linked, so that nothing is downloaded. */
function consumer(name: string, tarball: string, versions: string): string {
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

function compile(folder: string): void {
  const compiler = require.resolve("typescript/bin/tsc");
  const compiled = spawnSync(process.execPath, [compiler, "--noEmit", "--pretty", "false"], { cwd: folder, encoding: "utf8" });
  assert.equal(compiled.stdout, "");
  assert.equal(compiled.status, 0);
}

/** The program of the README, and what goes on from it with a key. */
function documented(): { readonly program: string; readonly withKey: string } {
  const text = readFileSync(path.join(WORKSPACE, "README.md"), "utf8");
  const programs = [...text.matchAll(/```ts\n(.*?)```/gs)].map((match) => match[1] ?? "");
  assert.equal(programs.length, 2);
  const [program = "", key = ""] = programs;
  return { program, withKey: `${program}${key}` };
}

function assertRan(made: Run): void {
  assert.equal(made.errors, "");
  assert.deepEqual(made.warnings, []);
  assert.equal(made.exitCode, 0);
}

describe("the packed npm package", () => {
  let packed: ReturnType<typeof pack>;
  before(() => {
    packed = pack();
  });

  test("holds the compiled component with its types, both functions, and nothing else", () => {
    const expected = readdirSync(path.join(WORKSPACE, "component", "src"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .flatMap((file) => [".js", ".d.ts"].map((ending) => `lib/${file.replace(/\.ts$/, ending)}`));
    const others = ["LICENSE", "README.md", "functions/arm64.zip", "functions/x86_64.zip", "package.json"];
    assert.deepEqual([...packed.files].sort(), [...expected, ...others].sort());
  });

  test("exports its types to every way of resolving modules, and nothing of its inside", () => {
    const folder = consumer("resolution", packed.tarball, VERSIONS.newest);
    writeFileSync(path.join(folder, "index.ts"), 'import { StartEngines } from "start-engines";\nexport const made = StartEngines.name;\n');
    for (const [module, moduleResolution] of [["node16", "node16"], ["nodenext", "nodenext"], ["preserve", "bundler"]]) {
      const options = { ...TEMPLATE_TSCONFIG.compilerOptions, module, moduleResolution, skipLibCheck: true };
      writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: options }));
      compile(folder);
    }
    const inside = spawnSync(process.execPath, ["-e", 'require("start-engines/lib/check")'], { cwd: folder, encoding: "utf8" });
    assert.match(inside.stderr, /ERR_PACKAGE_PATH_NOT_EXPORTED/);
  });

  for (const [age, versions] of Object.entries(VERSIONS)) {
    describe(`with the ${age} peers`, () => {
      let folder: string;
      before(() => {
        folder = consumer(age, packed.tarball, versions);
        const { program, withKey } = documented();
        writeFileSync(path.join(folder, "index.ts"), program);
        writeFileSync(path.join(folder, "withKey.ts"), withKey);
        const sources = readdirSync(EXAMPLE).filter((name) => name.endsWith(".ts"));
        for (const file of sources) cpSync(path.join(EXAMPLE, file), path.join(folder, "example", file));
      });

      test("the README's program and the example compile", () => {
        compile(folder);
      });

      test("the README's program runs, without a path to the function", async () => {
        const config = { ...CONFIG, "start-engines:vpcId": "vpc-0a1b2c3d" };
        const made = await run({ preview: false, config, folder });
        assertRan(made);
        const created = made.registrations.find(({ type }) => type === "aws:lambda/function:Function");
        const code = created?.inputs["code"] as { path?: string };
        assert.equal(code.path, path.join(folder, "node_modules/start-engines/functions/x86_64.zip"));
        assert.deepEqual(Object.keys(made.outputs), ["putEventsPolicyArn"]);
      });

      test("the example registers what it does in the workspace", async () => {
        const config = { ...CONFIG, "start-engines:code": fakeBundle() };
        const there = await run({ preview: false, config, folder, program: "./example" });
        assertRan(there);
        const here = await run({ preview: false, config });
        const inputs = (made: Run) => new Map(made.registrations.map((each: Recorded) => [each.urn, each.inputs]));
        assert.deepEqual(inputs(there), inputs(here));
      });
    });
  }
});
