/**
 * Checks of what only the engine can tell, each as soon as it is known: where the provider works, and which values are
 * secrets. The component's first resource waits for them.
 */

import { getCallerIdentityOutput } from "@pulumi/aws/getCallerIdentity";
import { getRegionOutput } from "@pulumi/aws/getRegion";
import * as pulumi from "@pulumi/pulumi";

import { scopeOf } from "./arn";
import { isObject } from "./known";
import { Problems, refuse } from "./problems";
import type { PlainArgs } from "./withoutResources";

/** Outputs that fail with what is wrong. */
export function checkLater(name: string, args: PlainArgs, parent: pulumi.Resource): pulumi.Output<unknown>[] {
  const provider = pulumi.all([getRegionOutput({}, { parent }), getCallerIdentityOutput({}, { parent })]);
  const places = args.clusters.map((cluster, n) =>
    pulumi.all([cluster, provider]).apply(([arn, [{ region }, { accountId }]]) => {
      refuse(name, elsewhere(`args.clusters[${n}]`, arn, region, accountId));
    }),
  );
  // With the provider's answer, so that all of this is told at once.
  const secrets = pulumi.all([secretsIn(args.services), provider]).apply(([found]) => {
    refuse(name, found);
  });
  const checks = [...places, secrets];
  // Whoever waits for several outputs hears of the first failure only; what nobody waits for, Pulumi reports.
  for (const check of checks) check.apply(() => undefined);
  return checks;
}

/**
 * The function works where the provider creates it; a cluster elsewhere is green in every preview, and never answers.
 * Test doubles may answer without region or account: then nothing is compared.
 */
function elsewhere(place: string, clusterArn: string, region: string | undefined, account: string | undefined): readonly string[] {
  const problems = new Problems();
  const cluster = scopeOf(clusterArn);
  if (cluster === undefined) return [];
  if ((region ?? cluster.region) !== cluster.region) {
    problems.invalid(place, clusterArn, `must be in the AWS provider's region, ${String(region)}, or the component gets a provider for ${cluster.region}`);
  }
  if ((account ?? cluster.account) !== cluster.account) {
    problems.invalid(place, clusterArn, `must be in the AWS provider's account, ${String(account)}, or the component gets a provider for ${cluster.account}`);
  }
  return problems.list;
}

/** The catalog is written to disk and into the function as it is, with whatever a service's overrides contain. */
async function secretsIn(services: unknown): Promise<readonly string[]> {
  const problems = new Problems();
  const look = async (value: unknown, place: string): Promise<void> => {
    if (pulumi.Output.isInstance(value)) {
      if (await pulumi.isSecret(value)) problems.secret(place);
    } else if (Array.isArray(value)) {
      for (const [n, item] of value.entries()) await look(item, `${place}[${n}]`);
    } else if (isObject(value)) {
      for (const [field, part] of Object.entries(value)) await look(part, `${place}.${field}`);
    }
  };
  for (const [service, entry] of Object.entries(isObject(services) ? services : {})) {
    const place = `args.services.${service}`;
    if (pulumi.Output.isInstance(entry)) await look(entry, place);
    else if (isObject(entry)) await look(entry["overrides"], `${place}.overrides`);
  }
  return problems.list;
}
