/**
 * Checks services and schedules against what the other arguments allow: refuses what the function would refuse later
 * (`src/core/request/start/resolve.rs`).
 */

import * as arn from "./arn";
import type { Fields } from "./catalog/fields";
import { isObject, UNKNOWN } from "./known";
import type { Problems } from "./problems";

/** What services and schedules may name; undefined while some of it is unknown. */
interface Allowed {
  readonly clusters: readonly string[] | undefined;
  readonly families: readonly string[] | undefined;
  readonly groups: readonly string[] | undefined;
  readonly taskRoles: readonly string[] | undefined;
  readonly infrastructureRoles: readonly string[] | undefined;
}

type Values = Record<string, unknown>;

/** Reports every service, default and schedule that the other arguments do not allow. */
export function checkServices(fields: Fields, problems: Problems): void {
  const groups = fields.raw("targetGroups");
  const allowed: Allowed = {
    clusters: texts(fields.raw("clusters")),
    families: texts(fields.raw("taskFamilies")),
    groups: isObject(groups) ? texts(Object.values(groups).map((group) => (isObject(group) ? group["arn"] : UNKNOWN))) : undefined,
    taskRoles: texts(fields.raw("taskRoles")),
    infrastructureRoles: texts(fields.raw("infrastructureRoles") ?? []),
  };
  const defaults = isObject(fields.raw("defaults")) ? (fields.raw("defaults") as Values) : {};
  checkNamed(defaults, fields.at("defaults"), allowed, problems);
  const services = isObject(fields.raw("services")) ? (fields.raw("services") as Values) : {};
  for (const [name, service] of Object.entries(services)) {
    if (isObject(service)) checkNamed(service, `${fields.at("services")}.${name}`, allowed, problems);
  }
  const schedules = fields.raw("schedules");
  if (!isObject(schedules)) return;
  for (const [name, schedule] of Object.entries(schedules)) {
    if (!isObject(schedule)) continue;
    const place = `${fields.at("schedules")}.${name}.service`;
    const named = schedule["service"];
    if (typeof named !== "string" || problems.name(place) || fields.raw("services") === UNKNOWN) continue;
    const service = Object.hasOwn(services, named) ? services[named] : undefined;
    if (service === undefined) {
      const names = Object.keys(services).join(", ");
      problems.invalid(place, named, names === "" ? "services is empty" : `must be one of services: ${names}`);
    } else if (isObject(service) && !problems.name(`${fields.at("services")}.${named}`)) {
      // If a service has problems already, a missing field may be one of them.
      const lack = incomplete(service, defaults);
      if (lack !== undefined) problems.invalid(place, named, `the service lacks ${lack}, and so do the defaults`);
    }
  }
}

function texts(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const items: readonly unknown[] = value;
  return items.every((item) => typeof item === "string") ? items : undefined;
}

function checkNamed(values: Values, place: string, allowed: Allowed, problems: Problems): void {
  const check = (at: string, value: unknown, isAllowed: (text: string) => boolean | undefined, rule: string): void => {
    if (typeof value === "string" && !problems.name(at) && isAllowed(value) === false) problems.invalid(at, value, rule);
  };
  const checkGroup = (at: string, value: unknown): void => {
    check(at, value, (text) => allowed.groups?.includes(text), "is not in args.targetGroups");
  };
  check(`${place}.cluster`, values["cluster"], (text) => clusterIsAllowed(text, allowed.clusters), "is not in args.clusters");
  const familyIsAllowed = (text: string) => allowed.families?.includes(arn.familyOf(text));
  check(`${place}.taskDefinition`, values["taskDefinition"], familyIsAllowed, "its family is not in args.taskFamilies");
  checkGroup(`${place}.targetGroupArn`, values["targetGroupArn"]);
  each(values["targets"], (target, n) => {
    checkGroup(`${place}.targets[${n}].targetGroupArn`, target["targetGroupArn"]);
  });
  const overrides = isObject(values["overrides"]) ? values["overrides"] : {};
  for (const name of ["taskRoleArn", "executionRoleArn"]) {
    const at = `${place}.overrides.${name}`;
    check(at, overrides[name], (text) => allowed.taskRoles?.includes(text), "is not in args.taskRoles");
  }
  each(values["volumeConfigurations"], (volume, n) => {
    const ebs = isObject(volume["managedEBSVolume"]) ? volume["managedEBSVolume"] : {};
    const at = `${place}.volumeConfigurations[${n}].managedEBSVolume.roleArn`;
    const isAllowed = (text: string) => allowed.infrastructureRoles?.includes(text);
    check(at, ebs["roleArn"], isAllowed, "is not in args.infrastructureRoles");
  });
}

function each(value: unknown, item: (values: Values, n: number) => void): void {
  if (!Array.isArray(value)) return;
  value.forEach((part: unknown, n) => {
    if (isObject(part)) item(part, n);
  });
}

/** Whether a cluster is listed, by ARN or by the name in an ARN, as in the function's allow-list. */
function clusterIsAllowed(text: string, clusters: readonly string[] | undefined): boolean | undefined {
  return clusters?.some((allowed) => text === allowed || text === arn.clusterName(allowed));
}

/** RunTask's own form. */
function nestedSubnets(service: Values): unknown {
  const configuration = service["networkConfiguration"];
  const awsvpc = isObject(configuration) ? configuration["awsvpcConfiguration"] : undefined;
  return isObject(awsvpc) ? awsvpc["subnets"] : undefined;
}

/** The first thing that a start of the service would lack, or undefined: the rules of `src/core/request/start/resolve.rs`. */
function incomplete(service: Values, defaults: Values): string | undefined {
  const given = (value: unknown) => value !== undefined && value !== null;
  const either = (name: string, inDefaults = name) => given(service[name]) || given(defaults[inDefaults]);
  if (!either("cluster")) return "cluster";
  if (!either("taskDefinition")) return "taskDefinition";
  if (!given(service["targets"])) {
    if (!either("targetGroupArn")) return "targetGroupArn (or targets, [] for none)";
    if (!either("port", "containerPort")) return "port";
  }
  const subnets = service["subnets"] ?? nestedSubnets(service) ?? defaults["subnets"];
  const noSubnets = subnets === undefined || (Array.isArray(subnets) && subnets.length === 0);
  if (service["launchType"] === "FARGATE" && noSubnets) return "subnets, which Fargate needs";
  return undefined;
}
