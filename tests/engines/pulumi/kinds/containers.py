"""ECS: clusters and task definitions."""

from __future__ import annotations

import json

from kinds.kind import Clients, Kind, State, within


def _read_cluster(clients: Clients, id: str, _state: State) -> State | None:
    found = clients("ecs").describe_clusters(clusters=[id])["clusters"]
    active = [each for each in found if each["status"] == "ACTIVE"]
    return {"name": active[0]["clusterName"]} if active else None


def _read_capacity(clients: Clients, id: str, state: State) -> State | None:
    # Of a cluster that is not there, the answer is a failure, not an error.
    found = clients("ecs").describe_clusters(clusters=[id])["clusters"]
    active = [each for each in found if each["status"] == "ACTIVE"]
    if not active or not active[0]["capacityProviders"]:
        return None
    return {"clusterName": state["clusterName"], "capacityProviders": active[0]["capacityProviders"]}


def _put_capacity(clients: Clients, id: str, names: list[str]) -> None:
    clients("ecs").put_cluster_capacity_providers(
        cluster=id, capacityProviders=names, defaultCapacityProviderStrategy=[]
    )


def _read_definition(clients: Clients, _id: str, state: State) -> State | None:
    found = clients("ecs").describe_task_definition(taskDefinition=state["arn"])["taskDefinition"]
    if found["status"] != "ACTIVE":
        return None
    names = ("family", "requiresCompatibilities", "networkMode", "cpu", "memory", "executionRoleArn", "taskRoleArn")
    expected = json.loads(state["containerDefinitions"])
    kept = within(expected, found["containerDefinitions"])
    return {name: found.get(name) for name in names} | {"containerDefinitions": json.dumps(kept)}


KINDS = {
    "aws:ecs/cluster:Cluster": Kind(
        document="ecs_cluster",
        replaces=frozenset({"name"}),
        read=_read_cluster,
        delete=lambda clients, id, _: clients("ecs").delete_cluster(cluster=id),
    ),
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": Kind(
        document="ecs_cluster_capacity_providers",
        replaces=frozenset({"clusterName"}),
        sets=frozenset({"capacityProviders"}),
        read=_read_capacity,
        update=lambda clients, id, _, new: _put_capacity(clients, id, new["capacityProviders"]),
        delete=lambda clients, id, _: _put_capacity(clients, id, []),
        is_named=False,
    ),
    "aws:ecs/taskDefinition:TaskDefinition": Kind(
        document="ecs_task_definition",
        replaces=frozenset(
            {
                "family",
                "requiresCompatibilities",
                "networkMode",
                "cpu",
                "memory",
                "executionRoleArn",
                "taskRoleArn",
                "containerDefinitions",
            }
        ),
        sets=frozenset({"requiresCompatibilities"}),
        documents=frozenset({"containerDefinitions"}),
        read=_read_definition,
        delete=lambda clients, _, state: clients("ecs").deregister_task_definition(taskDefinition=state["arn"]),
        is_named=False,
    ),
}
