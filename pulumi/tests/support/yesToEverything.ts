/** A provider that creates nothing, and answers with the ARNs and ids that AWS would give. */

import type { Fields, Provider } from "./monitor";

/** For recorded runs. */
export const yesToEverything: Provider = {
  create: (type, name, inputs) => ({ id: idOf(type, name), state: stateOf(type, name, inputs) as Fields }),
  invoke: (token) => {
    const answer = ANSWERS[token];
    if (answer === undefined) throw new Error(`nobody answers ${token}`);
    return answer;
  },
};

const ANSWERS: Readonly<Record<string, Fields>> = {
  "aws:index/getAvailabilityZones:getAvailabilityZones": {
    id: "us-east-1",
    names: ["us-east-1a", "us-east-1b", "us-east-1c"],
  },
  "aws:index/getRegion:getRegion": { id: "us-east-1", region: "us-east-1", name: "us-east-1" },
  "aws:index/getCallerIdentity:getCallerIdentity": { id: "111122223333", accountId: "111122223333" },
};

/** What AWS adds, as far as anything here asks for it. */
export function stateOf(type: string, name: string, inputs: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const physical = inputs["name"] ?? inputs["dashboardName"] ?? inputs["layerName"] ?? name;
  const called = typeof physical === "string" ? physical : name;
  const arn = (service: string, resource: string) => `arn:aws:${service}:us-east-1:111122223333:${resource}`;
  const arns: Readonly<Record<string, string>> = {
    "aws:cloudwatch/eventRule:EventRule": arn("events", `rule/${busOf(inputs)}${called}`),
    "aws:cloudwatch/eventBus:EventBus": arn("events", `event-bus/${called}`),
    "aws:cloudwatch/logGroup:LogGroup": arn("logs", `log-group:${called}`),
    "aws:ecs/cluster:Cluster": arn("ecs", `cluster/${called}`),
    "aws:iam/policy:Policy": `arn:aws:iam::111122223333:policy/${called}`,
    "aws:iam/role:Role": `arn:aws:iam::111122223333:role/${called}`,
    "aws:kms/key:Key": arn("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab"),
    "aws:lambda/function:Function": arn("lambda", `function:${called}`),
    "aws:lambda/layerVersion:LayerVersion": arn("lambda", `layer:${called}:1`),
    "aws:lb/loadBalancer:LoadBalancer": arn(
      "elasticloadbalancing",
      `loadbalancer/${inputs["loadBalancerType"] === "network" ? "net" : "app"}/${called}/50dc6c495c0c9188`,
    ),
    "aws:lb/targetGroup:TargetGroup": arn("elasticloadbalancing", `targetgroup/${called}/73e2d6bc24d8a067`),
    "aws:lb/listener:Listener": arn("elasticloadbalancing", `listener/app/${called}/50dc6c495c0c9188/f2f7dc8efc522ab2`),
    "aws:scheduler/scheduleGroup:ScheduleGroup": arn("scheduler", `schedule-group/${called}`),
    "aws:sns/topic:Topic": arn("sns", called),
    "aws:sqs/queue:Queue": arn("sqs", called),
  };
  const own = arns[type];
  return {
    ...inputs,
    name: called,
    ...(own === undefined ? {} : { arn: own }),
    ...(type === "aws:sqs/queue:Queue" ? { url: `https://sqs.us-east-1.amazonaws.com/111122223333/${called}` } : {}),
    ...(type === "aws:lb/loadBalancer:LoadBalancer" ? { dnsName: `${called}.elb.us-east-1.amazonaws.com` } : {}),
  };
}

/** The id that AWS would give it. */
export function idOf(type: string, name: string): string {
  const prefixes: Readonly<Record<string, string>> = {
    "aws:ec2/subnet:Subnet": "subnet-",
    "aws:ec2/securityGroup:SecurityGroup": "sg-",
    "aws:ec2/vpc:Vpc": "vpc-",
  };
  const prefix = prefixes[type];
  return prefix === undefined ? `${name}-id` : `${prefix}0${Buffer.from(name).toString("hex").slice(-16).padStart(16, "0")}`;
}

/** What stands before a rule's name in its ARN: nothing on the default bus. */
function busOf(inputs: Readonly<Record<string, unknown>>): string {
  const bus = inputs["eventBusName"];
  return typeof bus === "string" && bus !== "default" ? `${bus}/` : "";
}
