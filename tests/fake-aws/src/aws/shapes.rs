//! The input shapes of the operations, as the services' models have them (2014-11-13 for
//! ECS, 2015-12-01 for ELBv2, 2016-11-15 for EC2, 2021-06-30 for Scheduler, 2015-10-07 for EventBridge, 2014-03-28 for CloudWatch Logs), and the check against them. A field that the model does
//! not have is refused: the real services ignore some, and a test must not.

use serde_json::Value;

use super::service::{ApiError, Service};

/// A type of the model.
#[derive(Debug)]
pub(super) enum Shape {
    Any,
    Text,
    OneOf(&'static [&'static str]),
    Integer {
        min: i64,
        max: i64,
    },
    Number,
    Boolean,
    List(&'static Shape),
    /// A list of the query protocol without `.member`.
    FlatList(&'static Shape),
    Record(&'static [Member]),
}

/// A member of a structure.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: &'static str,
    required: bool,
    pub(super) shape: Shape,
}

const fn may(name: &'static str, shape: Shape) -> Member {
    Member {
        name,
        required: false,
        shape,
    }
}

const fn must(name: &'static str, shape: Shape) -> Member {
    Member {
        name,
        required: true,
        shape,
    }
}

const TEXTS: Shape = Shape::List(&Shape::Text);
const INTEGER: Shape = Shape::Integer {
    min: i32::MIN as i64,
    max: i32::MAX as i64,
};
const PORT: Shape = Shape::Integer { min: 1, max: 65_535 };
const LAUNCH_TYPE: Shape = Shape::OneOf(&["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"]);
const PROPAGATE_TAGS: Shape = Shape::OneOf(&["TASK_DEFINITION", "SERVICE", "NONE"]);
const TAGS: Shape = Shape::List(&Shape::Record(&[may("key", Shape::Text), may("value", Shape::Text)]));

const STRATEGY: Shape = Shape::List(&Shape::Record(&[
    must("capacityProvider", Shape::Text),
    may("weight", Shape::Integer { min: 0, max: 1000 }),
    may("base", Shape::Integer { min: 0, max: 100_000 }),
]));

const NETWORK: Shape = Shape::Record(&[may(
    "awsvpcConfiguration",
    Shape::Record(&[
        must("subnets", TEXTS),
        may("securityGroups", TEXTS),
        may("assignPublicIp", Shape::OneOf(&["ENABLED", "DISABLED"])),
    ]),
)]);

const CONTAINER_OVERRIDE: Shape = Shape::Record(&[
    may("name", Shape::Text),
    may("command", TEXTS),
    may(
        "environment",
        Shape::List(&Shape::Record(&[may("name", Shape::Text), may("value", Shape::Text)])),
    ),
    may(
        "environmentFiles",
        Shape::List(&Shape::Record(&[
            must("value", Shape::Text),
            must("type", Shape::OneOf(&["s3"])),
        ])),
    ),
    may("cpu", INTEGER),
    may("memory", INTEGER),
    may("memoryReservation", INTEGER),
    may(
        "resourceRequirements",
        Shape::List(&Shape::Record(&[
            must("value", Shape::Text),
            must("type", Shape::OneOf(&["GPU", "InferenceAccelerator", "NeuronDevice"])),
        ])),
    ),
]);

const OVERRIDES: Shape = Shape::Record(&[
    may("containerOverrides", Shape::List(&CONTAINER_OVERRIDE)),
    may("cpu", Shape::Text),
    may(
        "inferenceAcceleratorOverrides",
        Shape::List(&Shape::Record(&[
            may("deviceName", Shape::Text),
            may("deviceType", Shape::Text),
        ])),
    ),
    may("executionRoleArn", Shape::Text),
    may("memory", Shape::Text),
    may("taskRoleArn", Shape::Text),
    may("ephemeralStorage", Shape::Record(&[must("sizeInGiB", INTEGER)])),
]);

const VOLUME: Shape = Shape::Record(&[
    may("encrypted", Shape::Boolean),
    may("kmsKeyId", Shape::Text),
    may("volumeType", Shape::Text),
    may("sizeInGiB", INTEGER),
    may("snapshotId", Shape::Text),
    may("volumeInitializationRate", INTEGER),
    may("iops", INTEGER),
    may("throughput", INTEGER),
    may(
        "tagSpecifications",
        Shape::List(&Shape::Record(&[
            must("resourceType", Shape::OneOf(&["volume"])),
            may("tags", TAGS),
            may("propagateTags", PROPAGATE_TAGS),
        ])),
    ),
    must("roleArn", Shape::Text),
    may(
        "terminationPolicy",
        Shape::Record(&[must("deleteOnTermination", Shape::Boolean)]),
    ),
    may("filesystemType", Shape::OneOf(&["ext3", "ext4", "xfs", "ntfs"])),
]);

static RUN_TASK: Shape = Shape::Record(&[
    may("capacityProviderStrategy", STRATEGY),
    may("cluster", Shape::Text),
    may("count", INTEGER),
    may("enableECSManagedTags", Shape::Boolean),
    may("enableExecuteCommand", Shape::Boolean),
    may("group", Shape::Text),
    may("launchType", LAUNCH_TYPE),
    may("networkConfiguration", NETWORK),
    may("overrides", OVERRIDES),
    may(
        "placementConstraints",
        Shape::List(&Shape::Record(&[
            may("type", Shape::OneOf(&["distinctInstance", "memberOf"])),
            may("expression", Shape::Text),
        ])),
    ),
    may(
        "placementStrategy",
        Shape::List(&Shape::Record(&[
            may("type", Shape::OneOf(&["random", "spread", "binpack"])),
            may("field", Shape::Text),
        ])),
    ),
    may("platformVersion", Shape::Text),
    may("propagateTags", PROPAGATE_TAGS),
    // `referenceId` is the service's own use: left out on purpose, so refused.
    may("startedBy", Shape::Text),
    may("tags", TAGS),
    must("taskDefinition", Shape::Text),
    may("clientToken", Shape::Text),
    may(
        "volumeConfigurations",
        Shape::List(&Shape::Record(&[
            must("name", Shape::Text),
            may("managedEBSVolume", VOLUME),
        ])),
    ),
]);

static DESCRIBE_TASKS: Shape = Shape::Record(&[
    may("cluster", Shape::Text),
    must("tasks", TEXTS),
    may("include", Shape::List(&Shape::OneOf(&["TAGS"]))),
]);

static DESCRIBE_TASK_DEFINITION: Shape = Shape::Record(&[
    must("taskDefinition", Shape::Text),
    may("include", Shape::List(&Shape::OneOf(&["TAGS"]))),
]);

static LIST_TASKS: Shape = Shape::Record(&[
    may("cluster", Shape::Text),
    may("containerInstance", Shape::Text),
    may("family", Shape::Text),
    may("nextToken", Shape::Text),
    may("maxResults", Shape::Integer { min: 1, max: 100 }),
    may("startedBy", Shape::Text),
    may("serviceName", Shape::Text),
    may("desiredStatus", Shape::OneOf(&["RUNNING", "PENDING", "STOPPED"])),
    may("launchType", LAUNCH_TYPE),
    may("daemonName", Shape::Text),
]);

static STOP_TASK: Shape = Shape::Record(&[
    may("cluster", Shape::Text),
    must("task", Shape::Text),
    may("reason", Shape::Text),
]);

static LIST_CONTAINER_INSTANCES: Shape = Shape::Record(&[
    may("cluster", Shape::Text),
    may("filter", Shape::Text),
    may("maxResults", Shape::Integer { min: 1, max: 100 }),
    may("nextToken", Shape::Text),
    may(
        "status",
        Shape::OneOf(&[
            "ACTIVE",
            "DRAINING",
            "REGISTERING",
            "DEREGISTERING",
            "REGISTRATION_FAILED",
        ]),
    ),
]);
static DESCRIBE_CONTAINER_INSTANCES: Shape = Shape::Record(&[
    may("cluster", Shape::Text),
    must("containerInstances", TEXTS),
    may(
        "include",
        Shape::List(&Shape::OneOf(&["TAGS", "CONTAINER_INSTANCE_HEALTH"])),
    ),
]);

const TARGETS: Shape = Shape::List(&Shape::Record(&[
    must("Id", Shape::Text),
    may("Port", PORT),
    may("AvailabilityZone", Shape::Text),
    may("QuicServerId", Shape::Text),
]));

static REGISTRATION: Shape = Shape::Record(&[must("TargetGroupArn", Shape::Text), must("Targets", TARGETS)]);

static DESCRIBE_TARGET_HEALTH: Shape = Shape::Record(&[
    must("TargetGroupArn", Shape::Text),
    may("Targets", TARGETS),
    may("Include", Shape::List(&Shape::OneOf(&["AnomalyDetection", "All"]))),
]);

static DESCRIBE_TARGET_GROUPS: Shape = Shape::Record(&[
    may("LoadBalancerArn", Shape::Text),
    may("TargetGroupArns", TEXTS),
    may("Names", TEXTS),
    may("Marker", Shape::Text),
    may("PageSize", Shape::Integer { min: 1, max: 400 }),
]);

static TAG_RESOURCE: Shape = Shape::Record(&[must("resourceArn", Shape::Text), must("tags", TAGS)]);

static DESCRIBE_TARGET_GROUP_ATTRIBUTES: Shape = Shape::Record(&[must("TargetGroupArn", Shape::Text)]);

static DESCRIBE_INSTANCES: Shape = Shape::Record(&[
    may("InstanceId", Shape::FlatList(&Shape::Text)),
    may("DryRun", Shape::Boolean),
    may("MaxResults", Shape::Integer { min: 5, max: 1000 }),
    may("NextToken", Shape::Text),
    may("IncludeManagedResources", Shape::Boolean),
]);

static DESCRIBE_NETWORK_INTERFACES: Shape = Shape::Record(&[
    may("NetworkInterfaceId", Shape::FlatList(&Shape::Text)),
    may(
        "Filter",
        Shape::FlatList(&Shape::Record(&[
            must("Name", Shape::Text),
            must("Value", Shape::FlatList(&Shape::Text)),
        ])),
    ),
    may("DryRun", Shape::Boolean),
    may("MaxResults", Shape::Integer { min: 5, max: 1000 }),
    may("NextToken", Shape::Text),
    may("IncludeManagedResources", Shape::Boolean),
]);

static CREATE_SCHEDULE: Shape = Shape::Record(&[
    must("Name", Shape::Text),
    may("GroupName", Shape::Text),
    must("ScheduleExpression", Shape::Text),
    may("ScheduleExpressionTimezone", Shape::Text),
    may("StartDate", INTEGER),
    may("EndDate", INTEGER),
    may("Description", Shape::Text),
    may("State", Shape::OneOf(&["ENABLED", "DISABLED"])),
    may("KmsKeyArn", Shape::Text),
    must(
        "FlexibleTimeWindow",
        Shape::Record(&[
            must("Mode", Shape::OneOf(&["OFF", "FLEXIBLE"])),
            may("MaximumWindowInMinutes", Shape::Integer { min: 1, max: 1440 }),
        ]),
    ),
    must(
        "Target",
        Shape::Record(&[
            must("Arn", Shape::Text),
            must("RoleArn", Shape::Text),
            may("Input", Shape::Text),
            may("DeadLetterConfig", Shape::Record(&[may("Arn", Shape::Text)])),
            may(
                "RetryPolicy",
                Shape::Record(&[
                    may("MaximumEventAgeInSeconds", Shape::Integer { min: 60, max: 86_400 }),
                    may("MaximumRetryAttempts", Shape::Integer { min: 0, max: 185 }),
                ]),
            ),
        ]),
    ),
    may("ActionAfterCompletion", Shape::OneOf(&["NONE", "DELETE"])),
    may("ClientToken", Shape::Text),
]);

static GET_SCHEDULE: Shape = Shape::Record(&[must("Name", Shape::Text), may("GroupName", Shape::Text)]);

static FILTER_LOG_EVENTS: Shape = Shape::Record(&[
    may("logGroupName", Shape::Text),
    may("logGroupIdentifier", Shape::Text),
    may("logStreamNames", TEXTS),
    may("logStreamNamePrefix", Shape::Text),
    may("startTime", Shape::Integer { min: 0, max: i64::MAX }),
    may("endTime", Shape::Integer { min: 0, max: i64::MAX }),
    may("filterPattern", Shape::Text),
    may("nextToken", Shape::Text),
    may("limit", Shape::Integer { min: 1, max: 10_000 }),
    may("interleaved", Shape::Boolean),
    may("unmask", Shape::Boolean),
]);

static PUT_EVENTS: Shape = Shape::Record(&[
    must(
        "Entries",
        Shape::List(&Shape::Record(&[
            may("Time", Shape::Number),
            may("Source", Shape::Text),
            may("Resources", Shape::List(&Shape::Text)),
            may("DetailType", Shape::Text),
            may("Detail", Shape::Text),
            may("EventBusName", Shape::Text),
            may("TraceHeader", Shape::Text),
        ])),
    ),
    may("EndpointId", Shape::Text),
]);

static RECEIVE_MESSAGE: Shape = Shape::Record(&[
    must("QueueUrl", Shape::Text),
    may("AttributeNames", TEXTS),
    may("MessageSystemAttributeNames", TEXTS),
    may("MessageAttributeNames", TEXTS),
    may("MaxNumberOfMessages", Shape::Integer { min: 1, max: 10 }),
    may("VisibilityTimeout", SECONDS_HIDDEN),
    may("WaitTimeSeconds", Shape::Integer { min: 0, max: 20 }),
    may("ReceiveRequestAttemptId", Shape::Text),
]);

const SECONDS_HIDDEN: Shape = Shape::Integer { min: 0, max: 43_200 };

static DELETE_MESSAGE: Shape = Shape::Record(&[must("QueueUrl", Shape::Text), must("ReceiptHandle", Shape::Text)]);

static CHANGE_MESSAGE_VISIBILITY: Shape = Shape::Record(&[
    must("QueueUrl", Shape::Text),
    must("ReceiptHandle", Shape::Text),
    must("VisibilityTimeout", SECONDS_HIDDEN),
]);

static INVOKE: Shape = Shape::Record(&[
    must("FunctionName", Shape::Text),
    must("InvocationType", Shape::OneOf(&["Event"])),
    must("Payload", Shape::Any),
]);

static OF_FUNCTION: Shape = Shape::Record(&[must("FunctionName", Shape::Text), must("Host", Shape::Text)]);
static LAYER_VERSION: Shape = Shape::Record(&[must("Arn", Shape::Text), must("Host", Shape::Text)]);
static DOWNLOAD: Shape = Shape::Record(&[must("Name", Shape::Text)]);
static SCHEDULE_GROUP: Shape = Shape::Record(&[must("Name", Shape::Text)]);
static DESCRIBE_RULE: Shape = Shape::Record(&[must("Name", Shape::Text), may("EventBusName", Shape::Text)]);
static LIST_TARGETS_BY_RULE: Shape = Shape::Record(&[
    must("Rule", Shape::Text),
    may("EventBusName", Shape::Text),
    may("NextToken", Shape::Text),
    may("Limit", Shape::Integer { min: 1, max: 100 }),
]);
static TEST_EVENT_PATTERN: Shape = Shape::Record(&[must("EventPattern", Shape::Text), must("Event", Shape::Text)]);
static QUEUE_ATTRIBUTES: Shape = Shape::Record(&[must("QueueUrl", Shape::Text), may("AttributeNames", TEXTS)]);
static DESCRIBE_ALARMS: Shape = Shape::Record(&[
    may("AlarmNames", TEXTS),
    may(
        "AlarmTypes",
        Shape::List(&Shape::OneOf(&["CompositeAlarm", "MetricAlarm"])),
    ),
    may("MaxRecords", Shape::Integer { min: 1, max: 100 }),
    may("NextToken", Shape::Text),
]);
static GET_ROLE: Shape = Shape::Record(&[must("RoleName", Shape::Text)]);
static SIMULATE: Shape = Shape::Record(&[
    must("PolicySourceArn", Shape::Text),
    must("ActionNames", TEXTS),
    may("ResourceArns", TEXTS),
    may(
        "ContextEntries",
        Shape::List(&Shape::Record(&[
            must("ContextKeyName", Shape::Text),
            must("ContextKeyType", Shape::OneOf(&["string", "stringList"])),
            must("ContextKeyValues", TEXTS),
        ])),
    ),
    may("Marker", Shape::Text),
    may("MaxItems", Shape::Integer { min: 1, max: 1000 }),
]);
static DESCRIBE_CLUSTERS: Shape = Shape::Record(&[
    may("clusters", TEXTS),
    may(
        "include",
        Shape::List(&Shape::OneOf(&[
            "ATTACHMENTS",
            "CONFIGURATIONS",
            "SETTINGS",
            "STATISTICS",
            "TAGS",
        ])),
    ),
]);
static DESCRIBE_PROVIDERS: Shape = Shape::Record(&[
    may("capacityProviders", TEXTS),
    may("include", Shape::List(&Shape::OneOf(&["TAGS"]))),
    may("maxResults", Shape::Integer { min: 1, max: 10 }),
    may("nextToken", Shape::Text),
]);
static DESCRIBE_BALANCERS: Shape = Shape::Record(&[
    may("LoadBalancerArns", TEXTS),
    may("Names", TEXTS),
    may("Marker", Shape::Text),
    may("PageSize", Shape::Integer { min: 1, max: 400 }),
]);
/// DescribeRouteTables takes up to 100, the others up to 1,000.
static BY_FILTERS: Shape = Shape::Record(&[
    may(
        "Filter",
        Shape::FlatList(&Shape::Record(&[
            must("Name", Shape::Text),
            must("Value", Shape::FlatList(&Shape::Text)),
        ])),
    ),
    may("MaxResults", Shape::Integer { min: 5, max: 100 }),
    may("NextToken", Shape::Text),
]);
static DESCRIBE_IMAGES: Shape = Shape::Record(&[
    may("registryId", Shape::Text),
    must("repositoryName", Shape::Text),
    may(
        "imageIds",
        Shape::List(&Shape::Record(&[
            may("imageDigest", Shape::Text),
            may("imageTag", Shape::Text),
        ])),
    ),
]);
static PULL_THROUGH_RULES: Shape = Shape::Record(&[
    may("registryId", Shape::Text),
    may("ecrRepositoryPrefixes", TEXTS),
    may("maxResults", Shape::Integer { min: 1, max: 1000 }),
    may("nextToken", Shape::Text),
]);
static NOTHING: Shape = Shape::Record(&[]);
static DESCRIBE_LOG_GROUPS: Shape = Shape::Record(&[
    may("logGroupNamePrefix", Shape::Text),
    may("limit", Shape::Integer { min: 1, max: 50 }),
    may("nextToken", Shape::Text),
]);
static DESCRIBE_SECRET: Shape = Shape::Record(&[must("SecretId", Shape::Text)]);

/// The input shape of an operation, if this fake has it.
pub(super) fn input(service: Service, operation: &str) -> Option<&'static Shape> {
    Some(match (service, operation) {
        (Service::Ecs, "RunTask") => &RUN_TASK,
        (Service::Ecs, "DescribeTasks") => &DESCRIBE_TASKS,
        (Service::Ecs, "ListTasks") => &LIST_TASKS,
        (Service::Ecs, "StopTask") => &STOP_TASK,
        (Service::Ecs, "DescribeContainerInstances") => &DESCRIBE_CONTAINER_INSTANCES,
        (Service::Ecs, "ListContainerInstances") => &LIST_CONTAINER_INSTANCES,
        (Service::Ecs, "DescribeTaskDefinition") => &DESCRIBE_TASK_DEFINITION,
        (Service::Ecs, "TagResource") => &TAG_RESOURCE,
        (Service::Ec2, "DescribeInstances") => &DESCRIBE_INSTANCES,
        (Service::Ec2, "DescribeNetworkInterfaces") => &DESCRIBE_NETWORK_INTERFACES,
        (Service::Events, "PutEvents") => &PUT_EVENTS,
        (Service::Sqs, "ReceiveMessage") => &RECEIVE_MESSAGE,
        (Service::Sqs, "DeleteMessage") => &DELETE_MESSAGE,
        (Service::Sqs, "ChangeMessageVisibility") => &CHANGE_MESSAGE_VISIBILITY,
        (Service::Lambda, "Invoke") => &INVOKE,
        (Service::Scheduler, "CreateSchedule") => &CREATE_SCHEDULE,
        (Service::Scheduler, "GetSchedule") => &GET_SCHEDULE,
        (Service::Logs, "FilterLogEvents") => &FILTER_LOG_EVENTS,
        (Service::Elb, "DescribeTargetGroupAttributes") => &DESCRIBE_TARGET_GROUP_ATTRIBUTES,
        (Service::Elb, "RegisterTargets" | "DeregisterTargets") => &REGISTRATION,
        (Service::Elb, "DescribeTargetHealth") => &DESCRIBE_TARGET_HEALTH,
        (Service::Elb, "DescribeTargetGroups") => &DESCRIBE_TARGET_GROUPS,
        (Service::Lambda, "GetFunction" | "GetPolicy" | "GetFunctionEventInvokeConfig" | "ListEventSourceMappings") => {
            &OF_FUNCTION
        }
        (Service::Lambda, "GetLayerVersion") => &LAYER_VERSION,
        (Service::Lambda, "Download") => &DOWNLOAD,
        (Service::Scheduler, "GetScheduleGroup") => &SCHEDULE_GROUP,
        (Service::Events, "DescribeRule") => &DESCRIBE_RULE,
        (Service::Events, "ListTargetsByRule") => &LIST_TARGETS_BY_RULE,
        (Service::Events, "TestEventPattern") => &TEST_EVENT_PATTERN,
        (Service::Sqs, "GetQueueAttributes") => &QUEUE_ATTRIBUTES,
        (Service::CloudWatch, "DescribeAlarms") => &DESCRIBE_ALARMS,
        (Service::Iam, "GetRole") => &GET_ROLE,
        (Service::Iam, "SimulatePrincipalPolicy") => &SIMULATE,
        (Service::Ecs, "DescribeClusters") => &DESCRIBE_CLUSTERS,
        (Service::Ecs, "DescribeCapacityProviders") => &DESCRIBE_PROVIDERS,
        (Service::Elb, "DescribeLoadBalancers") => &DESCRIBE_BALANCERS,
        (
            Service::Ec2,
            "DescribeSubnets" | "DescribeSecurityGroups" | "DescribeRouteTables" | "DescribeVpcEndpoints",
        ) => &BY_FILTERS,
        (Service::Ecr, "DescribeImages") => &DESCRIBE_IMAGES,
        (Service::Logs, "DescribeLogGroups") => &DESCRIBE_LOG_GROUPS,
        (Service::Secrets, "DescribeSecret") => &DESCRIBE_SECRET,
        (Service::Ecr, "DescribePullThroughCacheRules") => &PULL_THROUGH_RULES,
        (Service::Sts, "GetCallerIdentity") => &NOTHING,
        _ => return None,
    })
}

