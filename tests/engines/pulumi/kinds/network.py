"""VPCs and what is in them."""

from __future__ import annotations

from typing import Any

from kinds.kind import Clients, Kind, State, given_only, mapping, only
from provider.network import permission_of
from provider.resource import pairs


def _update_tags(clients: Clients, id: str, old: State, new: State) -> None:
    ec2 = clients("ec2")
    if gone := [{"Key": name} for name in old.get("tags", {}) if name not in new.get("tags", {})]:
        ec2.delete_tags(Resources=[id], Tags=gone)
    if new.get("tags"):
        ec2.create_tags(Resources=[id], Tags=pairs(new["tags"]))


def _read_vpc(clients: Clients, id: str, _state: State) -> State | None:
    ec2 = clients("ec2")
    found = only(ec2.describe_vpcs(VpcIds=[id])["Vpcs"])
    names = ec2.describe_vpc_attribute(VpcId=id, Attribute="enableDnsHostnames")
    return {
        "cidrBlock": found["CidrBlock"],
        "enableDnsHostnames": names["EnableDnsHostnames"]["Value"],
        "tags": mapping(found.get("Tags")),
    }


def _update_vpc(clients: Clients, id: str, old: State, new: State) -> None:
    clients("ec2").modify_vpc_attribute(VpcId=id, EnableDnsHostnames={"Value": new["enableDnsHostnames"]})
    _update_tags(clients, id, old, new)


def _read_gateway(clients: Clients, id: str, _state: State) -> State | None:
    found = only(clients("ec2").describe_internet_gateways(InternetGatewayIds=[id])["InternetGateways"])
    attached = [each["VpcId"] for each in found["Attachments"]]
    return {"vpcId": attached[0] if attached else None, "tags": mapping(found.get("Tags"))}


def _update_gateway(clients: Clients, id: str, old: State, new: State) -> None:
    if old.get("vpcId") != new["vpcId"]:
        if old.get("vpcId"):
            clients("ec2").detach_internet_gateway(InternetGatewayId=id, VpcId=old["vpcId"])
        clients("ec2").attach_internet_gateway(InternetGatewayId=id, VpcId=new["vpcId"])
    _update_tags(clients, id, old, new)


def _delete_gateway(clients: Clients, id: str, state: State) -> None:
    clients("ec2").detach_internet_gateway(InternetGatewayId=id, VpcId=state["vpcId"])
    clients("ec2").delete_internet_gateway(InternetGatewayId=id)


def _read_table(clients: Clients, id: str, _state: State) -> State | None:
    found = only(clients("ec2").describe_route_tables(RouteTableIds=[id])["RouteTables"])
    routes = [each for each in found["Routes"] if each["GatewayId"] != "local"]
    return {
        "vpcId": found["VpcId"],
        "routes": [{"cidrBlock": each["DestinationCidrBlock"], "gatewayId": each["GatewayId"]} for each in routes],
        "tags": mapping(found.get("Tags")),
    }


def _update_table(clients: Clients, id: str, old: State, new: State) -> None:
    ec2 = clients("ec2")
    for route in old.get("routes", []):
        ec2.delete_route(RouteTableId=id, DestinationCidrBlock=route["cidrBlock"])
    for route in new["routes"]:
        ec2.create_route(
            RouteTableId=id, DestinationCidrBlock=route["cidrBlock"], GatewayId=route["gatewayId"]
        )
    _update_tags(clients, id, old, new)


def _read_association(clients: Clients, id: str, state: State) -> State | None:
    tables = clients("ec2").describe_route_tables(RouteTableIds=[state["routeTableId"]])["RouteTables"]
    kept = (each for table in tables for each in table["Associations"])
    found = next((each for each in kept if each["RouteTableAssociationId"] == id), None)
    return found and {"routeTableId": found["RouteTableId"], "subnetId": found["SubnetId"]}


def _read_subnet(clients: Clients, id: str, _state: State) -> State | None:
    found = only(clients("ec2").describe_subnets(SubnetIds=[id])["Subnets"])
    return {
        "vpcId": found["VpcId"],
        "cidrBlock": found["CidrBlock"],
        "availabilityZone": found["AvailabilityZone"],
        "tags": mapping(found.get("Tags")),
    }


def _read_security_group(clients: Clients, id: str, _state: State) -> State | None:
    found = only(clients("ec2").describe_security_groups(GroupIds=[id])["SecurityGroups"])
    return {
        "name": found["GroupName"],
        "vpcId": found["VpcId"],
        "description": found["Description"],
        "ingress": [_rule(each) for each in found["IpPermissions"]],
        "egress": [_rule(each) for each in found["IpPermissionsEgress"]],
    }


def _rule(kept: dict[str, Any]) -> dict[str, Any]:
    return given_only(
        protocol=kept["IpProtocol"],
        fromPort=kept.get("FromPort", 0),
        toPort=kept.get("ToPort", 0),
        cidrBlocks=[each["CidrIp"] for each in kept.get("IpRanges", [])] or None,
        securityGroups=[each["GroupId"] for each in kept.get("UserIdGroupPairs", [])] or None,
    )


def _update_security_group(clients: Clients, id: str, _old: State, new: State) -> None:
    ec2 = clients("ec2")
    found = only(ec2.describe_security_groups(GroupIds=[id])["SecurityGroups"])
    for way, key in (("ingress", "IpPermissions"), ("egress", "IpPermissionsEgress")):
        if found[key]:
            getattr(ec2, f"revoke_security_group_{way}")(GroupId=id, IpPermissions=found[key])
        rules = [permission_of(rule) for rule in new[way]]
        getattr(ec2, f"authorize_security_group_{way}")(GroupId=id, IpPermissions=rules)


KINDS = {
    "aws:ec2/vpc:Vpc": Kind(
        document="vpc",
        replaces=frozenset({"cidrBlock"}),
        read=_read_vpc,
        update=_update_vpc,
        delete=lambda clients, id, _: clients("ec2").delete_vpc(VpcId=id),
        is_named=False,
    ),
    "aws:ec2/internetGateway:InternetGateway": Kind(
        document="internet_gateway",
        replaces=frozenset(),
        read=_read_gateway,
        update=_update_gateway,
        delete=_delete_gateway,
        is_named=False,
    ),
    "aws:ec2/routeTable:RouteTable": Kind(
        document="route_table",
        replaces=frozenset({"vpcId"}),
        sets=frozenset({"routes"}),
        read=_read_table,
        update=_update_table,
        delete=lambda clients, id, _: clients("ec2").delete_route_table(RouteTableId=id),
        is_named=False,
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Kind(
        document="route_table_association",
        # Of another table the association gets another id, which an update in Pulumi cannot give it.
        replaces=frozenset({"subnetId", "routeTableId"}),
        read=_read_association,
        delete=lambda clients, id, _: clients("ec2").disassociate_route_table(AssociationId=id),
        is_named=False,
    ),
    "aws:ec2/subnet:Subnet": Kind(
        document="subnet",
        replaces=frozenset({"vpcId", "cidrBlock", "availabilityZone"}),
        read=_read_subnet,
        update=_update_tags,
        delete=lambda clients, id, _: clients("ec2").delete_subnet(SubnetId=id),
        is_named=False,
    ),
    "aws:ec2/securityGroup:SecurityGroup": Kind(
        document="security_group",
        replaces=frozenset({"name", "vpcId", "description"}),
        sets=frozenset({"ingress", "ingress.securityGroups", "egress", "egress.securityGroups"}),
        read=_read_security_group,
        update=_update_security_group,
        delete=lambda clients, id, _: clients("ec2").delete_security_group(GroupId=id),
    ),
}
