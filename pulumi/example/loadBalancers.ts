/** An Application Load Balancer with a path for each service, and a Network Load Balancer for one of them. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** What they need. */
export interface LoadBalancersArgs {
  readonly vpcId: pulumi.Input<string>;
  /** Of the network, where the engines are. */
  readonly cidrBlock: pulumi.Input<string>;
  readonly subnetIds: pulumi.Input<string>[];
  /** The port of the containers. */
  readonly port: number;
  /** The services behind a path of their own. */
  readonly services: readonly string[];
  /** The one that also has a TCP port. */
  readonly networkService: string;
}

/** A target group and its balancer. */
export interface Group {
  readonly arn: pulumi.Output<string>;
  readonly loadBalancerArn: pulumi.Output<string>;
}

const HTTP = 80;
const FIRST_PRIORITY = 10;
/** Deregistration delay in seconds; requests to the engines are short. */
const DEREGISTRATION_SECONDS = 30;

/** Load balancers and target groups without targets: start-engines registers them. */
export class LoadBalancers extends pulumi.ComponentResource {
  readonly dnsName: pulumi.Output<string>;
  readonly networkDnsName: pulumi.Output<string>;
  /** The security groups of the load balancers; the engines accept connections only from these. */
  readonly securityGroupIds: pulumi.Output<string>[];
  /** The target groups by service; the Network Load Balancer's is `<service>-tcp`. */
  readonly groups: Readonly<Record<string, Group>>;

  constructor(name: string, args: LoadBalancersArgs, options?: pulumi.ComponentResourceOptions) {
    super("start-engines:example:LoadBalancers", name, {}, options);
    const own = { parent: this };
    const securityGroup = (suffix: string, port: number) =>
      new aws.ec2.SecurityGroup(
        `${name}-balancer${suffix}`,
        {
          vpcId: args.vpcId,
          description: "A load balancer: open to the world on its port, and to the engines on theirs",
          ingress: [{ protocol: "tcp", fromPort: port, toPort: port, cidrBlocks: ["0.0.0.0/0"] }],
          egress: [{ protocol: "tcp", fromPort: args.port, toPort: args.port, cidrBlocks: [args.cidrBlock] }],
        },
        own,
      ).id;
    const applicationGroup = securityGroup("", HTTP);
    const networkGroup = securityGroup("-tcp", args.port);
    const application = new aws.lb.LoadBalancer(
      name,
      {
        loadBalancerType: "application",
        subnets: args.subnetIds,
        securityGroups: [applicationGroup],
        dropInvalidHeaderFields: true,
      },
      own,
    );
    const network = new aws.lb.LoadBalancer(
      `${name}-tcp`,
      {
        loadBalancerType: "network",
        subnets: args.subnetIds,
        securityGroups: [networkGroup],
        // A single task is in one Availability Zone: the load balancer's nodes in the others must reach it too.
        enableCrossZoneLoadBalancing: true,
      },
      own,
    );
    const listener = new aws.lb.Listener(
      name,
      {
        loadBalancerArn: application.arn,
        port: HTTP,
        protocol: "HTTP",
        defaultActions: [
          {
            type: "fixed-response",
            fixedResponse: { statusCode: "404", contentType: "text/plain", messageBody: "no such service" },
          },
        ],
      },
      own,
    );
    const group = (label: string, protocol: "HTTP" | "TCP") =>
      new aws.lb.TargetGroup(
        label,
        {
          vpcId: args.vpcId,
          targetType: "ip",
          protocol,
          port: args.port,
          deregistrationDelay: DEREGISTRATION_SECONDS,
          healthCheck: { protocol, interval: 10, timeout: 5, healthyThreshold: 2, unhealthyThreshold: 2 },
        },
        own,
      );
    const groups: Record<string, Group> = {};
    args.services.forEach((service, n) => {
      const made = group(service, "HTTP");
      groups[service] = { arn: made.arn, loadBalancerArn: application.arn };
      new aws.lb.ListenerRule(
        service,
        {
          listenerArn: listener.arn,
          priority: FIRST_PRIORITY + n,
          conditions: [{ pathPattern: { values: [`/${service}`, `/${service}/*`] } }],
          actions: [{ type: "forward", targetGroupArn: made.arn }],
        },
        own,
      );
    });
    const tcp = group(`${args.networkService}-tcp`, "TCP");
    groups[`${args.networkService}-tcp`] = { arn: tcp.arn, loadBalancerArn: network.arn };
    new aws.lb.Listener(
      `${name}-tcp`,
      {
        loadBalancerArn: network.arn,
        port: args.port,
        protocol: "TCP",
        defaultActions: [{ type: "forward", targetGroupArn: tcp.arn }],
      },
      own,
    );
    this.groups = groups;
    this.dnsName = application.dnsName;
    this.networkDnsName = network.dnsName;
    this.securityGroupIds = [applicationGroup, networkGroup];
    this.registerOutputs({ dnsName: this.dnsName, networkDnsName: this.networkDnsName });
  }
}
