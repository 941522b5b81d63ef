/** Kinds of arguments: values, outputs of them, and resources that have them. */

import type * as pulumi from "@pulumi/pulumi";

/** An ARN, or a resource that has one. */
export type Arn = pulumi.Input<string> | (pulumi.Resource & { readonly arn: pulumi.Output<string> });

/** An id, or a resource that has one. */
export type Id = pulumi.Input<string> | pulumi.CustomResource;

/** A name, or a resource that has one. */
export type Name = pulumi.Input<string> | (pulumi.Resource & { readonly name: pulumi.Output<string> });

/** A task definition's family, or a task definition. */
export type Family = pulumi.Input<string> | (pulumi.Resource & { readonly family: pulumi.Output<string> });

/** A list, each item of which may be an output or a resource; or the output of a whole list. */
export type List<Item = pulumi.Input<string>> = Item[] | pulumi.Input<pulumi.Input<string>[]>;
