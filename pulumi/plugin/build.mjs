/**
 * Bundles the plugin and everything that it needs, but for Node itself, into one file, lib/main.js, with the licenses of
 * the packages in it beside it.
 *
 * The same sources make the same files, in any folder.
 */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";

import { build } from "esbuild";

const FOLDER = import.meta.dirname;

const { metafile } = await build({
  absWorkingDir: FOLDER,
  entryPoints: ["src/main.ts"],
  outfile: "lib/main.js",
  bundle: true,
  metafile: true,
  platform: "node",
  target: "node20",
  minifySyntax: true,
  minifyWhitespace: true,
  // The names of classes: Pulumi tells its types by them.
  keepNames: true,
  // They are in the licenses.
  legalComments: "none",
  // A compiler and a package manager, which would be most of the file.
  alias: { typescript: "./src/absent.cjs", "ts-node": "./src/absent.cjs", "@npmcli/arborist": "./src/absent.cjs" },
  logLevel: "warning",
});

/** The folders of the packages of which something is in the bundle. */
const packages = new Set(
  Object.keys(metafile.inputs).flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []),
);
const licenses = [...packages].map((place) => {
  const folder = path.join(FOLDER, place);
  const { name, version, license } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
  const files = readdirSync(folder, { withFileTypes: true }).filter((file) => file.isFile() && /^(licen[cs]e|notice|copying)/i.test(file.name));
  const texts = files.map((file) => readFileSync(path.join(folder, file.name), "utf8").trim()).sort();
  return [`${name} ${version}: ${license ?? "see below"}`, ...texts].join("\n\n");
});
writeFileSync(path.join(FOLDER, "lib", "LICENSES.txt"), `${licenses.sort().join(`\n\n${"=".repeat(80)}\n\n`)}\n`);
