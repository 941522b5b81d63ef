"""VPCs and what is in them."""

from __future__ import annotations

from typing import Any

from provider.resource import Clients, Inputs, Made, given_only, pairs, physical_name


def _tags(kind: str, given: Inputs) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": pairs(given.take("tags", {}))}]


def vpc(clients: Clients, _name: str, given: Inputs) -> Made:
    ec2 = clients("ec2")
    cidr, names = given.take("cidrBlock"), given.take("enableDnsHostnames")
    tags = _tags("vpc", given)
    id = ec2.create_vpc(CidrBlock=cidr, TagSpecifications=tags)["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=id, EnableDnsHostnames={"Value": names})
    kept = ec2.describe_vpcs(VpcIds=[id])["Vpcs"][0]
    attribute = ec2.describe_vpc_attribute(VpcId=id, Attribute="enableDnsHostnames")
    kept["EnableDnsHostnames"] = attribute["EnableDnsHostnames"]["Value"]
    sent = {"CidrBlock": cidr, "EnableDnsHostnames": names, "Tags": tags[0]["Tags"]}
    return Made(id, {}, sent, kept)


def internet_gateway(clients: Clients, _name: str, given: Inputs) -> Made:
    ec2 = clients("ec2")
    vpc_id, tags = given.take("vpcId"), _tags("internet-gateway", given)
    made = ec2.create_internet_gateway(TagSpecifications=tags)
    id = made["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=id, VpcId=vpc_id)
    kept = ec2.describe_internet_gateways(InternetGatewayIds=[id])["InternetGateways"][0]
    return Made(id, {}, {"Attachments": [{"VpcId": vpc_id}], "Tags": tags[0]["Tags"]}, kept)


def route_table(clients: Clients, _name: str, given: Inputs) -> Made:
    ec2 = clients("ec2")
    vpc_id, tags = given.take("vpcId"), _tags("route-table", given)
    made = ec2.create_route_table(VpcId=vpc_id, TagSpecifications=tags)
    id = made["RouteTable"]["RouteTableId"]
    routes = [
        {"DestinationCidrBlock": route["cidrBlock"], "GatewayId": route["gatewayId"]}
        for route in given.take("routes")
    ]
    for route in routes:
        ec2.create_route(RouteTableId=id, **route)
    kept = ec2.describe_route_tables(RouteTableIds=[id])["RouteTables"][0]
    return Made(id, {}, {"VpcId": vpc_id, "Routes": routes, "Tags": tags[0]["Tags"]}, kept)


def route_table_association(clients: Clients, _name: str, given: Inputs) -> Made:
    ec2 = clients("ec2")
    sent = {"RouteTableId": given.take("routeTableId"), "SubnetId": given.take("subnetId")}
    id = ec2.associate_route_table(**sent)["AssociationId"]
    tables = ec2.describe_route_tables(RouteTableIds=[sent["RouteTableId"]])["RouteTables"]
    found = [each for each in tables[0]["Associations"] if each["RouteTableAssociationId"] == id]
    return Made(id, {}, sent, found[0])


def subnet(clients: Clients, _name: str, given: Inputs) -> Made:
    ec2 = clients("ec2")
    sent = {
        "VpcId": given.take("vpcId"),
        "CidrBlock": given.take("cidrBlock"),
        "AvailabilityZone": given.take("availabilityZone"),
    }
    tags = _tags("subnet", given)
    id = ec2.create_subnet(**sent, TagSpecifications=tags)["Subnet"]["SubnetId"]
    kept = ec2.describe_subnets(SubnetIds=[id])["Subnets"][0]
    return Made(id, {}, sent | {"Tags": tags[0]["Tags"]}, kept)


def security_group(clients: Clients, name: str, given: Inputs) -> Made:
    ec2 = clients("ec2")
    sent = {
        "GroupName": physical_name(name, given),
        "VpcId": given.take("vpcId"),
        "Description": given.take("description"),
    }
    id = ec2.create_security_group(**sent)["GroupId"]
    # As the provider does: nothing may go out but what the program says.
    for group in ec2.describe_security_groups(GroupIds=[id])["SecurityGroups"]:
        ec2.revoke_security_group_egress(GroupId=id, IpPermissions=group["IpPermissionsEgress"])
    ingress = [permission_of(rule) for rule in given.take("ingress")]
    egress = [permission_of(rule) for rule in given.take("egress")]
    ec2.authorize_security_group_ingress(GroupId=id, IpPermissions=ingress)
    ec2.authorize_security_group_egress(GroupId=id, IpPermissions=egress)
    kept = ec2.describe_security_groups(GroupIds=[id])["SecurityGroups"][0]
    if len(kept["IpPermissionsEgress"]) != len(egress):
        raise ValueError(f"{name} lets out what it should not: {kept['IpPermissionsEgress']}")
    outputs = {"name": sent["GroupName"]}
    sent |= {"IpPermissions": ingress, "IpPermissionsEgress": egress}
    return Made(id, outputs, sent, kept)


def permission_of(rule: dict[str, Any]) -> dict[str, Any]:
    every = rule["protocol"] == "-1"
    return given_only(
        IpProtocol=rule["protocol"],
        FromPort=None if every else rule["fromPort"],
        ToPort=None if every else rule["toPort"],
        IpRanges=[{"CidrIp": each} for each in rule.get("cidrBlocks", [])],
        UserIdGroupPairs=[{"GroupId": each} for each in rule.get("securityGroups", [])],
    )


def availability_zones(clients: Clients, arguments: dict[str, Any]) -> dict[str, Any]:
    """The function `aws:index/getAvailabilityZones`."""
    filters = [{"Name": "state", "Values": [arguments["state"]]}]
    zones = clients("ec2").describe_availability_zones(Filters=filters)["AvailabilityZones"]
    return {"id": zones[0]["RegionName"], "names": [zone["ZoneName"] for zone in zones]}


MAKERS = {
    "aws:ec2/vpc:Vpc": vpc,
    "aws:ec2/internetGateway:InternetGateway": internet_gateway,
    "aws:ec2/routeTable:RouteTable": route_table,
    "aws:ec2/routeTableAssociation:RouteTableAssociation": route_table_association,
    "aws:ec2/subnet:Subnet": subnet,
    "aws:ec2/securityGroup:SecurityGroup": security_group,
}
FUNCTIONS = {"aws:index/getAvailabilityZones:getAvailabilityZones": availability_zones}
