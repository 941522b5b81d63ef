/**
 * The example: two services, `auth` and `billing`, whose tasks are started by events and found behind one Application
 * Load Balancer by path; `auth` has a Network Load Balancer too, and runs during office hours.
 */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { exportLines, type Service, StartEngines } from "start-engines";

import { Engines } from "./engines";
import { type Group, LoadBalancers } from "./loadBalancers";
import { Network } from "./network";

const config = new pulumi.Config();
const architecture = config.get("architecture") ?? "x86_64";
if (architecture !== "x86_64" && architecture !== "arm64") {
  throw new pulumi.RunError(`start-engines:architecture = "${architecture}": must be x86_64 or arm64`);
}

const port = Number(config.get("port") ?? "8080");
if (!Number.isInteger(port) || port < 1 || port > 65535) {
  throw new pulumi.RunError(`start-engines:port = "${config.get("port") ?? ""}": must be a port, 1 to 65535`);
}

const NAME = "engines";
const SERVICES = ["auth", "billing"];

const network = new Network(NAME, { cidrPrefix: "10.20" });
const balancers = new LoadBalancers(NAME, {
  vpcId: network.vpcId,
  cidrBlock: network.cidrBlock,
  subnetIds: network.subnetIds,
  port,
  services: SERVICES,
  networkService: "auth",
});
const engines = new Engines(NAME, {
  vpcId: network.vpcId,
  balancersSecurityGroupIds: balancers.securityGroupIds,
  image: config.require("image"),
  port,
  services: SERVICES,
});
const bus = new aws.cloudwatch.EventBus(NAME, {});

function service(name: string): Service {
  const family = engines.families[name];
  const groups = [balancers.groups[name], balancers.groups[`${name}-tcp`]].filter((group): group is Group => !!group);
  if (family === undefined) throw new Error(`no service ${name}`);
  return {
    cluster: engines.clusterArn,
    taskDefinition: family,
    targets: groups.map((group) => ({ targetGroupArn: group.arn, port, containerName: name })),
    subnets: network.subnetIds,
    securityGroups: [engines.securityGroupId],
    assignPublicIp: "ENABLED",
    capacityProviderStrategy: [{ capacityProvider: "FARGATE_SPOT", weight: 1 }],
    fallbacks: [{ launchType: "FARGATE" }],
    propagateTags: "TASK_DEFINITION",
  };
}

function alarmTopic(email: string): pulumi.Output<string> {
  const topic = new aws.sns.Topic("alarms", {});
  new aws.sns.TopicSubscription("alarms", { topic: topic.arn, protocol: "email", endpoint: email });
  return topic.arn;
}

const email = config.get("alarmEmail") ?? "";
const functionName = config.get("functionName") ?? "";
const deployment = config.get("deployment") ?? "";
const isBuffered = config.getBoolean("buffered") ?? false;
const isDrained = config.getBoolean("drain") ?? false;
if (isDrained && !isBuffered) {
  throw new pulumi.RunError('start-engines:drain = "true": only with start-engines:buffered, whose queues are drained');
}
const startEngines = new StartEngines("start-engines", {
  code: config.get("code") ?? "../../target/lambda/start-engines-lambda/bootstrap.zip",
  architecture,
  clusters: [engines.clusterArn],
  taskFamilies: Object.values(engines.families),
  targetGroups: balancers.groups,
  taskRoles: engines.roleArns,
  sources: ["example.app"],
  services: Object.fromEntries(SERVICES.map((name) => [name, service(name)])),
  schedules: {
    "auth-office-hours": {
      service: "auth",
      start: "cron(0 7 ? * MON-FRI *)",
      stop: "cron(0 19 ? * MON-FRI *)",
      timezone: "Europe/Berlin",
    },
  },
  eventBus: bus.name,
  // Applications listen where they send.
  outcomeEventBus: bus.name,
  buffered: isBuffered && isDrained ? { drain: true } : isBuffered,
  ...(functionName === "" ? {} : { functionName }),
  ...(deployment === "" ? {} : { deployment }),
  alarms: email === "" ? {} : { topicArn: alarmTopic(email) },
});

/** In buffered mode only: an output without a value would be a warning at every preview. */
const buffers =
  startEngines.requestQueueUrl === undefined
    ? {}
    : {
        requestQueueUrl: startEngines.requestQueueUrl,
        requestDeadLetterQueueUrl: startEngines.requestDeadLetterQueueUrl,
        stateChangeQueueUrl: startEngines.stateChangeQueueUrl,
        stateChangeDeadLetterQueueUrl: startEngines.stateChangeDeadLetterQueueUrl,
      };

/** The outputs of the stack. */
export = {
  url: pulumi.interpolate`http://${balancers.dnsName}/`,
  networkAddress: pulumi.interpolate`${balancers.networkDnsName}:${port}`,
  clusterArn: engines.clusterArn,
  targetGroupArns: Object.values(balancers.groups).map((group) => group.arn),
  eventBus: startEngines.eventBus,
  functionArn: startEngines.functionArn,
  functionName: startEngines.functionName,
  putEventsPolicyArn: startEngines.putEventsPolicyArn,
  putStopEventsPolicyArn: startEngines.putStopEventsPolicyArn,
  putReconcileEventsPolicyArn: startEngines.putReconcileEventsPolicyArn,
  operatorPolicyArn: startEngines.operatorPolicyArn,
  doctorPolicyArn: startEngines.doctorPolicyArn,
  commandEnvironment: startEngines.commandEnvironment.apply(exportLines),
  catalog: startEngines.catalog,
  settings: startEngines.settings,
  onFailureQueueUrl: startEngines.onFailureQueueUrl,
  ruleDeadLetterQueueUrl: startEngines.ruleDeadLetterQueueUrl,
  ...buffers,
};
