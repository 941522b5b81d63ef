//! The port to AWS in this process: the domain's calls put to the fake account's world, and its
//! answers read back, with no wire between. The adapters proper are tested at the wire.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use start_engines_core::call::event_entry::EventEntry;
use start_engines_core::call::run_task::{Launch, Options, RunTask, StartFailure, Started};
use start_engines_core::call::schedule::OneTimeSchedule;
use start_engines_core::call::{Answer, Call, CallError, Desired, ErrorKind, FailedEntry, TaskPage};
use start_engines_core::domain::definition::{Definition, PortMapping};
use start_engines_core::domain::instance::{ContainerInstance, Ec2Instance};
use start_engines_core::domain::interface::{InterfaceQuery, NetworkInterface};
use start_engines_core::domain::tags::Tag;
use start_engines_core::domain::target::{AddressFamily, HealthCheck, Target, TargetGroup, TargetHealth};
use start_engines_core::domain::task::ports::RawBinding;
use start_engines_core::domain::task::{Addresses, Task, from_event};
use start_engines_core::domain::timestamp::Timestamp;
use start_engines_fake_aws::{ApiError, Service, World};

/// Carries out a call.
pub fn carry_out(world: &mut World, call: &Call) -> Result<Answer, CallError> {
    let (service, input) = input(call);
    let answer = world
        .carry_out(service, call.operation(), &input)
        .map_err(|error| refusal(call, &error))?;
    Ok(read(call, &answer))
}

/// The error that a function is reported when something happens to a call on its way.
pub fn failure(call: &Call, kind: ErrorKind) -> CallError {
    CallError {
        operation: call.operation(),
        kind,
        code: None,
        conflicting_tasks: Vec::new(),
        message: "simulated".to_owned(),
    }
}

fn refusal(call: &Call, error: &ApiError) -> CallError {
    let kind = match error.code.as_str() {
        // As the adapter's table of texts reports them.
        "InvalidParameterException"
            if error
                .message
                .starts_with("No Container Instances were found in your cluster") =>
        {
            ErrorKind::NoCapacity
        }
        "ClientException" if error.message == "Tasks provisioning capacity limit exceeded." => ErrorKind::NoCapacity,
        "ServerException" if error.message.starts_with("Rate exceeded") => ErrorKind::Throttled,
        "TargetGroupNotFound" => ErrorKind::TargetGroupNotFound,
        // A schedule whose call has landed when its time was over.
        "ValidationException" => ErrorKind::InvalidParameter,
        // An address outside of the target group's VPC, without its zone.
        "ValidationError" if matches!(call, Call::RegisterTargets { .. }) => ErrorKind::InvalidParameter,
        "ResourceNotFoundException" => ErrorKind::ResourceNotFound,
        "ConflictException" => ErrorKind::Conflict,
        _ => panic!("{call:?} is refused: {error:?}"),
    };
    CallError {
        operation: call.operation(),
        kind,
        code: Some(error.code.clone()),
        conflicting_tasks: error
            .members
            .get("resourceIds")
            .map(|tasks| list(tasks, |arn| text(arn).parse().expect("an ARN")))
            .unwrap_or_default(),
        message: error.message.clone(),
    }
}

