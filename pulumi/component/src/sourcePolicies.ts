/**
 * Policies for one source each: applications that share a deployment, and must not speak for each other.
 *
 * They are documents, and not managed policies as those for all sources: so `sources` can be an output as a whole, since no
 * resource depends on it; a source's name, which may be longer than IAM's names and have other characters, names nothing; and
 * what an application may do stands in its own role, in its own stack, and counts against none of the ten policies there.
 */

import * as pulumi from "@pulumi/pulumi";

import { DEFAULTS } from "./arguments";
import { eventBusArn, type Scope } from "./arn";
import { RECONCILE_DETAIL_TYPE, START_DETAIL_TYPE, STOP_DETAIL_TYPE } from "./eventPatterns";
import { putEventsPolicy } from "./policies/putEventsPolicy";

/** What an application may ask for. */
export type Request = "start" | "stop" | "reconcile";

/** For each request, the policy document, as JSON text, that allows it from one source. */
export type SourcePolicies = Readonly<Record<Request, string>>;

const DETAIL_TYPES: Readonly<Record<Request, string>> = {
  start: START_DETAIL_TYPE,
  stop: STOP_DETAIL_TYPE,
  reconcile: RECONCILE_DETAIL_TYPE,
};

/** What they follow from. */
export interface SourcesArgs {
  readonly scope: Scope;
  readonly eventBus: string | undefined;
  readonly sources: readonly string[];
}

/** The policies of each source. */
export function sourcePolicies(args: SourcesArgs): Record<string, SourcePolicies> {
  const bus = eventBusArn(args.eventBus ?? DEFAULTS.eventBus, args.scope);
  const policy = (source: string, request: Request) => JSON.stringify(putEventsPolicy(bus, [source], [DETAIL_TYPES[request]]));
  return Object.fromEntries(
    args.sources.map((source): [string, SourcePolicies] => [
      source,
      { start: policy(source, "start"), stop: policy(source, "stop"), reconcile: policy(source, "reconcile") },
    ]),
  );
}

/** The policy of one source for one request; an error if there is no such source. */
export function policyOf(all: Readonly<Record<string, SourcePolicies>>, source: string, request: Request): string {
  const found = Object.hasOwn(all, source) ? all[source] : undefined;
  if (found === undefined) throw new pulumi.RunError(`no source "${source}": must be one of ${Object.keys(all).join(", ")}`);
  return found[request];
}
