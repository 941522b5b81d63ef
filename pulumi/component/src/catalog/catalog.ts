/**
 * The rules of `services.json`, the same as the function's own (`src/core/config/catalog.rs`, `src/core/spec/mod.rs`), so that a
 * catalog which the function would refuse is refused before anything is deployed.
 */

import * as arn from "../arn";
import { AssignPublicIp, LaunchType, OnUnhealthy } from "../enumerations";
import { isObject, UNKNOWN } from "../known";
import { type Problems, shorten } from "../problems";
import { Fields, isReserved, isTagText, isText } from "./fields";
import { meaning } from "./names";
import { checkOptions, checkTag, MAX_TAGS } from "./options";
import type { Service } from "./service";

/** AwsVpcConfiguration: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html */
export const MAX_SUBNETS = 16;
/** As `MAX_SUBNETS`. */
export const MAX_SECURITY_GROUPS = 5;
const MAX_CAPACITY_PROVIDERS = 20;
const MAX_FALLBACKS = 9;
const MAX_TARGETS = 10;
const SHORT_FORM = ["targetGroupArn", "port", "containerName"] as const;

/** Reports every problem in a catalog. */
export function checkCatalog(services: unknown, place: string, problems: Problems): void {
  if (services === undefined || services === UNKNOWN) return;
  if (!isObject(services)) {
    problems.wrongKind(place, services, "must be a JSON object of services");
    return;
  }
  for (const [name, entry] of Object.entries(services)) {
    const at = `${place}.${shorten(name)}`;
    if (!isText(1, 128)(name) || !isTagText(name)) {
      problems.invalid(at, name, "a service's name has 1 to 128 letters, digits, spaces and _.:/=+-@");
    }
    if (isReserved(name)) {
      problems.invalid(at, name, "must not begin with aws:, in any upper or lower case: it becomes a tag");
    }
    checkService(entry, at, problems);
  }
}

function checkService(entry: unknown, place: string, problems: Problems): void {
  const fields = Fields.of(entry, place, problems);
  if (fields === undefined) return;
  checkTarget(fields);
  if (fields.has("targets") && SHORT_FORM.some((name) => fields.has(name))) {
    const rule = "give either targets or targetGroupArn, port and containerName";
    problems.invalid(fields.at("targets"), fields.raw("targets"), rule);
  }
  checkLaunchIsOne(fields, fields.at("launchType"), fields.raw("launchType"), problems);
  fields.parsed("cluster", arn.cluster);
  fields.parsed("taskDefinition", arn.taskDefinition);
  fields.list("targets", MAX_TARGETS, (value, at) => {
    const target = Fields.of(value, at, problems);
    if (target === undefined) return;
    checkTarget(target);
    target.needs("targetGroupArn", "each target needs targetGroupArn and port");
    target.needs("port", "each target needs targetGroupArn and port");
    target.denyUnknown();
  });
  checkNetwork(fields, problems);
  checkLaunchType(fields);
  checkStrategy(fields, problems);
  fields.text("platformVersion", 64);
  fields.list("fallbacks", MAX_FALLBACKS, checkFallback);
  checkOptions(fields, problems);
  fields.list("tags", MAX_TAGS, checkTag);
  fields.number("count", 1, 10);
  fields.number("startTimeoutSeconds", 0, 86_400);
  fields.number("maxLifetimeSeconds", 0, 31_536_000);
  fields.number("maxAgeSeconds", 0, 86_400);
  fields.number("healthTimeoutSeconds", 0, 3_600);
  fields.oneOf("onUnhealthy", Object.values(OnUnhealthy));
  fields.list("overridable", START_FIELDS.length, checkOverridable);
  fields.denyUnknown();
}

/** The fields of a start's `detail`: `src/core/spec/overridable.rs`. */
const START_FIELDS: readonly string[] = [
  "assignPublicIp",
  "capacityProviderStrategy",
  "cluster",
  "containerName",
  "correlationId",
  "count",
  "enableECSManagedTags",
  "enableExecuteCommand",
  "fallbacks",
  "group",
  "healthTimeoutSeconds",
  "idempotencyKey",
  "launchType",
  "maxAgeSeconds",
  "maxLifetimeSeconds",
  "networkConfiguration",
  "onUnhealthy",
  "overrides",
  "placementConstraints",
  "placementStrategy",
  "platformVersion",
  "port",
  "propagateTags",
  "requestedAt",
  "securityGroups",
  "service",
  "startTimeoutSeconds",
  "subnets",
  "tags",
  "targetGroupArn",
  "targets",
  "taskDefinition",
  "volumeConfigurations",
] satisfies (keyof Service | keyof ScheduledStart)[];

/** Fields of a single start, which a service cannot have. */
interface ScheduledStart {
  readonly correlationId: unknown;
  readonly idempotencyKey: unknown;
  readonly requestedAt: unknown;
  readonly service: unknown;
}

function checkOverridable(value: unknown, place: string, problems: Problems): void {
  if (value === UNKNOWN || START_FIELDS.some((name) => name === value)) return;
  const meant = typeof value === "string" ? meaning(value, START_FIELDS) : undefined;
  const rule = "must be the name of a field of a start";
  problems.invalid(place, value, meant?.field === undefined ? rule : `${rule}: ${meant.suggestion}`);
}

const FLAT = ["subnets", "securityGroups", "assignPublicIp"] as const;

