/**
 * Checks all arguments at once, so that every problem that can be known is reported before anything is registered: outputs of
 * other resources are `UNKNOWN` here. They are checked one by one when they are known (`checkEach.ts`), and together once more
 * before the function.
 */

import { apiRates } from "./apiRates";
import * as arn from "./arn";
import { DEFAULTS } from "./arguments";
import { checkCatalog, MAX_SECURITY_GROUPS, MAX_SUBNETS } from "./catalog/catalog";
import { Fields, parsed } from "./catalog/fields";
import { checkAlarms } from "./checkAlarms";
import { checkBuffered } from "./checkBuffered";
import { checkPlain } from "./checkPlain";
import { checkPrefixes } from "./checkPrefixes";
import { checkServices } from "./checkServices";
import { checkCode } from "./code";
import { Architecture, LogLevel, Tracing } from "./enumerations";
import { variableName } from "./environment";
import { isObject, UNKNOWN } from "./known";
import { Problems, refuse, shorten } from "./problems";
import { LONGEST_ROLE_END } from "./resources/context";
import { OFF, scheduleExpression, timezone } from "./schedules";
import { applicationSource } from "./sources";

/** The retention periods that CloudWatch Logs allows: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html */
const RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];
/** The names of `name`'s children must be valid everywhere; queues and rules have the strictest rules. */
const NAME = /^[A-Za-z0-9_-]{1,40}$/;
const CHILD_NAME = /^[A-Za-z0-9_-]{1,32}$/;
/** The function reconciles them one after the other, within half an hour; and each is in the policies in full. */
const MAX_CLUSTERS = 100;
const MAX_FAMILIES = 1000;
/** Task role and execution role of each family. */
const MAX_ROLES = 2000;
/** More do not fit into an event pattern. */
const MAX_SOURCES = 100;
/** Two metrics of each are in the dashboard, which has 2,500. */
const MAX_TARGET_GROUPS = 1000;
const CHILD_NAME_RULE = "a name has 1 to 32 letters, digits, - and _";

/** Throws with every problem in the arguments. */
export function checkArguments(name: string, args: unknown, problems = new Problems()): void {
  const fields = Fields.of(args, "args", problems);
  if (fields !== undefined) {
    checkFunction(name, fields, problems);
    checkFences(fields, problems);
    checkDefaults(fields, problems);
    checkCatalog(fields.raw("services"), fields.at("services"), problems);
    checkSchedules(fields, problems);
    checkOperations(fields, problems);
    checkBuffered(fields, problems);
    checkPlain(fields, problems);
    checkPlaces(fields, problems);
    checkServices(fields, problems);
    checkPrefixes(fields, problems);
    fields.denyUnknown();
  }
  refuse(name, problems.list);
}

/** https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html */
const MAX_ROLE_NAME = 64;
const rolePath: arn.Rule = (text) =>
  /^\/([\x21-\x7e]+\/)?$/.test(text) && text.length <= 512 ? undefined : "must begin and end with /, and have at most 512 characters, none of them a space";

/** The longest of the roles' names counts, whether there are schedules or not, so that they can be added later. */
function checkRoles(name: string, fields: Fields): void {
  fields.parsed("rolePath", rolePath);
  const given = fields.raw("functionName") ?? name;
  const rest = (typeof given === "string" ? given.length : 0) + LONGEST_ROLE_END;
  fields.parsed("roleNamePrefix", (text) => {
    if (!/^[A-Za-z0-9+=,.@_-]+$/.test(text)) return "must be letters, digits and +=,.@_-";
    const rule = `IAM allows ${MAX_ROLE_NAME} characters, and after it the roles' names have up to ${rest}: at most ${Math.max(0, MAX_ROLE_NAME - rest)}`;
    return text.length + rest <= MAX_ROLE_NAME ? undefined : rule;
  });
}

