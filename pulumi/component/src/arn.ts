/**
 * Names and ARNs of AWS resources, by the same rules as the function's `src/core/domain/arn/mod.rs`.
 *
 * The forms are those of the Service Authorization Reference for ECS, Elastic Load Balancing V2, IAM, SNS and
 * EventBridge: https://docs.aws.amazon.com/service-authorization/latest/reference/
 */

/** The part that all ARNs of one account and region share. */
export interface Scope {
  readonly partition: string;
  readonly region: string;
  readonly account: string;
}

/** A rule: what is wrong with a text, or undefined if nothing is. */
export type Rule = (text: string) => string | undefined;

interface Arn extends Scope {
  readonly service: string;
  readonly resource: string;
}

function split(text: string): Arn | undefined {
  const match = /^arn:(aws[a-z0-9-]*):([a-z0-9-]+):([a-z0-9-]*):([0-9]{12}):(.+)$/s.exec(text);
  const [, partition, service, region, account, resource] = match ?? [];
  if (partition === undefined || service === undefined || region === undefined || account === undefined) {
    return undefined;
  }
  return { partition, service, region, account, resource: resource ?? "" };
}

/** The resource part of a regional ARN of `service`. */
function resourceOf(text: string, service: string): string | undefined {
  const arn = split(text);
  return arn?.service === service && arn.region !== "" ? arn.resource : undefined;
}

/** Account and region of a regional ARN; undefined for a plain name. */
export function scopeOf(text: string): Scope | undefined {
  const arn = split(text);
  return arn === undefined || arn.region === ""
    ? undefined
    : { partition: arn.partition, region: arn.region, account: arn.account };
}

/** Whether both are of one account and region. */
export function sameScope(one: Scope, other: Scope): boolean {
  return one.partition === other.partition && one.region === other.region && one.account === other.account;
}

/** An ARN in this scope. */
export function arnIn(scope: Scope, service: string, resource: string): string {
  return `arn:${scope.partition}:${service}:${scope.region}:${scope.account}:${resource}`;
}

const ECS_NAME = /^[A-Za-z0-9_-]{1,255}$/;

/** What a text must be, by a test of it. */
function rule(sound: (text: string) => boolean, words: string): Rule {
  return (text) => (sound(text) ? undefined : words);
}

function isClusterArn(text: string): boolean {
  const resource = resourceOf(text, "ecs");
  return resource?.startsWith("cluster/") === true && ECS_NAME.test(resource.slice("cluster/".length));
}

/** A cluster by name or ARN. */
export const cluster = rule(
  (text) => ECS_NAME.test(text) || isClusterArn(text),
  "must be a cluster name (letters, digits, - and _) or a cluster ARN",
);

/** A cluster by ARN only: event patterns and IAM know no names. */
export const clusterArn = rule(isClusterArn, "must be a cluster ARN (arn:aws:ecs:REGION:ACCOUNT:cluster/NAME)");

/** The name in a cluster's ARN. */
export function clusterName(text: string): string {
  return text.slice(text.lastIndexOf("/") + 1);
}

/** A task definition family. */
export const family = rule(
  (text) => ECS_NAME.test(text),
  "must be a task definition family (letters, digits, - and _), without revision",
);

/** The name in a target group's ARN. */
export function targetGroupName(text: string): string {
  return text.split("/")[1] ?? "";
}

/** Path and name in a role's ARN. */
export function roleName(text: string): string {
  return text.slice(text.indexOf("/") + 1);
}

