/**
 * The arguments with a check in each of their outputs: whatever is made of an output is made only if its value is sound.
 *
 * Only the engine can tell some of it: where the provider works, and which values are secrets.
 */

import { getCallerIdentityOutput } from "@pulumi/aws/getCallerIdentity";
import { getRegionOutput } from "@pulumi/aws/getRegion";
import * as pulumi from "@pulumi/pulumi";

import { scopeOf } from "./arn";
import { checkArguments } from "./check";
import { hasUnknown, isObject, present, UNKNOWN } from "./known";
import { Problems, refuse } from "./problems";
import type { SettledArgs } from "./settled";
import type { PlainArgs } from "./withoutResources";

/** Where a value is in the arguments: names of fields, and numbers of items. */
type Path = readonly (string | number)[];
type Values = Readonly<Record<string, unknown>>;
/** What AWS answers about the provider; test doubles may leave it out. */
interface Provider {
  readonly region: string | undefined;
  readonly account: string | undefined;
}

/** Arguments that can be used. */
export interface Checked {
  /** As they were given, but that an output fails if its value is wrong. */
  readonly args: PlainArgs;
  /** The region that the provider works in, if it says so. */
  readonly region: pulumi.Output<string | undefined>;
  /** Fails if a cluster that is known at once is elsewhere. */
  readonly place: pulumi.Output<unknown>;
  /** All of them, when all are known: fails also if two of them, each of which is sound, do not go together. */
  readonly whole: pulumi.Output<SettledArgs>;
}

/** `before` is what is known at once, which has been checked. */
export function checkEach(name: string, args: PlainArgs, before: unknown, parent: pulumi.Resource): Checked {
  const known = isObject(before) ? before : {};
  const provider = pulumi
    .all([getRegionOutput({}, { parent }), getCallerIdentityOutput({}, { parent })])
    .apply(([{ region }, { accountId }]): Provider => ({ region, account: accountId }));
  const output = (value: pulumi.Input<unknown>, path: Path): pulumi.Output<unknown> => {
    const isCluster = path[0] === "clusters";
    const checked = pulumi.all([value, secrecy(value, path), isCluster ? provider : undefined]).apply(([settled, isSecret, of]) => {
      const place = placeOf(path);
      const problems = new Problems();
      if (isSecret) problems.secret(place);
      const found = present(UNKNOWN, settled, place, (at) => { problems.absent(at); });
      if (of !== undefined) eachElsewhere(place, found, of, problems);
      checkArguments(name, alone(known, path, found), problems);
      return settled;
    });
    // Whoever waits for several outputs hears of the first failure only; what nobody waits for, Pulumi reports.
    checked.apply(() => undefined);
    return checked;
  };
  const each = (value: unknown, path: Path): unknown => {
    if (pulumi.Output.isInstance(value) || value instanceof Promise) return output(value, path);
    if (Array.isArray(value)) return value.map((item: unknown, n) => each(item, [...path, n]));
    if (!isObject(value) || pulumi.asset.Archive.isInstance(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([field, part]) => [field, each(part, [...path, field])]));
  };
  const checked = each(args, []) as PlainArgs;
  const place = provider.apply((of) => {
    const problems = new Problems();
    eachElsewhere(placeOf(["clusters"]), args.clusters, of, problems);
    refuse(name, problems.list);
  });
  place.apply(() => undefined);
  const whole = pulumi.output(checked).apply((all) => {
    if (hasUnknown(known)) checkArguments(name, all);
    return all;
  });
  whole.apply(() => undefined);
  return { args: checked, region: provider.apply(({ region }) => region), place, whole };
}

/** Names and numbers as the problems write them: `args.clusters[0]`. */
function placeOf(path: Path): string {
  return path.reduce<string>((place, step) => (typeof step === "number" ? `${place}[${step}]` : `${place}.${step}`), "args");
}

/** Where secrets are in a catalog that is written in clear text. */
export async function secretPlaces(services: unknown): Promise<string[]> {
  const within = async (value: unknown, path: Path): Promise<string[]> => {
    if (pulumi.Output.isInstance(value)) return (await secrecy(value, path)) ? [placeOf(path)] : [];
    if (!Array.isArray(value) && !isObject(value)) return [];
    const parts = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
    return (await Promise.all(parts.map(([step, part]: [string | number, unknown]) => within(part, [...path, step])))).flat();
  };
  return within(services, ["services"]);
}