function checkFunction(name: string, fields: Fields, problems: Problems): void {
  const nameRule = (text: string) =>
    NAME.test(text) ? undefined : "the function's name has 1 to 40 letters, digits, - and _";
  if (fields.has("functionName")) fields.parsed("functionName", nameRule);
  else parsed(name, "name", nameRule, problems);
  checkRoles(name, fields);
  fields.parsed("deployment", deployment);
  const architecture = fields.oneOf("architecture", Object.values(Architecture));
  const isUnknown = fields.raw("architecture") === UNKNOWN;
  checkCode(fields, isUnknown ? UNKNOWN : (architecture ?? DEFAULTS.architecture), problems);
  fields.number("memorySize", 128, 10_240);
  fields.number("timeout", 30, 900);
  fields.number("reservedConcurrency", 0, 100_000);
  fields.number("startTimeoutSeconds", 0, 86_400);
  fields.number("healthTimeoutSeconds", 0, 3_600);
  fields.oneOf("logLevel", Object.values(LogLevel));
  fields.oneOf("tracing", Object.values(Tracing));
  checkEnvironment(fields, problems);
  checkVpc(fields, problems);
}

/** https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfig.html */
function checkVpc(outer: Fields, problems: Problems): void {
  if (!outer.has("vpcConfig")) return;
  const fields = Fields.of(outer.raw("vpcConfig"), outer.at("vpcConfig"), problems);
  if (fields === undefined) return;
  neededList(fields, "subnetIds", arn.subnet, problems, 16);
  neededList(fields, "securityGroupIds", arn.securityGroup, problems, 5);
  fields.flag("ipv6AllowedForDualStack");
  fields.denyUnknown();
}

/** The values may be private: of one that is wrong, only the kind is shown. */
function checkEnvironment(outer: Fields, problems: Problems): void {
  const variables = outer.raw("environment");
  if (variables === undefined || variables === UNKNOWN) return;
  if (!isObject(variables)) {
    problems.wrongKind(outer.at("environment"), variables, "must be an object of texts");
    return;
  }
  for (const [name, value] of Object.entries(variables)) {
    const place = `${outer.at("environment")}.${shorten(name)}`;
    const broken = variableName(name);
    if (broken !== undefined) problems.wrongKind(place, value, broken);
    else if (value !== undefined && value !== UNKNOWN && typeof value !== "string") problems.wrongKind(place, value, "must be a text");
  }
}

/** The value of a tag: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tag.html */
function deployment(text: string): string | undefined {
  const isSound = /^[\p{L}\p{N}\p{Z}_.:/=+\-@]{1,256}$/u.test(text) && text.trim() !== "" && !/^aws:/i.test(text.trim());
  return isSound ? undefined : "must be 1 to 256 letters, digits, spaces and _.:/=+-@, and not begin with aws:";
}

/** Checks the arguments that IAM policies, patterns and allow-lists are generated from. */
function checkFences(fields: Fields, problems: Problems): void {
  neededList(fields, "clusters", arn.clusterArn, problems, MAX_CLUSTERS);
  neededList(fields, "taskFamilies", arn.family, problems, MAX_FAMILIES);
  neededList(fields, "sources", applicationSource, problems, MAX_SOURCES);
  fields.needs("taskRoles", "the task roles and execution roles of the task definitions; [] if they have none");
  fields.parsedList("taskRoles", MAX_ROLES, arn.role);
  fields.parsedList("infrastructureRoles", MAX_ROLES, arn.role);
  if (fields.flag("catalogOnly") === true) {
    const services = fields.raw("services");
    const isEmpty = services === undefined || (isObject(services) && Object.keys(services).length === 0);
    if (isEmpty) problems.missing(fields.at("services"), "catalogOnly allows starts of services only");
  }
  fields.parsed("eventBus", arn.eventBus);
  fields.parsed("outcomeEventBus", arn.eventBus);
  fields.parsed("apiRates", apiRates);
  fields.parsed("permissionsBoundary", arn.policy);
  fields.parsed("kmsKeyArn", arn.kmsKey);
  fields.parsed("codeSigningConfigArn", arn.codeSigningConfig);
  fields.parsed("settingsLayerArn", arn.layerVersion);
  const groups = fields.raw("targetGroups");
  if (groups === UNKNOWN) return;
  if (!isObject(groups) || Object.keys(groups).length === 0) {
    problems.missing(fields.at("targetGroups"), "name at least one target group");
    return;
  }
  const count = Object.keys(groups).length;
  if (count > MAX_TARGET_GROUPS) {
    problems.invalid(fields.at("targetGroups"), groups, `must have at most ${MAX_TARGET_GROUPS} items, not ${count}`);
  }
  for (const [name, value] of Object.entries(groups)) {
    const place = `${fields.at("targetGroups")}.${name}`;
    if (!CHILD_NAME.test(name)) problems.invalid(place, name, CHILD_NAME_RULE);
    const group = Fields.of(value, place, problems);
    group?.needs("arn", "the target group's ARN");
    group?.parsed("arn", arn.targetGroup);
    group?.parsed("loadBalancerArn", arn.loadBalancer);
    group?.denyUnknown();
  }
}