/// Checks an input: known operation, known fields, types, enums, ranges, required ones.
pub(super) fn check(service: Service, operation: &str, input: &Value) -> Result<(), ApiError> {
    let Some(shape) = self::input(service, operation) else {
        let code = match service {
            Service::Ecs
            | Service::Events
            | Service::Sqs
            | Service::Lambda
            | Service::CloudWatch
            | Service::Logs
            | Service::Ecr
            | Service::Secrets => "UnknownOperationException",
            Service::Elb | Service::Ec2 | Service::Iam | Service::Sts => "InvalidAction",
            Service::Scheduler => "ValidationException",
        };
        return Err(ApiError::new(code, format!("this fake has no {operation}")));
    };
    let mut problems = Problems::default();
    problems.look(input, shape, operation);
    let (malformed, invalid) = match service {
        Service::Ecs => ("SerializationException", "InvalidParameterException"),
        Service::Elb => ("MalformedInput", "ValidationError"),
        Service::Ec2 => ("UnknownParameter", "InvalidParameterValue"),
        Service::Events => ("SerializationException", "ValidationException"),
        Service::Scheduler => ("ValidationException", "ValidationException"),
        Service::Sqs => ("SerializationException", "InvalidParameterValue"),
        Service::Lambda => ("InvalidRequestContentException", "InvalidParameterValueException"),
        Service::Iam | Service::Sts => ("MalformedInput", "ValidationError"),
        Service::CloudWatch => ("SerializationException", "InvalidParameterValue"),
        Service::Logs | Service::Ecr | Service::Secrets => ("SerializationException", "InvalidParameterException"),
    };
    if !problems.malformed.is_empty() {
        return Err(ApiError::new(malformed, problems.malformed.join("; ")));
    }
    if !problems.invalid.is_empty() {
        return Err(ApiError::new(invalid, problems.invalid.join("; ")));
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Problems {
    malformed: Vec<String>,
    invalid: Vec<String>,
}

impl Problems {
    fn look(&mut self, value: &Value, shape: &Shape, path: &str) {
        match (shape, value) {
            (Shape::Any, _)
            | (Shape::Text, Value::String(_))
            | (Shape::Boolean, Value::Bool(_))
            | (Shape::Number, Value::Number(_)) => {}
            (Shape::OneOf(allowed), Value::String(text)) => {
                if !allowed.contains(&text.as_str()) {
                    self.invalid.push(format!("{path} is {text:?}, not one of {allowed:?}"));
                }
            }
            (Shape::Integer { min, max }, Value::Number(number)) => match number.as_i64() {
                Some(number) if number < *min || number > *max => {
                    self.invalid.push(format!("{path} is {number}, not in {min}..={max}"));
                }
                Some(_) => {}
                None => self.malformed.push(format!("{path} is not an integer: {number}")),
            },
            (Shape::List(item) | Shape::FlatList(item), Value::Array(items)) => {
                for (index, value) in items.iter().enumerate() {
                    self.look(value, item, &format!("{path}[{index}]"));
                }
            }
            (Shape::Record(members), Value::Object(record)) => {
                for (name, value) in record {
                    match members.iter().find(|member| member.name == name) {
                        Some(member) => self.look(value, &member.shape, &format!("{path}.{name}")),
                        None => self.malformed.push(format!("{path} has no field {name}")),
                    }
                }
                for member in members.iter().filter(|member| member.required) {
                    if !record.contains_key(member.name) {
                        self.invalid.push(format!("{path}.{} is required", member.name));
                    }
                }
            }
            _ => self.malformed.push(format!("{path} has the wrong type: {value}")),
        }
    }
}