fn input(call: &Call) -> (Service, Value) {
    match call {
        Call::RunTask(call) => (Service::Ecs, run_task(call)),
        Call::DescribeTasks { cluster, tasks } => {
            let tasks: Vec<&str> = tasks.iter().map(|task| task.as_str()).collect();
            let input = json!({"cluster": cluster.as_str(), "tasks": tasks, "include": ["TAGS"]});
            (Service::Ecs, input)
        }
        Call::ListTasksStartedBy {
            cluster,
            started_by,
            page,
        } => {
            let mut input = json!({"cluster": cluster.as_str(), "startedBy": started_by});
            if let Some(page) = page {
                input["nextToken"] = json!(page);
            }
            (Service::Ecs, input)
        }
        Call::DescribeTaskDefinition { arn } => (Service::Ecs, json!({"taskDefinition": arn.as_str()})),
        Call::DescribeContainerInstance { cluster, arn, .. } => {
            let input = json!({"cluster": cluster.as_str(), "containerInstances": [arn]});
            (Service::Ecs, input)
        }
        Call::DescribeInstance { id, .. } => (Service::Ec2, json!({"InstanceId": [id]})),
        Call::DescribeNetworkInterfaces(query) => (Service::Ec2, interfaces_input(query)),
        Call::ListTasks {
            cluster,
            desired,
            container_instance,
            page,
        } => {
            let desired = match desired {
                Desired::Running => "RUNNING",
                Desired::Stopped => "STOPPED",
            };
            let mut input = json!({"cluster": cluster.as_str(), "desiredStatus": desired});
            if let Some(instance) = container_instance {
                input["containerInstance"] = json!(instance);
            }
            if let Some(page) = page {
                input["nextToken"] = json!(page);
            }
            (Service::Ecs, input)
        }
        Call::StopTask { cluster, task, reason } => {
            let input = json!({"cluster": cluster.as_str(), "task": task.as_str(), "reason": reason});
            (Service::Ecs, input)
        }
        Call::TagTask { task, tag } => {
            let tags = json!([{"key": tag.key, "value": tag.value}]);
            (Service::Ecs, json!({"resourceArn": task.as_str(), "tags": tags}))
        }
        Call::PutEvents(entries) => (Service::Events, put_events_input(entries)),
        Call::CreateSchedule(schedule) => (Service::Scheduler, schedule_input(schedule)),
        Call::ShareSchedule(shared) => (Service::Scheduler, schedule_input(&shared.one_time())),
        Call::DescribeDeregistrationDelay { group } => (Service::Elb, json!({"TargetGroupArn": group.as_str()})),
        Call::DescribeTargetGroup { group } => (Service::Elb, json!({"TargetGroupArns": [group.as_str()]})),
        Call::DescribeTargets { group } => (Service::Elb, json!({"TargetGroupArn": group.as_str()})),
        Call::DescribeTargetHealth { group, targets }
        | Call::RegisterTargets { group, targets, .. }
        | Call::DeregisterTargets { group, targets, .. } => {
            let target = |target: &Target| json!({"Id": target.id, "Port": target.port.number()});
            let targets: Vec<Value> = targets.iter().map(target).collect();
            let input = json!({"TargetGroupArn": group.as_str(), "Targets": targets});
            (Service::Elb, input)
        }
    }
}

fn interfaces_input(query: &InterfaceQuery) -> Value {
    let filter = |name: &str, values: Vec<String>| json!({"Name": name, "Value": values});
    let filters: Vec<Value> = match query {
        InterfaceQuery::Addresses { vpc, addresses } => {
            let is_ipv6 = addresses.iter().any(std::net::IpAddr::is_ipv6);
            let name = if is_ipv6 {
                "ipv6-addresses.ipv6-address"
            } else {
                "addresses.private-ip-address"
            };
            let values = addresses.iter().map(ToString::to_string).collect();
            let of_vpc = vpc.iter().map(|vpc| filter("vpc-id", vec![vpc.to_string()]));
            std::iter::once(filter(name, values)).chain(of_vpc).collect()
        }
        InterfaceQuery::Ids(ids) => {
            let values = ids.iter().map(ToString::to_string).collect();
            vec![filter("network-interface-id", values)]
        }
    };
    json!({"Filter": filters, "MaxResults": 1000, "IncludeManagedResources": true})
}

fn put_events_input(entries: &[EventEntry]) -> Value {
    let entry = |entry: &EventEntry| {
        let mut input = json!({
            "Source": entry.source, "DetailType": entry.detail_type, "Detail": entry.detail.to_string(),
        });
        if let Some(bus) = &entry.bus {
            input["EventBusName"] = json!(bus.to_string());
        }
        if let Some(time) = entry.time {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of this century")]
            let seconds = time.millis() as f64 / 1000.0;
            input["Time"] = json!(seconds);
        }
        if !entry.resources.is_empty() {
            input["Resources"] = json!(entry.resources);
        }
        input
    };
    json!({"Entries": entries.iter().map(entry).collect::<Value>()})
}

