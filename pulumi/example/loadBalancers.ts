/** An Application Load Balancer with a path for each service, and a Network Load Balancer for one of them. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** What they need. */
export interface LoadBalancersArgs {
  readonly vpcId: pulumi.Input<string>;
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
/** Requests under way get half a minute: engines are small. */
const DEREGISTRATION_SECONDS = 30;

/** Nothing is registered in the groups here: that is what start-engines does. */
export class LoadBalancers extends pulumi.ComponentResource {
  readonly dnsName: pulumi.Output<string>;
  readonly networkDnsName: pulumi.Output<string>;
  /** Of the balancers; the engines let only this one in. */
  readonly securityGroupId: pulumi.Output<string>;
  /** By service; the network balancer's is `<service>-tcp`. */
  readonly groups: Readonly<Record<string, Group>>;

  constructor(name: string, args: LoadBalancersArgs, options?: pulumi.ComponentResourceOptions) {
    super("start-engines:example:LoadBalancers", name, {}, options);
    const own = { parent: this };
    const everybody = (port: number) => ({ protocol: "tcp", fromPort: port, toPort: port, cidrBlocks: ["0.0.0.0/0"] });
    const securityGroup = new aws.ec2.SecurityGroup(
      `${name}-balancers`,
      {
        vpcId: args.vpcId,
        description: "The load balancers: open to the world",
        ingress: [everybody(HTTP), everybody(args.port)],
        egress: [{ protocol: "-1", fromPort: 0, toPort: 0, cidrBlocks: ["0.0.0.0/0"] }],
      },
      own,
    );
    const balancer = (suffix: string, loadBalancerType: "application" | "network") =>
      new aws.lb.LoadBalancer(
        `${name}${suffix}`,
        { loadBalancerType, subnets: args.subnetIds, securityGroups: [securityGroup.id] },
        own,
      );
    const application = balancer("", "application");
    const network = balancer("-tcp", "network");
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
          healthCheck: { protocol, interval: 10, healthyThreshold: 2, unhealthyThreshold: 2 },
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
    this.securityGroupId = securityGroup.id;
    this.registerOutputs({ dnsName: this.dnsName, networkDnsName: this.networkDnsName });
  }
}
