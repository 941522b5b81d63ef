/** Pulumi's own mocks: every registration is kept, and gets the ARN that AWS would give it. */

import * as pulumi from "@pulumi/pulumi";

/** One registration. */
export interface Registration {
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** What AWS adds, as far as anything here asks for it. */
export function stateOf(type: string, name: string, inputs: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const physical = inputs["name"] ?? inputs["dashboardName"] ?? name;
  const called = typeof physical === "string" ? physical : name;
  const arn = (service: string, resource: string) => `arn:aws:${service}:us-east-1:111122223333:${resource}`;
  const arns: Readonly<Record<string, string>> = {
    "aws:cloudwatch/eventRule:EventRule": arn("events", `rule/${called}`),
    "aws:cloudwatch/eventBus:EventBus": arn("events", `event-bus/${called}`),
    "aws:cloudwatch/logGroup:LogGroup": arn("logs", `log-group:${called}`),
    "aws:ecs/cluster:Cluster": arn("ecs", `cluster/${called}`),
    "aws:iam/policy:Policy": `arn:aws:iam::111122223333:policy/${called}`,
    "aws:iam/role:Role": `arn:aws:iam::111122223333:role/${called}`,
    "aws:lambda/function:Function": arn("lambda", `function:${called}`),
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

/** Runs a program against the mocks, and tells what it registered. */
export async function registrationsOf<T>(program: () => T): Promise<{ result: T; registrations: Registration[] }> {
  const registrations: Registration[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        const given = inputs as Readonly<Record<string, unknown>>;
        registrations.push({ type, name, inputs: given });
        return { id: idOf(type, name), state: stateOf(type, name, given) };
      },
      call: () => ({}),
    },
    "start-engines",
    "test",
    false,
  );
  const result = program();
  await pulumi.runtime.disconnect();
  return { result, registrations };
}
