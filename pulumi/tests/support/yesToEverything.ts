/** A provider that creates nothing, and answers with the ARNs and ids that AWS would give. */

import type { Fields, Provider } from "./monitor";

/** Where a provider works, and what hosts are called there. */
export interface Place {
  readonly partition: string;
  readonly region: string;
  readonly dnsSuffix: string;
}

const ACCOUNT = "111122223333";
const VIRGINIA: Place = { partition: "aws", region: "us-east-1", dnsSuffix: "amazonaws.com" };

/** One that works in this place. */
export function yesIn(place: Place): Provider {
  const answers = answersIn(place);
  return {
    create: (type, name, inputs) => ({ id: idOf(type, name), state: stateOf(type, name, inputs, place) as Fields }),
    invoke: (token) => {
      const answer = answers[token];
      if (answer === undefined) throw new Error(`nobody answers ${token}`);
      return answer;
    },
  };
}

/** For recorded runs. */
export const yesToEverything: Provider = yesIn(VIRGINIA);

function answersIn({ region }: Place): Readonly<Record<string, Fields>> {
  return {
    "aws:index/getAvailabilityZones:getAvailabilityZones": { id: region, names: ["a", "b", "c"].map((zone) => `${region}${zone}`) },
    "aws:index/getRegion:getRegion": { id: region, region, name: region },
    "aws:index/getCallerIdentity:getCallerIdentity": { id: ACCOUNT, accountId: ACCOUNT },
  };
}

/** What AWS adds, as far as anything here asks for it. */
export function stateOf(type: string, name: string, inputs: Readonly<Record<string, unknown>>, place: Place = VIRGINIA): Record<string, unknown> {
  const { partition, region, dnsSuffix } = place;
  const physical = inputs["name"] ?? inputs["dashboardName"] ?? inputs["layerName"] ?? name;
  const called = typeof physical === "string" ? physical : name;
  const arn = (service: string, resource: string) => `arn:${partition}:${service}:${region}:${ACCOUNT}:${resource}`;
  const arns: Readonly<Record<string, string>> = {
    "aws:cloudwatch/eventRule:EventRule": arn("events", `rule/${busOf(inputs)}${called}`),
    "aws:cloudwatch/eventBus:EventBus": arn("events", `event-bus/${called}`),
    "aws:cloudwatch/logGroup:LogGroup": arn("logs", `log-group:${called}`),
    "aws:ecs/cluster:Cluster": arn("ecs", `cluster/${called}`),
    "aws:iam/policy:Policy": `arn:${partition}:iam::${ACCOUNT}:policy/${called}`,
    "aws:iam/role:Role": `arn:${partition}:iam::${ACCOUNT}:role/${called}`,
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
    ...(type === "aws:sqs/queue:Queue" ? { url: `https://sqs.${region}.${dnsSuffix}/${ACCOUNT}/${called}` } : {}),
    ...(type === "aws:lb/loadBalancer:LoadBalancer" ? { dnsName: `${called}.elb.${region}.${dnsSuffix}` } : {}),
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
