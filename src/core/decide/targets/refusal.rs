//! Why a task has no target in a target group, or one whose id or port is not known: the reasons and their messages.
//!
//! The other files of this folder return the reasons; only this one words them.

use super::candidates::Unnamed;
use crate::call::CallError;
use crate::domain::arn::TaskDefinition;
use crate::domain::target::{AddressFamily, Attachment, GroupTarget, TargetGroup};
use crate::domain::task::Task;
use crate::domain::task::ports::{PortBinding, Transport, Unfit};
use crate::outcome::{Category, Failure};

/// The maximum number of targets in a message, each with its command.
const MAX_NAMED: usize = 10;

/// Why a target group takes no target for a RUNNING task.
#[derive(Debug)]
pub(crate) enum Refusal<'a> {
    /// The task has no container of the name that the start gives.
    ContainerNotFound,
    /// For QUIC, ELB requires a `QuicServerId` with each target ("required if the protocol is `QUIC` or `TCP_QUIC`", unique
    /// per listener), which the server writes into its connection ids, so that only it can know it
    /// ([TargetDescription](https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetDescription.html)).
    ProtocolUnsupported,
    /// The task runs on ECS Anywhere.
    ExternalInstance,
    /// The task has a network interface of its own, and the target group has another target type than `ip`.
    NotOfTypeIp,
    /// The task has host ports, and the target group takes neither instances nor addresses.
    NotOfTypeInstanceOrIp,
    /// Neither the event nor DescribeTasks has an address of the task yet.
    NoAddressYet,
    /// The task definition maps the port, and neither the event nor DescribeTasks has the host port yet.
    NoHostPortYet,
    /// The task, or its container instance, has no address of the target group's IP address type.
    NoAddressOfFamily,
    /// Neither the event nor DescribeTasks has host ports of the task, and its task definition was deleted.
    DefinitionDeleted(TaskDefinition),
    /// No port that the task publishes fits, or several do; with all its bindings.
    Port(Unfit, Vec<PortBinding>),
    /// ECS or EC2 does not know the container instance: its ARN, or the id of its EC2 instance.
    InstanceNotFound(String),
    /// A Describe call failed.
    Call(&'a CallError),
}

impl Refusal<'_> {
    /// The failure of the event of `task`, for its target in the target group of `attachment`.
    pub(crate) fn failure(&self, task: &Task, attachment: &Attachment, facts: &TargetGroup) -> Failure {
        let (arn, group, port) = (&task.arn, &attachment.group, attachment.port);
        let (category, message) = match self {
            Self::ContainerNotFound => (
                Category::ContainerNotFound,
                format!(
                    "{arn} has no container {}: containerName must be one of {}",
                    attachment
                        .container
                        .as_ref()
                        .map_or("of this name", |name| name.as_str()),
                    task.containers.join(", ")
                ),
            ),
            Self::ProtocolUnsupported => (
                Category::ProtocolUnsupported,
                format!(
                    "{group} has the protocol {}, whose targets need a QuicServerId that only the server knows: use a target group of protocol UDP or TCP_UDP",
                    facts.protocol
                ),
            ),
            Self::ExternalInstance => (
                Category::ExternalInstance,
                format!(
                    "{arn} runs on ECS Anywhere, whose tasks have no address that a target group takes: run it on Fargate or EC2, or start it with \"targets\": []"
                ),
            ),
            Self::NotOfTypeIp => (
                Category::TargetTypeMismatch,
                format!(
                    "{group} takes targets of type {}, and a task with its own network interface is one of type ip: use a target group of target type ip",
                    facts.target_type
                ),
            ),
            Self::NotOfTypeInstanceOrIp => (
                Category::TargetTypeMismatch,
                format!(
                    "{group} takes targets of type {}, and a task in bridge or host mode is one of type instance or ip: use a target group of one of these",
                    facts.target_type
                ),
            ),
            Self::NoAddressYet => (
                Category::AddressMissing,
                format!("{arn} has no private address yet, in the event or in DescribeTasks"),
            ),
            Self::NoHostPortYet => (
                Category::AddressMissing,
                format!(
                    "the task definition of {arn} maps port {port}, and its host port is not reported yet, in the event or in DescribeTasks"
                ),
            ),
            Self::NoAddressOfFamily => (
                Category::AddressFamilyMismatch,
                match facts.family {
                    AddressFamily::Ipv4 => format!(
                        "{group} needs an IPv4 address, and {arn} has none: use a target group of IP address type ipv6, or a subnet with IPv4"
                    ),
                    AddressFamily::Ipv6 => format!(
                        "{group} needs an IPv6 address, and {arn} has none: use a target group of IP address type ipv4, or a dual-stack subnet"
                    ),
                },
            ),
            Self::DefinitionDeleted(definition) => (
                Category::PortsUnknown,
                format!(
                    "neither the event nor DescribeTasks has host ports of {arn}, and its task definition {definition} was deleted: start it anew with another"
                ),
            ),
            Self::Port(Unfit::NotPublished, bindings) => (
                Category::PortNotPublished,
                not_published(task, attachment, facts, bindings),
            ),
            Self::Port(Unfit::Ambiguous(choices), _) => {
                let choices: Vec<String> = choices
                    .iter()
                    .map(|(container, on_host)| format!("{container} (host port {on_host})"))
                    .collect();
                (
                    Category::PortAmbiguous,
                    format!(
                        "several containers of {arn} publish port {port}: give containerName, one of {}",
                        choices.join(", ")
                    ),
                )
            }
            Self::InstanceNotFound(instance) => return instance_not_found(task, instance),
            Self::Call(error) => return Failure::from(*error),
        };
        Failure::new(category, message)
    }
}