fn failed_entries(answered: &Value) -> Vec<FailedEntry> {
    let answered = list(answered, Clone::clone).into_iter().enumerate();
    let failed = answered.filter(|(_, entry)| entry.get("ErrorCode").is_some());
    let read = |(index, entry): (usize, Value)| FailedEntry {
        index,
        code: entry["ErrorCode"].as_str().map(str::to_owned),
        message: text(&entry["ErrorMessage"]).to_owned(),
    };
    failed.map(read).collect()
}

fn schedule_input(schedule: &OneTimeSchedule) -> Value {
    json!({
        "Name": schedule.name,
        "ScheduleExpression": format!("at({})", schedule.at.to_seconds().expect("a date")),
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": {
            "Arn": schedule.function.as_str(),
            "RoleArn": schedule.scheduler.role.as_str(),
            "Input": schedule.event,
        },
    })
}

fn run_task(call: &RunTask) -> Value {
    assert_eq!(call.options, Options::default(), "no start without a wire has any");
    let tag = |tag: &Tag| json!({"key": tag.key, "value": tag.value});
    let mut input = json!({
        "cluster": call.cluster.as_str(),
        "taskDefinition": call.task_definition.as_str(),
        "count": call.count,
        "clientToken": call.client_token,
        "startedBy": call.started_by,
        "tags": call.tags.iter().map(tag).collect::<Value>(),
    });
    if let Some(network) = &call.network {
        let subnets: Vec<&str> = network.subnets.iter().map(|subnet| subnet.as_str()).collect();
        input["networkConfiguration"] = json!({"awsvpcConfiguration": {"subnets": subnets}});
    }
    match &call.launch {
        Launch::ClusterDefault => {}
        Launch::Type(launch_type) => input["launchType"] = json!(launch_type),
        Launch::Strategy(items) => {
            let item = |provider: &str| json!({"capacityProvider": provider});
            input["capacityProviderStrategy"] = items.iter().map(|provider| item(&provider.name)).collect();
        }
    }
    input
}

fn read(call: &Call, answer: &Value) -> Answer {
    match call {
        Call::RunTask(_) => Answer::Started(Started {
            tasks: list(&answer["tasks"], |task| text(&task["taskArn"]).parse().expect("an ARN")),
            failures: list(&answer["failures"], |failure| StartFailure {
                reason: text(&failure["reason"]).to_owned(),
                detail: failure["detail"].as_str().map(str::to_owned),
            }),
        }),
        Call::DescribeTaskDefinition { .. } => {
            Answer::Definition(Some(Arc::new(definition(&answer["taskDefinition"]))))
        }
        Call::DescribeContainerInstance { .. } => {
            let found = &answer["containerInstances"][0];
            Answer::ContainerInstance(Some(ContainerInstance {
                ec2_instance: text(&found["ec2InstanceId"]).to_owned(),
                is_registered: found["status"] == "ACTIVE",
            }))
        }
        Call::DescribeInstance { .. } => {
            let found = &answer["reservationSet"][0]["instancesSet"][0];
            Answer::Instance(Some(Ec2Instance {
                addresses: Addresses {
                    ipv4: text(&found["privateIpAddress"]).parse().ok(),
                    ipv6: None,
                    complete: true,
                },
                lives: true,
            }))
        }
        Call::DescribeTasks { .. } => Answer::tasks(list(&answer["tasks"], task)),
        Call::ListTasks { .. } | Call::ListTasksStartedBy { .. } => Answer::task_page(TaskPage {
            tasks: list(&answer["taskArns"], |arn| text(arn).parse().expect("an ARN")),
            next: answer["nextToken"].as_str().map(str::to_owned),
        }),
        Call::DescribeTargetGroup { .. } => {
            let group = &answer["TargetGroups"][0];
            Answer::TargetGroup(TargetGroup {
                target_type: text(&group["TargetType"]).into(),
                family: match text(&group["IpAddressType"]) {
                    "ipv6" => AddressFamily::Ipv6,
                    _ => AddressFamily::Ipv4,
                },
                protocol: text(&group["Protocol"]).to_owned(),
                vpc: group["VpcId"].as_str().map(|vpc| vpc.parse().expect("a VPC")),
                health_check: health_check(group),
            })
        }
        Call::DescribeNetworkInterfaces(_) => {
            assert!(answer["nextToken"].is_null(), "a world without a wire has one page");
            Answer::Interfaces(list(&answer["networkInterfaceSet"], |it| Arc::new(interface(it))))
        }
        Call::DescribeTargetHealth { .. } => Answer::Health(list(&answer["TargetHealthDescriptions"], health)),
        Call::DescribeTargets { .. } => Answer::Targets(list(&answer["TargetHealthDescriptions"], |described| {
            let target = Target {
                id: text(&described["Target"]["Id"]).to_owned(),
                port: described["Target"]["Port"]
                    .as_i64()
                    .expect("a port")
                    .try_into()
                    .expect("a port"),
            };
            (target, health(described))
        })),
        Call::DescribeDeregistrationDelay { .. } => {
            let delay = answer["Attributes"]
                .as_array()
                .expect("a list")
                .iter()
                .find(|attribute| attribute["Key"] == "deregistration_delay.timeout_seconds");
            let seconds = text(&delay.expect("the attribute")["Value"]).parse().expect("seconds");
            Answer::DeregistrationDelay(Duration::from_secs(seconds))
        }
        Call::PutEvents(_) => Answer::FailedEntries(failed_entries(&answer["Entries"])),
        Call::StopTask { .. } | Call::TagTask { .. } | Call::CreateSchedule(_) | Call::ShareSchedule(_) => Answer::Done,
        Call::RegisterTargets { .. } | Call::DeregisterTargets { .. } => {
            assert_eq!(answer.as_object().map(Map::len), Some(0), "nothing is returned");
            Answer::Done
        }
    }
}

