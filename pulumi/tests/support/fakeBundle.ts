/** A packed function as small as can be: a zip with a `bootstrap` that is an ELF header and nothing else. */

import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { crc32 } from "node:zlib";

/** `e_machine`. */
export const X86_64 = 0x3e;
export const ARM64 = 0xb7;

/** A zip of one stored file. */
export function zipOf(name: string, content: Buffer, mode: number): Buffer {
  const nameBytes = Buffer.from(name);
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt32LE(crc32(content), 14);
  local.writeUInt32LE(content.length, 18);
  local.writeUInt32LE(content.length, 22);
  local.writeUInt16LE(nameBytes.length, 26);
  const central = Buffer.alloc(46);
  central.writeUInt32LE(0x02014b50, 0);
  central.writeUInt16LE(3 << 8, 4);
  local.copy(central, 6, 4, 30);
  central.writeUInt16LE(mode, 40);
  const file = Buffer.concat([local, nameBytes, content]);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length + nameBytes.length, 12);
  end.writeUInt32LE(file.length, 16);
  return Buffer.concat([file, central, nameBytes, end]);
}

/** The header of a Linux program for this machine. */
export function elf(machine: number): Buffer {
  const header = Buffer.alloc(64);
  header.write("\x7fELF", "latin1");
  header.writeUInt16LE(machine, 18);
  return header;
}

/** A packed function, in a folder of its own. */
export function fakeBundle(machine = X86_64): string {
  const file = path.join(mkdtempSync(path.join(tmpdir(), "start-engines-")), "bootstrap.zip");
  writeFileSync(file, zipOf("bootstrap", elf(machine), 0o100_755));
  return file;
}