/** Only the catalog is written to disk and into the function as it is, with whatever a service's overrides contain. */
async function secrecy(value: pulumi.Input<unknown>, [list, , field]: Path): Promise<boolean> {
  const isWritten = list === "services" && (field === undefined || field === "overrides");
  return isWritten && pulumi.Output.isInstance(value) && (await pulumi.isSecret(value));
}

/** The same for a list of clusters, or for one of them. */
function eachElsewhere(place: string, clusters: unknown, of: Provider, problems: Problems): void {
  if (!Array.isArray(clusters)) elsewhere(place, clusters, of, problems);
  else clusters.forEach((cluster: unknown, n) => { elsewhere(`${place}[${n}]`, cluster, of, problems); });
}

/**
 * The function works where the provider creates it; a cluster elsewhere is green in every preview, and never answers.
 * Where the provider does not answer, nothing is compared.
 */
function elsewhere(place: string, cluster: unknown, { region, account }: Provider, problems: Problems): void {
  const scope = typeof cluster === "string" ? scopeOf(cluster) : undefined;
  if (scope === undefined) return;
  if ((region ?? scope.region) !== scope.region) {
    problems.invalid(place, cluster, `must be in the AWS provider's region, ${String(region)}, or the component gets a provider for ${scope.region}`);
  }
  if ((account ?? scope.account) !== scope.account) {
    problems.invalid(place, cluster, `must be in the AWS provider's account, ${String(account)}, or the component gets a provider for ${scope.account}`);
  }
}

/** Of these, each item is checked without the others: there may be hundreds. */
const RECORDS: readonly unknown[] = ["services", "schedules", "targetGroups"];

/**
 * The arguments as if nothing but this value were known, and what is plain around it: what is wrong with it is then found, and
 * nothing that another value may be wrong with.
 */
function alone(known: Values, path: Path, value: unknown): unknown {
  const [field = "", item = ""] = path;
  const around = known[field];
  const only = RECORDS.includes(field) && isObject(around) ? { [item]: around[item] } : around;
  const service = isObject(around) && isObject(around[item]) ? around[item]["service"] : undefined;
  const isOfCode = field === "code" || field === "architecture";
  return {
    functionName: known["functionName"],
    buffered: known["buffered"],
    timeout: known["timeout"],
    queueRetentionDays: known["queueRetentionDays"],
    iamPrefixes: known["iamPrefixes"],
    clusters: [UNKNOWN],
    taskFamilies: UNKNOWN,
    targetGroups: field === "alarms" ? groupsOf(known["targetGroups"]) : { any: { arn: UNKNOWN } },
    outcomeEventBus: known["outcomeEventBus"] === undefined ? undefined : UNKNOWN,
    reconcileSchedule: known["reconcileSchedule"],
    roleNamePrefix: known["roleNamePrefix"],
    taskRoles: UNKNOWN,
    sources: UNKNOWN,
    services: field === "catalogOnly" ? namesOf(known["services"]) : typeof service === "string" ? { [service]: UNKNOWN } : undefined,
    code: isOfCode ? known["code"] : undefined,
    architecture: isOfCode ? known["architecture"] : UNKNOWN,
    [field]: replaced(only, path.slice(1), value),
  };
}

function namesOf(services: unknown): unknown {
  return isObject(services) ? Object.fromEntries(Object.keys(services).map((name) => [name, UNKNOWN])) : services;
}

/** The alarms are called after them, where they have load balancers. */
function groupsOf(groups: unknown): unknown {
  const named = Object.entries(isObject(groups) ? groups : {});
  return Object.fromEntries(
    named.map(([name, group]) => {
      const hasBalancer = isObject(group) && group["loadBalancerArn"] !== undefined;
      return [name, { arn: UNKNOWN, loadBalancerArn: hasBalancer ? UNKNOWN : undefined }];
    }),
  );
}

/** A copy with this value at this place. */
function replaced(of: unknown, [step, ...rest]: Path, value: unknown): unknown {
  if (step === undefined) return value;
  if (Array.isArray(of)) return of.map((item: unknown, n) => (n === step ? replaced(item, rest, value) : item));
  return isObject(of) ? { ...of, [step]: replaced(of[step], rest, value) } : of;
}
