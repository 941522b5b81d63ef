/**
 * Bundles the plugin and everything that it needs, but for Node itself, into one file: lib/main.js.
 *
 * The same sources make the same file, in any folder.
 */

import { build } from "esbuild";

await build({
  absWorkingDir: import.meta.dirname,
  entryPoints: ["src/main.ts"],
  outfile: "lib/main.js",
  bundle: true,
  platform: "node",
  target: "node20",
  minifySyntax: true,
  minifyWhitespace: true,
  // The names of classes: Pulumi tells its types by them.
  keepNames: true,
  legalComments: "external",
  // A compiler and a package manager, which would be most of the file.
  alias: { typescript: "./src/absent.cjs", "ts-node": "./src/absent.cjs", "@npmcli/arborist": "./src/absent.cjs" },
  logLevel: "warning",
});
