/**
 * What a service passes on to RunTask: overrides, placement, volumes. The rules are those of the function's
 * `src/core/spec/run_options.rs`, the shapes RunTask's own:
 * https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
 */

import {
  EnvironmentFileType,
  FilesystemType,
  PlacementConstraintType,
  PlacementStrategyType,
  PropagateTags,
  ResourceType,
  TaggedResource,
} from "../enumerations";
import { UNKNOWN } from "../known";
import type { Problems } from "../problems";
import { Fields, isReserved, isTagText, isText } from "./fields";

const MAX_OVERRIDE_CHARACTERS = 8192;
const MAX_ITEMS = 1000;
/** Maximum number of tags of a task or volume. */
export const MAX_TAGS = 50;
/** The prefix of the function's own tags, which requests may not use. */
export const TAG_PREFIX = "start-engines:";
const NEEDED = "RunTask requires it";
const RESERVED = "must not begin with aws:, in any upper or lower case";

/** Checks the options of one service. */
export function checkOptions(fields: Fields, problems: Problems): void {
  checkOverrides(fields, problems);
  checkPropagateTags(fields);
  fields.flag("enableECSManagedTags");
  fields.flag("enableExecuteCommand");
  fields.list("placementConstraints", 10, (value, place) => {
    const item = Fields.of(value, place, problems);
    item?.oneOf("type", Object.values(PlacementConstraintType));
    item?.text("expression", 2000);
    item?.needs("type", NEEDED);
    item?.denyUnknown();
  });
  fields.list("placementStrategy", 5, (value, place) => {
    const item = Fields.of(value, place, problems);
    item?.oneOf("type", Object.values(PlacementStrategyType));
    item?.text("field", 255);
    item?.needs("type", NEEDED);
    item?.denyUnknown();
  });
  // RunTask allows one volume at most.
  fields.list("volumeConfigurations", 1, checkVolume);
  fields.text("group", 255);
}

/** Checks one tag. */
export function checkTag(value: unknown, place: string, problems: Problems): void {
  const fields = Fields.of(value, place, problems);
  if (fields === undefined) return;
  const key = fields.raw("key");
  if (key === undefined) {
    problems.missing(fields.at("key"), "each tag needs a key");
  } else if (typeof key === "string" && isReserved(key)) {
    problems.invalid(fields.at("key"), key, RESERVED);
  } else if (typeof key === "string" && key.startsWith(TAG_PREFIX)) {
    problems.invalid(fields.at("key"), key, `must not begin with ${TAG_PREFIX}`);
  } else {
    fields.read("key", isTag(1, 128), "must be a text of 1 to 128 letters, digits, spaces and _.:/=+-@");
  }
  const text = fields.raw("value");
  if (typeof text === "string" && isReserved(text)) problems.invalid(fields.at("value"), text, RESERVED);
  else fields.read("value", isTag(0, 256), "must be a text of at most 256 letters, digits, spaces and _.:/=+-@");
  fields.denyUnknown();
}

function isTag(least: number, most: number): (value: unknown) => value is string {
  const sized = isText(least, most);
  return (value): value is string => sized(value) && isTagText(value);
}

function checkPropagateTags(fields: Fields): void {
  const rule =
    fields.raw("propagateTags") === "SERVICE"
      ? "RunTask refuses SERVICE: the task does not belong to a service"
      : `must be one of ${Object.values(PropagateTags).join(", ")}`;
  const sound = (value: unknown): value is string => Object.values<unknown>(PropagateTags).includes(value);
  fields.read("propagateTags", sound, rule);
}

