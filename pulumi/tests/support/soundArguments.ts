/** Arguments without any problem, all of them plain values. */

import type { StartEnginesArgs } from "../../component/src/index";
import { fakeBundle } from "./fakeBundle";

export const CLUSTER = "arn:aws:ecs:us-east-1:111122223333:cluster/engines";
export const GROUP = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth/73e2d6bc24d8a067";
export const NETWORK_GROUP =
  "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth-tcp/6d0ecf831eec9f09";
export const APPLICATION_BALANCER =
  "arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/engines/50dc6c495c0c9188";
export const NETWORK_BALANCER =
  "arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/net/engines/9a1b2c3d4e5f6071";
export const TASK_ROLE = "arn:aws:iam::111122223333:role/auth-task";
export const EXECUTION_ROLE = "arn:aws:iam::111122223333:role/auth-execution";
export const INFRASTRUCTURE_ROLE = "arn:aws:iam::111122223333:role/volumes";
export const TOPIC = "arn:aws:sns:us-east-1:111122223333:alarms";
export const KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
export const SUBNET = "subnet-0a1b2c3d4e5f60718";
export const SECURITY_GROUP = "sg-0a1b2c3d4e5f60718";

/** With every optional part. */
export function soundArguments(): StartEnginesArgs & { readonly code: string } {
  return {
    code: fakeBundle(),
    clusters: [CLUSTER],
    taskFamilies: ["auth"],
    targetGroups: {
      auth: { arn: GROUP, loadBalancerArn: APPLICATION_BALANCER },
      "auth-tcp": { arn: NETWORK_GROUP, loadBalancerArn: NETWORK_BALANCER },
    },
    taskRoles: [TASK_ROLE, EXECUTION_ROLE],
    infrastructureRoles: [INFRASTRUCTURE_ROLE],
    sources: ["app.tenants"],
    services: {
      auth: {
        cluster: CLUSTER,
        taskDefinition: "auth",
        targets: [
          { targetGroupArn: GROUP, port: 8080, containerName: "auth" },
          { targetGroupArn: NETWORK_GROUP, port: 8080 },
        ],
        subnets: [SUBNET],
        securityGroups: [SECURITY_GROUP],
        launchType: "FARGATE",
      },
    },
    catalogOnly: true,
    defaults: {
      cluster: CLUSTER,
      taskDefinition: "auth",
      targetGroupArn: GROUP,
      containerPort: 8080,
      subnets: [SUBNET],
      securityGroups: [SECURITY_GROUP],
    },
    startTimeoutSeconds: 120,
    healthTimeoutSeconds: 600,
    schedules: {
      office: {
        service: "auth",
        start: "cron(0 7 ? * MON-FRI *)",
        stop: "cron(0 19 ? * MON-FRI *)",
        timezone: "Europe/Berlin",
      },
    },
    reconcileSchedule: "rate(1 hour)",
    eventBus: "engines",
    outcomeEventBus: "outcomes",
    apiRates: "RunTask=10,RegisterTargets+DeregisterTargets=2:10",
    alarms: { topicArn: TOPIC },
  };
}

/** Without any. */
export function leastArguments(): StartEnginesArgs & { readonly code: string } {
  const { code, clusters, taskFamilies, sources } = soundArguments();
  return { code, clusters, taskFamilies, sources, targetGroups: { auth: { arn: GROUP } }, taskRoles: [] };
}
