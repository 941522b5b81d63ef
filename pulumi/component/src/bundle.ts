/**
 * Reads the function's zip, as `make package` builds it, to find what would not start.
 *
 * Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (4.3.7, 4.3.12, 4.3.16); no ZIP64, which starts
 * at sizes that Lambda refuses.
 */

import { inflateRawSync } from "node:zlib";

const BINARY_FILE = "bootstrap";

const END_SIGNATURE = 0x06054b50;
const END_SIZE = 22;
const CENTRAL_SIGNATURE = 0x02014b50;
const CENTRAL_SIZE = 46;
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_SIZE = 30;
const DEFLATED = 8;

const MACHINES: Readonly<Record<number, string>> = { 0x3e: "x86_64", 0xb7: "arm64" };

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly size: number;
  readonly mode: number;
  readonly localOffset: number;
}

/** What is wrong with a packed function for this architecture, or undefined. */
export function bundleProblem(zip: Buffer, architecture: string): string | undefined {
  const entries = entriesOf(zip);
  if (entries === undefined) return "must be a zip, as make package builds it";
  const binary = entries.find((entry) => entry.name === BINARY_FILE);
  if (binary === undefined) return `must hold ${BINARY_FILE}, as make package builds it`;
  if ((binary.mode & 0o111) === 0) return `its ${BINARY_FILE} must be executable`;
  const machine = machineOf(zip, binary);
  if (machine === undefined) return `its ${BINARY_FILE} must be a Linux program for x86_64 or arm64`;
  return machine === architecture
    ? undefined
    : `is built for ${machine}, not for ${architecture}: run make package ARCH=${architecture}`;
}

/** The files that the zip lists, or undefined if it is none. */
function entriesOf(zip: Buffer): readonly Entry[] | undefined {
  const signature = Buffer.alloc(4);
  signature.writeUInt32LE(END_SIGNATURE);
  const end = zip.lastIndexOf(signature);
  if (end < 0 || end + END_SIZE > zip.length) return undefined;
  const count = zip.readUInt16LE(end + 10);
  const entries: Entry[] = [];
  let at = zip.readUInt32LE(end + 16);
  for (let n = 0; n < count; n += 1) {
    if (at + CENTRAL_SIZE > zip.length || zip.readUInt32LE(at) !== CENTRAL_SIGNATURE) return undefined;
    const nameLength = zip.readUInt16LE(at + 28);
    entries.push({
      name: zip.toString("utf8", at + CENTRAL_SIZE, at + CENTRAL_SIZE + nameLength),
      method: zip.readUInt16LE(at + 10),
      size: zip.readUInt32LE(at + 20),
      mode: zip.readUInt16LE(at + 40),
      localOffset: zip.readUInt32LE(at + 42),
    });
    at += CENTRAL_SIZE + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return entries;
}

/** `e_machine` of the ELF header: https://man7.org/linux/man-pages/man5/elf.5.html */
function machineOf(zip: Buffer, entry: Entry): string | undefined {
  const start = entry.localOffset;
  if (start + LOCAL_SIZE > zip.length || zip.readUInt32LE(start) !== LOCAL_SIGNATURE) return undefined;
  const from = start + LOCAL_SIZE + zip.readUInt16LE(start + 26) + zip.readUInt16LE(start + 28);
  const stored = zip.subarray(from, from + entry.size);
  const program = entry.method === DEFLATED ? inflated(stored) : stored;
  const isElf = program !== undefined && program.length >= 20 && program.toString("latin1", 0, 4) === "\x7fELF";
  return isElf ? MACHINES[program.readUInt16LE(18)] : undefined;
}

function inflated(bytes: Buffer): Buffer | undefined {
  try {
    return inflateRawSync(bytes);
  } catch {
    return undefined;
  }
}
