"""The function's work for a start and for RUNNING in Python with boto3, as most write it."""

import json
import os
import http.client

import boto3

ecs = boto3.client("ecs")
elb = boto3.client("elbv2")
known = set()


def handle(event):
    detail = event["detail"]
    if event["detail-type"] == "Start ECS Task":
        group = detail["targetGroupArn"]
        _, name, identity = group.rsplit("/", 2)
        started = ecs.run_task(
            cluster=detail["cluster"],
            taskDefinition=detail["taskDefinition"],
            launchType="FARGATE",
            clientToken=event["id"],
            startedBy=f"start-engines/{name}/{identity}/{detail['port']}",
            networkConfiguration={"awsvpcConfiguration": {"subnets": detail["subnets"]}},
            tags=[
                {"key": "start-engines:target-group", "value": group},
                {"key": "start-engines:port", "value": str(detail["port"])},
            ],
        )
        return {"taskArn": started["tasks"][0]["taskArn"]}
    _, name, identity, port = detail["startedBy"].split("/")
    region, account = detail["taskArn"].split(":")[3:5]
    group = f"arn:aws:elasticloadbalancing:{region}:{account}:targetgroup/{name}/{identity}"
    described = ecs.describe_tasks(cluster=detail["clusterArn"], tasks=[detail["taskArn"]], include=["TAGS"])
    details = {one["name"]: one["value"] for one in described["tasks"][0]["attachments"][0]["details"]}
    if group not in known:
        elb.describe_target_groups(TargetGroupArns=[group])
        known.add(group)
    address = details["privateIPv4Address"]
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": address, "Port": int(port)}])
    return {"target": f"{address}:{port}"}


def serve():
    """Lambda's Runtime API, in the place of awslambdaric, which does the same with more care."""
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        api.request("GET", "/2018-06-01/runtime/invocation/next")
        response = api.getresponse()
        identity = response.headers["Lambda-Runtime-Aws-Request-Id"]
        answer = json.dumps(handle(json.loads(response.read())))
        print(answer, flush=True)
        api.request("POST", f"/2018-06-01/runtime/invocation/{identity}/response", answer)
        api.getresponse().read()


serve()
