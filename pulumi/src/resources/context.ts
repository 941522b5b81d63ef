/** What the parts of the component share. */

import type * as pulumi from "@pulumi/pulumi";

import type { StartEnginesArgs } from "../arguments";
import type { SettledArgs } from "../settled";

/** One component's arguments and names. */
export interface Context {
  /** What the logical names of all children begin with. */
  readonly name: string;
  /** What their physical names begin with. */
  readonly functionName: string;
  readonly args: StartEnginesArgs;
  /** The arguments when all are known and found sound. */
  readonly settled: pulumi.Output<SettledArgs>;
  /** Parent, and that nothing is registered before `settled`. */
  readonly options: pulumi.CustomResourceOptions & { readonly dependsOn: pulumi.Output<pulumi.Resource[]> };
}

/** The same options, and these resources first. */
export function after(context: Context, ...resources: pulumi.Resource[]): pulumi.CustomResourceOptions {
  return { ...context.options, dependsOn: context.options.dependsOn.apply((first) => [...first, ...resources]) };
}

/** A document as AWS takes it. */
export function json(value: pulumi.Output<object>): pulumi.Output<string> {
  return value.apply((known) => JSON.stringify(known));
}
