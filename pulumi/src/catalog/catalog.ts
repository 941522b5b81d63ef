/**
 * The rules of `services.json`, the same as the function's own (`src/catalog.rs`, `src/start/detail.rs`), so that a
 * catalog which the function would refuse is refused before anything is deployed.
 */

import * as arn from "../arn";
import { isObject, UNKNOWN } from "../known";
import { type Problems, shorten } from "../problems";
import { Fields, isTagText, isText } from "./fields";
import { checkOptions, checkTag, MOST_TAGS } from "./options";

/** AwsVpcConfiguration: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html */
export const MOST_SUBNETS = 16;
/** As `MOST_SUBNETS`. */
export const MOST_SECURITY_GROUPS = 5;
const MOST_CAPACITY_PROVIDERS = 20;
const MOST_FALLBACKS = 9;
const MOST_TARGETS = 10;
const LAUNCH_TYPES = ["EC2", "FARGATE", "EXTERNAL"] as const;
const SHORT_FORM = ["targetGroupArn", "port", "containerName"] as const;

/** Notes every problem in a catalog. */
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
  fields.list("targets", MOST_TARGETS, (value, at) => {
    const target = Fields.of(value, at, problems);
    if (target === undefined) return;
    checkTarget(target);
    target.needs("targetGroupArn", "each target needs targetGroupArn and port");
    target.needs("port", "each target needs targetGroupArn and port");
    target.denyUnknown();
  });
  fields.parsedList("subnets", MOST_SUBNETS, arn.subnet);
  fields.parsedList("securityGroups", MOST_SECURITY_GROUPS, arn.securityGroup);
  fields.oneOf("assignPublicIp", ["ENABLED", "DISABLED"]);
  fields.oneOf("launchType", LAUNCH_TYPES);
  checkStrategy(fields, problems);
  fields.text("platformVersion", 64);
  fields.list("fallbacks", MOST_FALLBACKS, checkFallback);
  checkOptions(fields, problems);
  fields.list("tags", MOST_TAGS, checkTag);
  fields.number("count", 1, 10);
  fields.number("startTimeoutSeconds", 0, 86_400);
  fields.number("maxLifetimeSeconds", 0, 31_536_000);
  fields.denyUnknown();
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
  const items = fields.list("capacityProviderStrategy", MOST_CAPACITY_PROVIDERS, (value, place) => {
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
}

function checkFallback(value: unknown, place: string, problems: Problems): void {
  const fields = Fields.of(value, place, problems);
  if (fields === undefined) return;
  const subnets = fields.parsedList("subnets", MOST_SUBNETS, arn.subnet);
  fields.oneOf("launchType", LAUNCH_TYPES);
  checkStrategy(fields, problems);
  checkLaunchIsOne(fields, place, value, problems);
  if (!fields.has("launchType") && !fields.has("capacityProviderStrategy") && !fields.has("subnets")) {
    problems.invalid(place, value, "a fallback needs subnets, launchType or capacityProviderStrategy");
  }
  if (subnets?.length === 0) {
    problems.missing(fields.at("subnets[0]"), "a fallback's subnets must have 1 to 16 items");
  }
  fields.denyUnknown();
}