/** A task definition as family, family:revision or ARN. */
export const taskDefinition = rule((text) => {
  const resource = resourceOf(text, "ecs");
  const name = resource === undefined ? text : resource.replace(/^(?!task-definition\/).*|^task-definition\//s, "");
  const [familyName = "", revision, ...rest] = name.split(":");
  const soundRevision = revision === undefined || (/^\+?[0-9]+$/.test(revision) && isRevision(Number(revision)));
  return ECS_NAME.test(familyName) && soundRevision && rest.length === 0;
}, "must be a task definition family, family:revision or ARN");

function isRevision(number: number): boolean {
  return number > 0 && number <= 0xffff_ffff;
}

/** The family that a task definition names. */
export function familyOf(text: string): string {
  return text.slice(text.lastIndexOf("/") + 1).split(":")[0] ?? "";
}

/** A target group ARN. */
export const targetGroup = rule(
  (text) => /^targetgroup\/[A-Za-z0-9-]{1,32}\/[A-Za-z0-9]{1,32}$/.test(resourceOf(text, "elasticloadbalancing") ?? ""),
  "must be a target group ARN (arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/NAME/ID)",
);

/** The ARN of an Application or Network Load Balancer. */
export const loadBalancer = rule(
  (text) =>
    /^loadbalancer\/(app|net)\/[A-Za-z0-9-]{1,32}\/[A-Za-z0-9]{1,32}$/.test(
      resourceOf(text, "elasticloadbalancing") ?? "",
    ),
  "must be the ARN of an Application or Network Load Balancer (arn:...:loadbalancer/app/NAME/ID)",
);

/** A CloudWatch dimension of a target group or load balancer: the end of its ARN, without `loadbalancer/`. */
export function metricDimension(text: string): string {
  return text.split(":").slice(5).join(":").replace(/^loadbalancer\//, "");
}

/** A role's ARN, which has no region. */
export const role = rule((text) => {
  const arn = split(text);
  return (
    arn?.service === "iam" && arn.region === "" && /^role\/([\x21-\x7e]+\/)?[A-Za-z0-9+=,.@_-]{1,64}$/.test(arn.resource)
  );
}, "must be a role ARN (arn:aws:iam::ACCOUNT:role/NAME)");

/** A managed policy's ARN, of this account or of AWS. */
export const policy = rule(
  (text) => /^arn:aws[a-z0-9-]*:iam::([0-9]{12}|aws):policy\/[\x21-\x7e]+$/.test(text),
  "must be a policy ARN (arn:aws:iam::ACCOUNT:policy/NAME)",
);

/** A code signing configuration of Lambda: https://docs.aws.amazon.com/lambda/latest/api/API_CodeSigningConfig.html */
export const codeSigningConfig = rule(
  (text) => /^code-signing-config:csc-[a-z0-9]{17}$/.test(resourceOf(text, "lambda") ?? ""),
  "must be the ARN of a code signing configuration (arn:aws:lambda:REGION:ACCOUNT:code-signing-config:csc-ID)",
);

/** A version of a layer: https://docs.aws.amazon.com/lambda/latest/api/API_Layer.html */
export const layerVersion = rule(
  (text) => /^layer:[A-Za-z0-9_-]{1,140}:[0-9]{1,10}$/.test(resourceOf(text, "lambda") ?? ""),
  "must be the ARN of a layer's version (arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION)",
);

/** A key of KMS: IAM knows no aliases. https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id */
export const kmsKey = rule(
  (text) => /^key\/[A-Za-z0-9-]{1,128}$/.test(resourceOf(text, "kms") ?? ""),
  "must be the ARN of a KMS key, not of an alias (arn:aws:kms:REGION:ACCOUNT:key/ID)",
);

/** A log group by name. https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html */
export const logGroup = rule(
  (text) => /^[A-Za-z0-9._/#-]{1,512}$/.test(text) && !text.startsWith("aws/"),
  "must be the name of a log group: 1 to 512 letters, digits and ._/#-, and not begin with aws/",
);

/** A standard SNS topic's ARN: CloudWatch alarms do not publish to FIFO topics. */
export const topic = rule(
  (text) => /^[A-Za-z0-9_-]{1,256}$/.test(resourceOf(text, "sns") ?? ""),
  "must be the ARN of a standard SNS topic (arn:aws:sns:REGION:ACCOUNT:NAME)",
);

/** An event bus by name or ARN. */
export const eventBus = rule((text) => {
  const resource = resourceOf(text, "events");
  return /^[A-Za-z0-9._/-]{1,256}$/.test(resource === undefined ? text : resource.replace(/^(?!event-bus\/).*|^event-bus\//s, ""));
}, "must be the name or ARN of an event bus");

/** The ARN of a bus given by name or ARN. */
export function eventBusArn(text: string, scope: Scope): string {
  return scopeOf(text) === undefined ? arnIn(scope, "events", `event-bus/${text}`) : text;
}

const hasId = (text: string, prefix: string) =>
  text.startsWith(prefix) && /^[a-z0-9]{8,32}$/.test(text.slice(prefix.length));

/** A subnet. */
export const subnet = rule((text) => hasId(text, "subnet-"), "must be a subnet id (subnet-...)");

/** A security group. */
export const securityGroup = rule((text) => hasId(text, "sg-"), "must be a security group id (sg-...)");

/** A container's name. */
export const containerName = rule(
  (text) => ECS_NAME.test(text),
  "must be a container name (letters, digits, - and _, at most 255)",
);
