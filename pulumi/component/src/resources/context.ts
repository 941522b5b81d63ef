/** Values that all parts of the component use. */

import type * as pulumi from "@pulumi/pulumi";

import type { SettledArgs } from "../settled";
import type { PlainArgs } from "../withoutResources";

/** One component's arguments and names. */
export interface Context {
  /** The component's name, with which the logical names of all children begin. */
  readonly name: string;
  /** The function's name, with which the children's physical names begin. */
  readonly functionName: string;
  readonly args: PlainArgs;
  /** The arguments when all are known and valid. */
  readonly settled: pulumi.Output<SettledArgs>;
  /** The parent, and a dependency on `settled`. */
  readonly options: pulumi.CustomResourceOptions & { readonly dependsOn: pulumi.Output<pulumi.Resource[]> };
}

/** The context's options, with a dependency on these resources. */
export function after(context: Context, ...resources: pulumi.Resource[]): pulumi.CustomResourceOptions {
  return { ...context.options, dependsOn: context.options.dependsOn.apply((first) => [...first, ...resources]) };
}

/** A document as JSON text. */
export function json(value: pulumi.Output<object>): pulumi.Output<string> {
  return value.apply((known) => JSON.stringify(known));
}
