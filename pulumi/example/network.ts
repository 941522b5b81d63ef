/** A network over two Availability Zones. */

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

const ZONES = 2;

/**
 * Public subnets only: a NAT gateway would cost more than everything else. Security groups restrict access, and the
 * engines get public addresses to pull their images.
 */
export class Network extends pulumi.ComponentResource {
  readonly vpcId: pulumi.Output<string>;
  readonly cidrBlock: pulumi.Output<string>;
  /** Known when the route to the internet exists, which creating load balancers and pulling images need. */
  readonly subnetIds: pulumi.Output<string>[];

  constructor(name: string, args: { readonly cidrPrefix: string }, options?: pulumi.ComponentResourceOptions) {
    super("start-engines:example:Network", name, {}, options);
    const own = { parent: this };
    const vpc = new aws.ec2.Vpc(
      name,
      { cidrBlock: `${args.cidrPrefix}.0.0/16`, enableDnsHostnames: true, tags: { Name: name } },
      own,
    );
    const gateway = new aws.ec2.InternetGateway(name, { vpcId: vpc.id, tags: { Name: name } }, own);
    const routes = new aws.ec2.RouteTable(
      name,
      { vpcId: vpc.id, routes: [{ cidrBlock: "0.0.0.0/0", gatewayId: gateway.id }], tags: { Name: name } },
      own,
    );
    const zones = aws.getAvailabilityZonesOutput({ state: "available" }, own);
    this.vpcId = vpc.id;
    this.cidrBlock = vpc.cidrBlock;
    this.subnetIds = Array.from({ length: ZONES }, (_, n) => {
      const subnet = new aws.ec2.Subnet(
        `${name}-${n}`,
        {
          vpcId: vpc.id,
          cidrBlock: `${args.cidrPrefix}.${n}.0/24`,
          availabilityZone: zones.names.apply((names) => zone(names, n)),
          tags: { Name: `${name}-${n}` },
        },
        own,
      );
      const association = { subnetId: subnet.id, routeTableId: routes.id };
      const routed = new aws.ec2.RouteTableAssociation(`${name}-${n}`, association, own);
      return pulumi.all([subnet.id, routed.id]).apply(([id]) => id);
    });
    this.registerOutputs({ vpcId: this.vpcId, subnetIds: this.subnetIds });
  }
}

function zone(names: readonly string[], n: number): string {
  const found = names[n];
  if (found === undefined) throw new pulumi.RunError(`the region has ${names.length} availability zones, not ${ZONES}`);
  return found;
}