/** The flat fields, or RunTask's own nested ones: `src/core/spec/network.rs`. */
function checkNetwork(fields: Fields, problems: Problems): void {
  checkAwsvpc(fields);
  checkNested(fields, FLAT, problems, checkAwsvpc);
}

function checkAwsvpc(fields: Fields): void {
  fields.parsedList("subnets", MAX_SUBNETS, arn.subnet);
  fields.parsedList("securityGroups", MAX_SECURITY_GROUPS, arn.securityGroup);
  fields.oneOf("assignPublicIp", Object.values(AssignPublicIp));
}

function checkNested(fields: Fields, flat: readonly string[], problems: Problems, check: (inner: Fields) => void): void {
  const value = fields.raw("networkConfiguration");
  if (value === undefined) return;
  const place = fields.at("networkConfiguration");
  if (flat.some((name) => fields.has(name))) {
    const names = flat.length === 1 ? flat.join("") : `${flat.slice(0, -1).join(", ")} and ${flat.at(-1) ?? ""}`;
    problems.invalid(place, value, `give either networkConfiguration or ${names}`);
  }
  const outer = Fields.of(value, place, problems);
  const inner = outer?.raw("awsvpcConfiguration");
  outer?.denyUnknown();
  if (outer !== undefined && inner !== undefined) {
    const awsvpc = Fields.of(inner, outer.at("awsvpcConfiguration"), problems);
    if (awsvpc !== undefined) check(awsvpc);
    awsvpc?.denyUnknown();
  }
  // An invalid networkConfiguration may be the reason why there are no subnets.
  if (problems.name(place)) problems.meant(fields.at("subnets"));
}

/** RunTask's launch types; other capacity needs a strategy. */
function checkLaunchType(fields: Fields): void {
  const value = fields.raw("launchType");
  const sound = (text: unknown): text is string => Object.values<unknown>(LaunchType).includes(text);
  const rule = `must be one of ${Object.values(LaunchType).join(", ")}`;
  const more: Readonly<Record<string, string>> = {
    FARGATE_SPOT: `; for Fargate Spot, give capacityProviderStrategy: [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]`,
    MANAGED_INSTANCES: "; for Managed Instances, give capacityProviderStrategy with the name of their capacity provider",
  };
  const hint = typeof value === "string" && Object.hasOwn(more, value) ? more[value] : undefined;
  fields.read("launchType", sound, rule + (hint ?? ""));
}

/** The three fields that name one target. */
function checkTarget(fields: Fields): void {
  fields.parsed("targetGroupArn", arn.targetGroup);
  fields.number("port", 1, 65_535);
  fields.parsed("containerName", arn.containerName);
}

function checkLaunchIsOne(fields: Fields, place: string, value: unknown, problems: Problems): void {
  if (fields.has("launchType") && fields.has("capacityProviderStrategy")) {
    problems.invalid(place, value, "give either launchType or capacityProviderStrategy");
  }
}

function checkStrategy(fields: Fields, problems: Problems): void {
  const items = fields.list("capacityProviderStrategy", MAX_CAPACITY_PROVIDERS, (value, place) => {
    const item = Fields.of(value, place, problems);
    item?.text("capacityProvider", 255);
    item?.needs("capacityProvider", "name a capacity provider");
    item?.number("weight", 0, 1000);
    item?.number("base", 0, 100_000);
    item?.denyUnknown();
  });
  if (items?.length === 0) {
    problems.missing(fields.at("capacityProviderStrategy[0]"), "must have 1 to 20 items");
  }
  // Checked as a whole only if each item is valid and known.
  if (items === undefined || !items.every(isObject) || problems.name(fields.at("capacityProviderStrategy"))) return;
  const numbers = (name: string) => items.map((item) => (isObject(item) ? (item[name] ?? 0) : 0));
  const place = fields.at("capacityProviderStrategy");
  if (items.length > 1 && numbers("weight").every((weight) => weight === 0)) {
    const rule = "at least one of several capacity providers must have a weight above 0 (the default is 0)";
    problems.invalid(place, items, rule);
  }
  if (numbers("base").filter((base) => typeof base === "number" && base > 0).length > 1) {
    problems.invalid(place, items, "only one capacity provider can have a base");
  }
}

function checkFallback(value: unknown, place: string, problems: Problems): void {
  const fields = Fields.of(value, place, problems);
  if (fields === undefined) return;
  let subnets = fields.parsedList("subnets", MAX_SUBNETS, arn.subnet);
  checkNested(fields, FLAT.slice(0, 1), problems, (inner) => {
    for (const name of FLAT.slice(1)) {
      if (inner.has(name)) {
        problems.invalid(inner.at(name), inner.raw(name), "a fallback can give only subnets here: everything else is as in the start");
      }
    }
    subnets = inner.parsedList("subnets", MAX_SUBNETS, arn.subnet);
  });
  checkLaunchType(fields);
  checkStrategy(fields, problems);
  checkLaunchIsOne(fields, place, value, problems);
  const givesSubnets = fields.has("subnets") || fields.has("networkConfiguration");
  if (!fields.has("launchType") && !fields.has("capacityProviderStrategy") && !givesSubnets) {
    problems.invalid(place, value, "a fallback needs subnets, launchType or capacityProviderStrategy");
  }
  if (subnets?.length === 0) {
    problems.missing(fields.at("subnets[0]"), "a fallback's subnets must have 1 to 16 items");
  }
  fields.denyUnknown();
}
