//! The placements of a start: its own, then each fallback, each with the parameters that RunTask accepts there.
//!
//! A fallback omits parameters that its launch type does not support, because they were given for another one. In the
//! start's own placement such a parameter is a problem, so that the sender knows before any call.

use serde_json::Value;

use super::Placement;
use crate::call::run_task::{Awsvpc, CapacityProvider, Launch};
use crate::domain::arn::SubnetId;
use crate::domain::target::Attachment;
use crate::input::problem::Problems;
use crate::spec::{StartDetail, first};

/// The start's own placement, then its fallbacks, each validated by the rules of RunTask.
pub(super) fn placements(
    sources: [&StartDetail; 3],
    attachments: &[Attachment],
    problems: &mut Problems,
) -> Vec<Placement> {
    // An empty list means no network configuration: a task in network mode `bridge` or `host`.
    let subnets = first(sources, |source| source.subnets.clone()).unwrap_or_default();
    let network = |subnets: &[SubnetId]| {
        (!subnets.is_empty()).then(|| Awsvpc {
            subnets: subnets.to_vec(),
            security_groups: first(sources, |source| source.security_groups.clone()).unwrap_or_default(),
            assign_public_ip: first(sources, |source| source.assign_public_ip),
        })
    };
    let own = Placement {
        network: network(&subnets),
        launch: first(sources, launch).unwrap_or_default(),
        platform_version: first(sources, |source| source.platform_version.clone()),
        constraints: first(sources, |source| source.options.placement_constraints.clone()),
        strategy: first(sources, |source| source.options.placement_strategy.clone()),
    };
    check_placement(&own, "detail", attachments, problems);
    check_supported(&own, problems);
    let detail = sources[0];
    if own.network.is_none() && !problems.mentions("detail.subnets") {
        if detail.security_groups.as_ref().is_some_and(|groups| !groups.is_empty()) {
            problems.missing("detail.subnets", "securityGroups require subnets");
        } else if detail.assign_public_ip.is_some() {
            problems.missing("detail.subnets", "assignPublicIp requires subnets");
        }
    }
    let fallbacks = first(sources, |source| source.fallbacks.clone()).unwrap_or_default();
    let mut placements = vec![];
    for (n, fallback) in fallbacks.iter().enumerate() {
        let launch = launch_of(fallback.launch_type, fallback.capacity_provider_strategy.as_ref());
        let placement = Placement {
            network: fallback
                .subnets
                .as_ref()
                .map_or_else(|| own.network.clone(), |subnets| network(subnets)),
            ..own.clone()
        };
        let placement = launch.map_or(placement.clone(), |launch| launched(placement, launch));
        check_placement(&placement, &format!("detail.fallbacks[{n}]"), attachments, problems);
        placements.push(placement);
    }
    placements.insert(0, own);
    placements
}

/// What a launch type or strategy launches tasks on, which decides what other parameters RunTask accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Capacity {
    /// Fargate, or Fargate Spot.
    Fargate,
    /// Container instances, by launch type: EC2 or ECS Anywhere.
    Instances,
    /// The account's own capacity providers: Auto Scaling groups or Managed Instances. They are never Fargate, because
    /// no other provider's name can begin with `FARGATE` ([CreateCapacityProvider]).
    ///
    /// [CreateCapacityProvider]: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCapacityProvider.html
    Providers,
    /// The cluster's default strategy, which only ECS knows; or Fargate mixed with other providers, which RunTask
    /// refuses.
    Unknown,
}

impl Capacity {
    fn of(launch: &Launch) -> Self {
        let is_fargate = |item: &CapacityProvider| matches!(item.name.as_str(), "FARGATE" | "FARGATE_SPOT");
        match launch {
            Launch::ClusterDefault => Self::Unknown,
            Launch::Type("FARGATE") => Self::Fargate,
            Launch::Type(_) => Self::Instances,
            Launch::Strategy(items) if items.iter().all(is_fargate) => Self::Fargate,
            Launch::Strategy(items) if items.iter().any(is_fargate) => Self::Unknown,
            Launch::Strategy(_) => Self::Providers,
        }
    }

    /// Whether `assignPublicIp` can be `ENABLED`: [only for Fargate]. It is refused for Auto Scaling groups too
    /// (<https://github.com/aws/aws-cdk/issues/13348>).
    ///
    /// [only for Fargate]: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html
    fn supports_public_ip(self) -> bool {
        match self {
            Self::Fargate | Self::Unknown => true,
            Self::Instances | Self::Providers => false,
        }
    }