function checkOverrides(outer: Fields, problems: Problems): void {
  const value = outer.raw("overrides");
  if (value === undefined || value === UNKNOWN) return;
  const length = [...JSON.stringify(value)].length;
  if (length > MAX_OVERRIDE_CHARACTERS) {
    const rule = `must have at most ${MAX_OVERRIDE_CHARACTERS} characters of JSON, not ${length}`;
    problems.invalid(outer.at("overrides"), value, rule);
    return;
  }
  const fields = Fields.of(value, outer.at("overrides"), problems);
  if (fields === undefined) return;
  if (fields.has("ephemeralStorage")) {
    const storage = Fields.of(fields.raw("ephemeralStorage"), fields.at("ephemeralStorage"), problems);
    storage?.number("sizeInGiB", 21, 200);
    storage?.needs("sizeInGiB", NEEDED);
    storage?.denyUnknown();
  }
  fields.list("containerOverrides", MAX_ITEMS, checkContainer);
  fields.text("cpu", 32);
  fields.text("memory", 32);
  fields.text("taskRoleArn", 2048);
  fields.text("executionRoleArn", 2048);
  fields.list("inferenceAcceleratorOverrides", MAX_ITEMS, (item, at) => {
    const accelerator = Fields.of(item, at, problems);
    accelerator?.text("deviceName", 255);
    accelerator?.text("deviceType", 255);
    accelerator?.denyUnknown();
  });
  fields.denyUnknown();
}

function checkContainer(value: unknown, place: string, problems: Problems): void {
  const fields = Fields.of(value, place, problems);
  if (fields === undefined) return;
  fields.text("name", 255);
  fields.needs("name", NEEDED);
  fields.list("command", MAX_ITEMS, (item, at) => {
    if (typeof item !== "string" && item !== UNKNOWN) problems.invalid(at, item, "must be a text");
  });
  fields.list("environment", MAX_ITEMS, (item, at) => {
    const pair = Fields.of(item, at, problems);
    pair?.text("name", MAX_OVERRIDE_CHARACTERS);
    pair?.needs("name", NEEDED);
    pair?.read("value", (text) => typeof text === "string", "must be a text");
    pair?.needs("value", NEEDED);
    pair?.denyUnknown();
  });
  fields.list("environmentFiles", 10, (item, at) => {
    const file = Fields.of(item, at, problems);
    file?.text("value", 2048);
    file?.oneOf("type", Object.values(EnvironmentFileType));
    file?.needs("value", NEEDED);
    file?.needs("type", NEEDED);
    file?.denyUnknown();
  });
  fields.list("resourceRequirements", 10, (item, at) => {
    const requirement = Fields.of(item, at, problems);
    requirement?.oneOf("type", Object.values(ResourceType));
    requirement?.text("value", 255);
    requirement?.needs("type", NEEDED);
    requirement?.needs("value", NEEDED);
    requirement?.denyUnknown();
  });
  fields.number("cpu", 0, 1_000_000);
  fields.number("memory", 1, 100_000_000);
  fields.number("memoryReservation", 1, 100_000_000);
  fields.denyUnknown();
}

function checkVolume(value: unknown, place: string, problems: Problems): void {
  const fields = Fields.of(value, place, problems);
  if (fields === undefined) return;
  fields.text("name", 255);
  fields.needs("name", NEEDED);
  if (fields.has("managedEBSVolume")) {
    checkEbsVolume(fields.raw("managedEBSVolume"), fields.at("managedEBSVolume"), problems);
  }
  fields.denyUnknown();
}

function checkEbsVolume(value: unknown, place: string, problems: Problems): void {
  const fields = Fields.of(value, place, problems);
  if (fields === undefined) return;
  fields.text("roleArn", 2048);
  fields.needs("roleArn", NEEDED);
  if (fields.has("terminationPolicy")) {
    const policy = Fields.of(fields.raw("terminationPolicy"), fields.at("terminationPolicy"), problems);
    policy?.flag("deleteOnTermination");
    policy?.needs("deleteOnTermination", NEEDED);
    policy?.denyUnknown();
  }
  fields.list("tagSpecifications", 1, (item, at) => {
    const specification = Fields.of(item, at, problems);
    if (specification === undefined) return;
    specification.oneOf("resourceType", Object.values(TaggedResource));
    specification.needs("resourceType", NEEDED);
    specification.list("tags", MAX_TAGS, checkTag);
    checkPropagateTags(specification);
    specification.denyUnknown();
  });
  fields.flag("encrypted");
  fields.text("kmsKeyId", 2048);
  fields.text("volumeType", 32);
  fields.number("sizeInGiB", 1, 65_536);
  fields.text("snapshotId", 255);
  fields.number("volumeInitializationRate", 100, 300);
  fields.number("iops", 1, 256_000);
  fields.number("throughput", 1, 2_000);
  fields.oneOf("filesystemType", Object.values(FilesystemType));
  fields.denyUnknown();
}