fn not_published(task: &Task, attachment: &Attachment, facts: &TargetGroup, bindings: &[PortBinding]) -> String {
    let transports: Vec<&str> = Transport::of_protocol(&facts.protocol)
        .iter()
        .map(|it| it.name())
        .collect();
    let published: Vec<String> = bindings.iter().map(PortBinding::describe).collect();
    let published = if published.is_empty() {
        "nothing".to_owned()
    } else {
        published.join(", ")
    };
    let of_container = attachment
        .container
        .as_ref()
        .map(|name| format!(" of container {name}"));
    format!(
        "{} does not publish port {}/{}{}, which {} needs; it publishes {published}: add a port mapping to the task definition, or name another port",
        task.arn,
        attachment.port,
        transports.join(" or "),
        of_container.unwrap_or_default(),
        attachment.group,
    )
}

/// The container instance of a task is not known to ECS, or its EC2 instance has no address.
pub(crate) fn instance_not_found(task: &Task, instance: &str) -> Failure {
    let message = format!(
        "{instance}, on which {} runs, is not known, or not with an address: it may be shutting down",
        task.arn
    );
    Failure::new(Category::InstanceNotFound, message)
}

/// The address of a stopping task that has been RUNNING is not reported any more.
pub(crate) fn address_unknown(task: &Task) -> Failure {
    let message = format!(
        "{} has been RUNNING, and neither the event nor DescribeTasks has its address: deregister its target by hand",
        task.arn
    );
    Failure::new(Category::AddressUnknown, message)
}

/// What a stopped task may have left in a target group, and how to deregister it.
pub(crate) fn leftovers(unnamed: &Unnamed, task: &Task, left: &[GroupTarget]) -> Failure {
    let (category, why) = match unnamed.id {
        None => (
            Category::InstanceUnknown,
            "neither ECS nor EC2 reports the container instance of",
        ),
        Some(_) => (
            Category::PortsUnknown,
            "neither the event nor DescribeTasks has the host ports of",
        ),
    };
    let command = |GroupTarget { group, target }: &GroupTarget| {
        format!(
            "aws elbv2 deregister-targets --target-group-arn {group} --targets Id={},Port={}",
            target.id, target.port
        )
    };
    let commands: Vec<String> = left.iter().take(MAX_NAMED).map(command).collect();
    let more = match left.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let message = format!(
        "{why} {}, and {} has targets that may be its own and that no live task of start-engines owns; deregister each that is nobody's: {}{more}",
        task.arn,
        unnamed.group,
        commands.join("; ")
    );
    Failure::new(category, message)
}
