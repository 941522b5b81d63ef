/** The arguments of a platform with hundreds of services. */

import type { IamPrefixesArgs, StartEnginesArgs } from "../../component/src/index";
import { APPLICATION_BALANCER, leastArguments, SECURITY_GROUP, SUBNET } from "./soundArguments";

/** How many there are. */
export interface Size {
  readonly services: number;
  readonly clusters: number;
  readonly groups: number;
}

/** What is to work. */
export const LARGE: Size = { services: 500, clusters: 50, groups: 500 };

/** Beginnings of all names of `largeArguments`. */
export const PREFIXES: IamPrefixesArgs = { families: ["engine-*"], targetGroups: ["engine-*"], roles: ["engine-*"] };

export const clusterOf = (n: number) => `arn:aws:ecs:us-east-1:111122223333:cluster/engines-${digits(n)}`;
export const familyOf = (n: number) => `engine-${digits(n)}`;
export const groupOf = (n: number) => {
  return `arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/engine-${digits(n)}/${digits(n)}0000000000000`;
};
export const taskRoleOf = (n: number) => `arn:aws:iam::111122223333:role/engine-${digits(n)}-task`;

/** Each service with a family, a task role and, as far as there are, a cluster and a target group of its own. */
export function largeArguments({ services, clusters, groups }: Size): StartEnginesArgs {
  const each = <T>(count: number, of: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => of(n));
  return {
    ...leastArguments(),
    clusters: each(clusters, clusterOf),
    taskFamilies: each(services, familyOf),
    taskRoles: each(services, taskRoleOf),
    targetGroups: Object.fromEntries(
      each(groups, (n) => [`engine-${digits(n)}`, { arn: groupOf(n), loadBalancerArn: APPLICATION_BALANCER }] as const),
    ),
    services: Object.fromEntries(
      each(services, (n) => [
        familyOf(n),
        {
          cluster: clusterOf(n % clusters),
          taskDefinition: familyOf(n),
          targetGroupArn: groupOf(n % groups),
          port: 8080,
          launchType: "FARGATE" as const,
          subnets: [SUBNET],
          securityGroups: [SECURITY_GROUP],
        },
      ] as const),
    ),
    schedules: Object.fromEntries(
      each(services, (n) => [familyOf(n), { service: familyOf(n), start: "cron(0 7 ? * MON-FRI *)", stop: "cron(0 19 ? * MON-FRI *)" }] as const),
    ),
  };
}

function digits(n: number): string {
  return String(n).padStart(3, "0");
}
