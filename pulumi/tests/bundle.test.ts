import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";

import { addCatalog, bundleProblem } from "../component/src/bundle";
import { crc32 } from "../component/src/crc32";
import { ARM64, elf, X86_64, zipOf } from "./support/fakeBundle";

const SOUND = zipOf("bootstrap", elf(X86_64), 0o100_755);

test("a packed function has no problem", () => {
  assert.equal(bundleProblem(SOUND, "x86_64"), undefined);
  assert.equal(bundleProblem(zipOf("bootstrap", elf(ARM64), 0o100_755), "arm64"), undefined);
});

test("a compressed program is read too", () => {
  const packed = deflateRawSync(elf(X86_64));
  const zip = zipOf("bootstrap", packed, 0o100_755);
  zip.writeUInt16LE(8, 8);
  zip.writeUInt16LE(8, zip.length - 22 - 46 - "bootstrap".length + 10);
  assert.equal(bundleProblem(zip, "x86_64"), undefined);
});

test("what Lambda could not start is refused, with the reason", () => {
  const cases: [zip: Buffer, says: string][] = [
    [Buffer.from("no zip"), "must be a zip"],
    [SOUND.subarray(0, SOUND.length - 30), "must be a zip"],
    [zipOf("start-engines", elf(X86_64), 0o100_755), "must hold bootstrap"],
    [zipOf("bootstrap", elf(X86_64), 0o100_644), "must be executable"],
    [zipOf("bootstrap", Buffer.from("#!/bin/sh"), 0o100_755), "must be a Linux program"],
    [zipOf("bootstrap", elf(ARM64), 0o100_755), "make package ARCH=x86_64"],
    [addCatalog(SOUND, "{}"), "must not hold services.json"],
  ];
  for (const [zip, says] of cases) {
    assert.ok(bundleProblem(zip, "x86_64")?.includes(says), `${says}: ${bundleProblem(zip, "x86_64") ?? "no problem"}`);
  }
});

test("the catalog is added in the same bytes every time, and others can read it", () => {
  const catalog = '{"auth": {"port": 8080}}\n';
  const zip = addCatalog(SOUND, catalog);
  assert.deepEqual(zip, addCatalog(SOUND, catalog));
  const file = path.join(mkdtempSync(path.join(tmpdir(), "start-engines-")), "function.zip");
  writeFileSync(file, zip);
  // Another's reader: it checks the sums of all files too.
  const script = `
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    assert z.testzip() is None
    print(json.dumps([[i.filename, oct(i.external_attr >> 16), len(z.read(i))] for i in z.infolist()]))
`;
  const entries: unknown = JSON.parse(execFileSync("python3", ["-c", script, file], { encoding: "utf8" }));
  assert.deepEqual(entries, [
    ["bootstrap", "0o100755", 64],
    ["services.json", "0o100644", catalog.length],
  ]);
});

test("the checksum is that of the standard's example", () => {
  assert.equal(crc32(Buffer.from("123456789")), 0xcbf43926);
});
