/**
 * The plugin `pulumi-resource-start-engines`: Pulumi's engine starts it for programs in other languages than TypeScript,
 * asks for the schema, and has the component constructed. It knows no argument itself: the class does.
 */

import { readFileSync } from "node:fs";
import * as path from "node:path";

import type * as pulumi from "@pulumi/pulumi";
import * as provider from "@pulumi/pulumi/provider";
import { COMPONENT_TYPE, StartEngines, type StartEnginesArgs } from "start-engines";
import { version } from "start-engines/package.json";

interface Schema {
  readonly resources: Readonly<Record<string, { readonly properties: Readonly<Record<string, unknown>> } | undefined>>;
}

/** Beside the folder of this program, as the archive has it. */
const SCHEMA = path.join(__dirname, "..", "schema.json");
const schema = JSON.parse(readFileSync(SCHEMA, "utf8")) as Schema;

const startEngines: provider.Provider = {
  version,
  getSchema: () => Promise.resolve(JSON.stringify({ ...schema, version })),
  construct: (name, type, inputs, options) => {
    if (type !== COMPONENT_TYPE) return Promise.reject(new Error(`there is no component ${type}: use ${COMPONENT_TYPE}`));
    // The class checks what it is given, of whatever type it is.
    const made = new StartEngines(name, inputs as unknown as StartEnginesArgs, options);
    return Promise.resolve({ urn: made.urn, state: outputsOf(made) });
  },
};

/** The outputs that the schema names; some are of buffered mode only. */
function outputsOf(made: StartEngines): pulumi.Inputs {
  const names = Object.keys(schema.resources[COMPONENT_TYPE]?.properties ?? {});
  return Object.fromEntries(names.map((name) => [name, (made as unknown as Readonly<Record<string, unknown>>)[name]]));
}

void provider.main(startEngines, process.argv.slice(2));