fn definition(shown: &Value) -> Definition {
    let mut mappings = Vec::new();
    for container in list(&shown["containerDefinitions"], Clone::clone) {
        for mapping in list(&container["portMappings"], Clone::clone) {
            let raw = RawBinding {
                container_port: mapping["containerPort"].as_i64(),
                host_port: mapping["hostPort"].as_i64(),
                protocol: mapping["protocol"].as_str(),
                ..RawBinding::default()
            };
            mappings.extend(PortMapping::read(text(&container["name"]), raw));
        }
    }
    Definition {
        network_mode: shown["networkMode"].as_str().into(),
        mappings,
    }
}

fn interface(shown: &Value) -> NetworkInterface {
    let of_set = |set: &str, name: &str| list(&shown[set], |it| text(&it[name]).parse().expect("an address"));
    let ipv4 = of_set("privateIpAddressesSet", "privateIpAddress");
    NetworkInterface {
        id: text(&shown["networkInterfaceId"]).parse().expect("an id"),
        addresses: [ipv4, of_set("ipv6AddressesSet", "ipv6Address")].concat(),
        attached_at: shown["attachment"]["attachTime"].as_str().and_then(Timestamp::parse),
    }
}

fn health_check(group: &Value) -> HealthCheck {
    let number = |name: &str| group[name].as_u64().expect("a number");
    HealthCheck {
        interval: Duration::from_secs(number("HealthCheckIntervalSeconds")),
        timeout: Duration::from_secs(number("HealthCheckTimeoutSeconds")),
        healthy_threshold: u32::try_from(number("HealthyThresholdCount")).expect("a count"),
    }
}

fn health(described: &Value) -> TargetHealth {
    let health = &described["TargetHealth"];
    let zone = described["Target"]["AvailabilityZone"].as_str();
    TargetHealth::of(text(&health["State"]), health["Reason"].as_str(), zone)
        .with_description(health["Description"].as_str())
}

/// The API's Task: an event's `detail` but for its times, which are numbers, and its tags.
fn task(shown: &Value) -> Task {
    let time = |name: &str| {
        let seconds = shown[name].as_f64()?;
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of this century")]
        let millis = (seconds * 1000.0).round() as i64;
        Some(Timestamp::from_millis(millis))
    };
    Task {
        tags: list(&shown["tags"], |tag| Tag {
            key: text(&tag["key"]).to_owned(),
            value: text(&tag["value"]).to_owned(),
        }),
        created_at: time("createdAt"),
        started_at: time("startedAt"),
        stopped_at: time("stoppedAt"),
        ..from_event(shown).expect("a task")
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn list<T>(value: &Value, read: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().expect("a list").iter().map(read).collect()
}
