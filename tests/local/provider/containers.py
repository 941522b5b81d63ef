"""ECS: clusters and task definitions."""

from __future__ import annotations

import json

from provider.resource import Clients, Inputs, Made, given_only, physical_name


def cluster(clients: Clients, name: str, given: Inputs) -> Made:
    ecs = clients("ecs")
    sent = {"clusterName": physical_name(name, given)}
    arn = ecs.create_cluster(**sent)["cluster"]["clusterArn"]
    kept = ecs.describe_clusters(clusters=[arn])["clusters"][0]
    return Made(arn, {"arn": arn, "name": sent["clusterName"]}, sent, kept)


def capacity_providers(clients: Clients, _name: str, given: Inputs) -> Made:
    ecs = clients("ecs")
    cluster_name = given.take("clusterName")
    sent = {"capacityProviders": given.take("capacityProviders")}
    ecs.put_cluster_capacity_providers(
        cluster=cluster_name, **sent, defaultCapacityProviderStrategy=[]
    )
    kept = ecs.describe_clusters(clusters=[cluster_name])["clusters"][0]
    return Made(cluster_name, {}, sent, kept)


def task_definition(clients: Clients, _name: str, given: Inputs) -> Made:
    ecs = clients("ecs")
    names = (
        "family",
        "requiresCompatibilities",
        "networkMode",
        "cpu",
        "memory",
        "executionRoleArn",
        "taskRoleArn",
    )
    sent = given_only(**{name: given.take(name) for name in names})
    sent["containerDefinitions"] = json.loads(given.take("containerDefinitions"))
    made = ecs.register_task_definition(**sent)["taskDefinition"]
    arn = made["taskDefinitionArn"]
    kept = ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
    return Made(sent["family"], {"arn": arn, "revision": made["revision"]}, sent, kept)


MAKERS = {
    "aws:ecs/cluster:Cluster": cluster,
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": capacity_providers,
    "aws:ecs/taskDefinition:TaskDefinition": task_definition,
}