function neededList(fields: Fields, name: string, rule: arn.Rule, problems: Problems, most: number): void {
  const items = fields.parsedList(name, most, rule);
  const isEmpty = items === undefined ? !fields.has(name) : items.length === 0;
  if (isEmpty) problems.missing(fields.at(name), "must have at least one item");
  const before = new Set<unknown>();
  items?.forEach((item, n) => {
    const isTwice = item !== UNKNOWN && before.has(item);
    before.add(item);
    if (isTwice) {
      problems.invalid(`${fields.at(name)}[${n}]`, item, "is given twice");
    }
  });
}

function checkDefaults(outer: Fields, problems: Problems): void {
  if (!outer.has("defaults")) return;
  const fields = Fields.of(outer.raw("defaults"), outer.at("defaults"), problems);
  fields?.parsed("cluster", arn.cluster);
  fields?.parsed("taskDefinition", arn.taskDefinition);
  fields?.parsed("targetGroupArn", arn.targetGroup);
  fields?.number("containerPort", 1, 65_535);
  fields?.parsedList("subnets", MAX_SUBNETS, arn.subnet);
  fields?.parsedList("securityGroups", MAX_SECURITY_GROUPS, arn.securityGroup);
  fields?.denyUnknown();
}

function checkSchedules(outer: Fields, problems: Problems): void {
  outer.parsed("reconcileSchedule", (text) => (text === OFF ? undefined : scheduleExpression(text)));
  const schedules = outer.raw("schedules");
  if (schedules === undefined || schedules === UNKNOWN) return;
  if (!isObject(schedules)) {
    problems.wrongKind(outer.at("schedules"), schedules, "must be an object of schedules");
    return;
  }
  for (const [name, value] of Object.entries(schedules)) {
    const place = `${outer.at("schedules")}.${name}`;
    if (!CHILD_NAME.test(name)) problems.invalid(place, name, CHILD_NAME_RULE);
    const fields = Fields.of(value, place, problems);
    if (fields === undefined) continue;
    fields.needs("service", "an entry of services");
    fields.text("service", 128);
    if (!fields.has("start") && !fields.has("stop")) {
      problems.missing(fields.at("start"), "give start, stop or both: cron(0 7 ? * MON-FRI *) for example");
    }
    fields.parsed("start", scheduleExpression);
    fields.parsed("stop", scheduleExpression);
    fields.parsed("timezone", timezone);
    fields.number("count", 1, 10);
    fields.number("maxAgeSeconds", 0, 86_400);
    fields.denyUnknown();
  }
}

