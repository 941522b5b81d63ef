/**
 * The npm package as somebody else uses it: packed, installed in an empty folder beside nothing but its peers, compiled
 * with the `tsconfig.json` of `pulumi new aws-typescript`, and run.
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { before, describe, test } from "node:test";

import { assertRan, compile, consumer, pack, type Packed, TEMPLATE_TSCONFIG, VERSIONS, WORKSPACE } from "./support/consumer";
import { fakeBundle } from "./support/fakeBundle";
import { type Recorded, run, type Run } from "./support/monitor";

const EXAMPLE = path.join(WORKSPACE, "example");
const CONFIG = { "aws:region": "us-east-1", "start-engines:image": "registry.example/engine:1" };

/** The program of the README, and what it adds to it elsewhere. */
function documented(): { readonly program: string; readonly additions: readonly string[] } {
  const text = readFileSync(path.join(WORKSPACE, "README.md"), "utf8");
  const [program = "", ...additions] = [...text.matchAll(/```ts\n(.*?)```/gs)].map((match) => match[1] ?? "");
  assert.ok(program.includes("new StartEngines("));
  assert.equal(additions.length, 2);
  return { program, additions };
}

describe("the packed npm package", () => {
  let packed: Packed;
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
        const { program, additions } = documented();
        writeFileSync(path.join(folder, "index.ts"), program);
        for (const [n, addition] of additions.entries()) writeFileSync(path.join(folder, `with-addition-${n}.ts`), `${program}\n${addition}`);
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