    /// Whether `platformVersion` can be given: [only for Fargate].
    ///
    /// [only for Fargate]: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
    fn supports_platform_version(self) -> bool {
        self.supports_public_ip()
    }

    /// Whether placement constraints and strategies can be given: [not for Fargate].
    ///
    /// [not for Fargate]: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-constraints.html
    fn supports_placement(self) -> bool {
        match self {
            Self::Fargate => false,
            Self::Instances | Self::Providers | Self::Unknown => true,
        }
    }
}

/// The placement with this launch, without the parameters that RunTask does not accept for it.
fn launched(placement: Placement, launch: Launch) -> Placement {
    let capacity = Capacity::of(&launch);
    Placement {
        network: placement.network.map(|network| Awsvpc {
            assign_public_ip: network
                .assign_public_ip
                .filter(|value| *value != "ENABLED" || capacity.supports_public_ip()),
            ..network
        }),
        launch,
        platform_version: placement
            .platform_version
            .filter(|_| capacity.supports_platform_version()),
        constraints: placement.constraints.filter(|_| capacity.supports_placement()),
        strategy: placement.strategy.filter(|_| capacity.supports_placement()),
    }
}

/// Reports combinations in the start's own placement that RunTask refuses. For unknown capacity, RunTask decides.
fn check_supported(own: &Placement, problems: &mut Problems) {
    let capacity = Capacity::of(&own.launch);
    if capacity == Capacity::Instances {
        let network = own.network.as_ref();
        if let Some("ENABLED") = network.and_then(|network| network.assign_public_ip) {
            let rule = "only Fargate supports ENABLED: omit it, or give DISABLED";
            problems.invalid("detail.assignPublicIp", &Value::from("ENABLED"), rule);
        }
        if let Some(version) = &own.platform_version {
            let rule = "only Fargate has platform versions: omit it";
            problems.invalid("detail.platformVersion", &Value::from(version.as_str()), rule);
        }
    }
    if capacity == Capacity::Fargate {
        let rule = "Fargate does not support it: omit it, or give []";
        let constraints = own.constraints.iter().flatten().map(ToString::to_string);
        let strategy = own.strategy.iter().flatten().map(ToString::to_string);
        let given: [(&str, Vec<String>); 2] = [
            ("placementConstraints", constraints.collect()),
            ("placementStrategy", strategy.collect()),
        ];
        for (name, given) in given {
            if !given.is_empty() {
                problems.invalid_text(format!("detail.{name}"), &given.join(", "), rule);
            }
        }
    }
}

fn launch(source: &StartDetail) -> Option<Launch> {
    launch_of(source.launch_type, source.capacity_provider_strategy.as_ref())
}

fn launch_of(
    launch_type: Option<&'static str>,
    strategy: Option<&Vec<crate::call::run_task::CapacityProvider>>,
) -> Option<Launch> {
    launch_type
        .map(Launch::Type)
        .or_else(|| strategy.cloned().map(Launch::Strategy))
}

/// Whether ECS may first launch container instances: for any capacity provider but Fargate's.
pub(crate) fn may_scale(placement: &Placement) -> bool {
    match &placement.launch {
        Launch::ClusterDefault | Launch::Type(_) => false,
        Launch::Strategy(items) => items
            .iter()
            .any(|item| !matches!(item.name.as_str(), "FARGATE" | "FARGATE_SPOT")),
    }
}

fn check_placement(placement: &Placement, path: &str, attachments: &[Attachment], problems: &mut Problems) {
    let subnets = format!("{path}.subnets");
    let is_fargate = Capacity::of(&placement.launch) == Capacity::Fargate;
    if is_fargate && placement.network.is_none() && !problems.mentions(&subnets) {
        problems.missing(
            subnets,
            "Fargate needs 1 to 16 subnets: here, in the catalog entry or as SUBNETS",
        );
    }
    if !attachments.is_empty() && placement.launch == Launch::Type("EXTERNAL") {
        problems.invalid_text(
            format!("{path}.launchType"),
            "EXTERNAL",
            "ECS Anywhere tasks have no address that a target group accepts: use another launch type, or \"targets\": []",
        );
    }
}
