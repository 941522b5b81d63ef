import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";

import { bundleProblem } from "../component/src/bundle";
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
  ];
  for (const [zip, says] of cases) {
    assert.ok(bundleProblem(zip, "x86_64")?.includes(says), `${says}: ${bundleProblem(zip, "x86_64") ?? "no problem"}`);
  }
});
