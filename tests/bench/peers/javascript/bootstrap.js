// The function's work for a start and for RUNNING in JavaScript with AWS's SDK, as most write it.

import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";

import { DescribeTasksCommand, ECSClient, RunTaskCommand } from "@aws-sdk/client-ecs";
import {
    DescribeTargetGroupsCommand,
    ElasticLoadBalancingV2Client,
    RegisterTargetsCommand,
} from "@aws-sdk/client-elastic-load-balancing-v2";

const ecs = new ECSClient({});
const elb = new ElasticLoadBalancingV2Client({});
const known = new Set();

async function handle(event) {
    const detail = event.detail;
    if (event["detail-type"] === "Start ECS Task") {
        const group = detail.targetGroupArn;
        const [, name, identity] = group.split("/");
        const started = await ecs.send(
            new RunTaskCommand({
                cluster: detail.cluster,
                taskDefinition: detail.taskDefinition,
                launchType: "FARGATE",
                clientToken: event.id,
                startedBy: `start-engines/${name}/${identity}/${detail.port}`,
                networkConfiguration: { awsvpcConfiguration: { subnets: detail.subnets } },
                tags: [
                    { key: "start-engines:target-group", value: group },
                    { key: "start-engines:port", value: String(detail.port) },
                ],
            }),
        );
        return { taskArn: started.tasks[0].taskArn };
    }
    const [, name, identity, port] = detail.startedBy.split("/");
    const [, , , region, account] = detail.taskArn.split(":");
    const group = `arn:aws:elasticloadbalancing:${region}:${account}:targetgroup/${name}/${identity}`;
    const described = await ecs.send(
        new DescribeTasksCommand({ cluster: detail.clusterArn, tasks: [detail.taskArn], include: ["TAGS"] }),
    );
    const details = described.tasks[0].attachments[0].details;
    if (!known.has(group)) {
        await elb.send(new DescribeTargetGroupsCommand({ TargetGroupArns: [group] }));
        known.add(group);
    }
    const address = details.find((one) => one.name === "privateIPv4Address").value;
    await elb.send(
        new RegisterTargetsCommand({ TargetGroupArn: group, Targets: [{ Id: address, Port: Number(port) }] }),
    );
    return { target: `${address}:${port}` };
}

// Lambda's Runtime API, in the place of aws-lambda-ric, which does the same with more care, in C++.
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function call(method, path, body) {
    return new Promise((resolve, reject) => {
        const options = { host, port, method, agent, path: `/2018-06-01/runtime/invocation/${path}` };
        const sent = request(options, (response) =>
            text(response).then((answer) => resolve({ headers: response.headers, answer }), reject),
        );
        sent.on("error", reject);
        sent.end(body);
    });
}

async function serve() {
    for (;;) {
        const { headers, answer } = await call("GET", "next");
        const done = JSON.stringify(await handle(JSON.parse(answer)));
        console.log(done);
        await call("POST", `${headers["lambda-runtime-aws-request-id"]}/response`, done);
    }
}

serve();