/** Logs, retries, queues, alarms. */
function checkOperations(fields: Fields, problems: Problems): void {
  const days = fields.number("logRetentionDays", 1, 3653);
  if (days !== undefined && !RETENTION_DAYS.includes(days)) {
    problems.invalid(fields.at("logRetentionDays"), days, `must be one of ${RETENTION_DAYS.join(", ")}`);
  }
  fields.parsed("logGroup", arn.logGroup);
  if (fields.has("logGroup") && fields.has("logRetentionDays")) {
    problems.wrongKind(fields.at("logRetentionDays"), fields.raw("logRetentionDays"), "is for the component's own log group: leave it out with logGroup");
  }
  checkRetry(fields, "delivery", 185, 86_400, problems);
  checkRetry(fields, "invocation", 2, 21_600, problems);
  fields.number("queueRetentionDays", 1, 14);
  checkKeep(fields, problems);
  fields.flag("dashboard");
  checkAlarms(fields, problems);
  if (fields.has("tags")) {
    const tags = fields.raw("tags");
    if (tags === UNKNOWN) return;
    if (!isObject(tags)) problems.wrongKind(fields.at("tags"), tags, "must be an object of texts");
    else for (const [key, value] of Object.entries(tags)) parsed(value, `${fields.at("tags")}.${key}`, anyText, problems);
  }
}

function checkKeep(outer: Fields, problems: Problems): void {
  const keep = outer.raw("keep");
  if (keep === undefined || keep === UNKNOWN || typeof keep === "boolean") return;
  if (!isObject(keep)) {
    problems.invalid(outer.at("keep"), keep, "must be true, false or an object with queues, logs or both");
    return;
  }
  const fields = Fields.of(keep, outer.at("keep"), problems);
  fields?.flag("queues");
  if (fields?.flag("logs") === true && outer.has("logGroup")) {
    problems.invalid(fields.at("logs"), true, "is for the component's own log group: leave it out with logGroup");
  }
  fields?.denyUnknown();
}

const anyText = () => undefined;

function checkRetry(outer: Fields, name: string, attempts: number, seconds: number, problems: Problems): void {
  if (!outer.has(name)) return;
  const fields = Fields.of(outer.raw(name), outer.at(name), problems);
  fields?.number("maximumRetryAttempts", 0, attempts);
  fields?.number("maximumEventAgeSeconds", 60, seconds);
  fields?.denyUnknown();
}

/** Arguments whose ARNs may be of another account in the same region: these are only used, and nothing is made there. */
const OTHER_ACCOUNT: readonly string[] = ["outcomeEventBus", "alarms", "kmsKeyArn"];

/** All regional ARNs must be of one region, and but for those above of one account: the function works in no other. */
function checkPlaces(fields: Fields, problems: Problems): void {
  const placesIn = (names: readonly string[]): [place: string, value: string, scope: arn.Scope][] => {
    const places: [place: string, value: string, scope: arn.Scope][] = [];
    const collect = (place: string, value: unknown): void => {
      if (Array.isArray(value)) value.forEach((item, n) => { collect(`${place}[${n}]`, item); });
      else if (isObject(value)) for (const [name, part] of Object.entries(value)) collect(`${place}.${name}`, part);
      const scope = typeof value === "string" ? arn.scopeOf(value) : undefined;
      if (typeof value !== "string" || scope === undefined || problems.name(place) || place.includes(".overrides.")) return;
      places.push([place, value, scope]);
    };
    for (const name of names) collect(fields.at(name), fields.raw(name));
    return places;
  };
  const here = placesIn(["clusters", "targetGroups", "defaults", "services", "eventBus"]);
  const home = here[0]?.[2];
  if (home === undefined) return;
  for (const [place, value, scope] of here) {
    if (!arn.sameScope(scope, home)) {
      problems.invalid(place, value, `must be in account ${home.account} and region ${home.region}, like all other ARNs`);
    }
  }
  for (const [place, value, scope] of placesIn(OTHER_ACCOUNT)) {
    if (!arn.sameScope(scope, { ...home, account: scope.account })) {
      problems.invalid(place, value, `must be in region ${home.region}, like all other ARNs; the account may be another`);
    }
  }
}
