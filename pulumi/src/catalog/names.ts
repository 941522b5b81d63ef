/**
 * What a field that an object does not have was meant to be, in the function's own words (`src/core/input/names.rs`). The tables are
 * those of the fields that a service has; a test has the function itself say the same.
 */

/** Names that others have for fields of ours, without regard to case and separators. */
const FOREIGN: readonly (readonly [foreign: string, ours: string])[] = [
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

/** Names in a start for which there is no field, and what to do instead. */
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

/** What a name means. */
export interface Meaning {
  /** The field that is not missing since it is there under this name; undefined if there is none. */
  readonly ours?: string;
  /** What to write instead. */
  readonly says: string;
}

/** What `name` means in an object that has the `known` fields; undefined if nobody knows. */
export function meaning(name: string, known: Iterable<string>): Meaning | undefined {
  const fields = [...known];
  const plainName = plain(name);
  const same = fields.find((ours) => plain(ours) === plainName);
  if (same !== undefined) {
    const rule = /^[a-z]/.test(same) ? " Names are camelCase" : "";
    return { ours: same, says: `did you mean \`${same}\`?${rule}` };
  }
  const other = fields.find((ours) => FOREIGN.some(([foreign, named]) => foreign === plainName && named === ours));
  if (other !== undefined) return { ours: other, says: `did you mean \`${other}\`?` };
  const instead = fields.includes("taskDefinition") ? INSTEAD.get(plainName) : undefined;
  return instead === undefined ? undefined : { says: instead };
}

/** Only the letters and digits, in lower case. */
function plain(name: string): string {
  return name.replace(/[^A-Za-z0-9]/g, "").toLowerCase();
}
