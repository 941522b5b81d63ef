/**
 * Suggestions for unknown fields, in the function's own words (`src/core/input/names.rs`). The tables cover the fields of a
 * service; a test compares them with the function.
 */

/** Names that other tools have for our fields, regardless of case and separators. */
const FOREIGN: readonly (readonly [foreign: string, field: string])[] = [
  ["awsvpcconfiguration", "networkConfiguration"],
  ["capacityprovider", "capacityProviderStrategy"],
  ["capacityproviders", "capacityProviderStrategy"],
  ["clusterarn", "cluster"],
  ["clustername", "cluster"],
  ["container", "containerName"],
  ["containeroverrides", "overrides"],
  ["containerport", "port"],
  ["desiredcount", "count"],
  ["family", "taskDefinition"],
  ["loadbalancers", "targets"],
  ["placementconstraint", "placementConstraints"],
  ["placementstrategies", "placementStrategy"],
  ["securitygroup", "securityGroups"],
  ["securitygroupids", "securityGroups"],
  ["subnet", "subnets"],
  ["subnetids", "subnets"],
  ["targetgroup", "targetGroupArn"],
  ["targetgrouparns", "targets"],
  ["targetgroups", "targets"],
  ["taskcount", "count"],
  ["taskdefinitionarn", "taskDefinition"],
];

const IN_OVERRIDES = "give it in overrides";
const IN_A_CONTAINER = "give it in overrides.containerOverrides, with the container's name";

/** Known names without a field, and what to do instead. */
const INSTEAD: ReadonlyMap<string, string> = new Map([
  ["clienttoken", "start-engines derives RunTask's clientToken from idempotencyKey: give that instead"],
  ["command", IN_A_CONTAINER],
  ["cpu", IN_OVERRIDES],
  ["ecsparameters", "give its fields in this object: taskDefinition, count, launchType, networkConfiguration..."],
  ["environment", IN_A_CONTAINER],
  ["ephemeralstorage", IN_OVERRIDES],
  ["executionrolearn", IN_OVERRIDES],
  ["inferenceacceleratoroverrides", IN_OVERRIDES],
  ["memory", IN_OVERRIDES],
  ["referenceid", "only ECS uses it: give correlationId as an identifier of your own"],
  ["startedby", "start-engines writes the targets of a task there: use correlationId or tags to show who sent the event"],
  ["taskrolearn", IN_OVERRIDES],
]);

/** A suggestion for an unknown field. */
export interface Meaning {
  /** The field that the name stands for, which is then not missing; undefined if there is none. */
  readonly field?: string;
  /** What to write instead. */
  readonly suggestion: string;
}

/** The suggestion for `name` in an object with the `known` fields; undefined if there is none. */
export function meaning(name: string, known: Iterable<string>): Meaning | undefined {
  const fields = [...known];
  const plainName = plain(name);
  const same = fields.find((field) => plain(field) === plainName);
  if (same !== undefined) {
    const rule = /^[a-z]/.test(same) ? " Names are camelCase" : "";
    return { field: same, suggestion: `did you mean \`${same}\`?${rule}` };
  }
  const other = fields.find((field) => FOREIGN.some(([foreign, named]) => foreign === plainName && named === field));
  if (other !== undefined) return { field: other, suggestion: `did you mean \`${other}\`?` };
  const instead = fields.includes("taskDefinition") ? INSTEAD.get(plainName) : undefined;
  return instead === undefined ? undefined : { suggestion: instead };
}

/** Only the letters and digits, in lower case. */
function plain(name: string): string {
  return name.replace(/[^A-Za-z0-9]/g, "").toLowerCase();
}
