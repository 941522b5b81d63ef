//! Where a start is tried: as asked, then each fallback, each with what RunTask takes there.
//!
//! A fallback leaves out what its launch type does not take, since it was asked for with another one in mind. As
//! it is asked first, it is refused: whoever asks for what cannot be should hear of it before it is too late.

use serde_json::Value;

use super::Placement;
use crate::call::run_task::{Awsvpc, CapacityProvider, Launch};
use crate::domain::arn::SubnetId;
use crate::domain::target::Attachment;
use crate::input::problem::Problems;
use crate::spec::{StartDetail, first};

/// As asked, then each fallback, each checked for what RunTask would refuse when it is too late.
pub(super) fn placements(
    sources: [&StartDetail; 3],
    attachments: &[Attachment],
    problems: &mut Problems,
) -> Vec<Placement> {
    // An explicit empty list means no network configuration: a bridge or host mode task.
    let subnets = first(sources, |source| source.subnets.clone()).unwrap_or_default();
    let network = |subnets: &[SubnetId]| {
        (!subnets.is_empty()).then(|| Awsvpc {
            subnets: subnets.to_vec(),
            security_groups: first(sources, |source| source.security_groups.clone()).unwrap_or_default(),
            assign_public_ip: first(sources, |source| source.assign_public_ip),
        })
    };
    let asked = Placement {
        network: network(&subnets),
        launch: first(sources, launch).unwrap_or_default(),
        platform_version: first(sources, |source| source.platform_version.clone()),
        constraints: first(sources, |source| source.options.placement_constraints.clone()),
        strategy: first(sources, |source| source.options.placement_strategy.clone()),
    };
    check_placement(&asked, "detail", attachments, problems);
    check_taken(&asked, problems);
    let detail = sources[0];
    if asked.network.is_none() && !problems.name("detail.subnets") {
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
                .map_or_else(|| asked.network.clone(), |subnets| network(subnets)),
            ..asked.clone()
        };
        let placement = launch.map_or(placement.clone(), |launch| launched(placement, launch));
        check_placement(&placement, &format!("detail.fallbacks[{n}]"), attachments, problems);
        placements.push(placement);
    }
    placements.insert(0, asked);
    placements
}

/// What RunTask takes beside a launch type or a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Capacity {
    /// Fargate or Fargate Spot.
    Fargate,
    /// Container instances: EC2 or ECS Anywhere.
    Instances,
    /// Capacity providers of the account's own. Whether they are instances is not known here, but Fargate they are
    /// not: no other provider's name may begin with it ([CreateCapacityProvider]).
    ///
    /// [CreateCapacityProvider]: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCapacityProvider.html
    Providers,
    /// The cluster's default strategy, which only ECS knows; or Fargate together with others, which RunTask refuses.
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

    /// `assignPublicIp` `ENABLED`: [only for Fargate]. A capacity provider of an Auto Scaling group refuses it too
    /// (<https://github.com/aws/aws-cdk/issues/13348>).
    ///
    /// [only for Fargate]: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html
    fn takes_public_ip(self) -> bool {
        match self {
            Self::Fargate | Self::Unknown => true,
            Self::Instances | Self::Providers => false,
        }
    }

    /// `platformVersion`: [only for Fargate].
    ///
    /// [only for Fargate]: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
    fn takes_platform_version(self) -> bool {
        self.takes_public_ip()
    }

    /// Placement constraints and strategies: [not for Fargate].
    ///
    /// [not for Fargate]: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-constraints.html
    fn takes_placement(self) -> bool {
        match self {
            Self::Fargate => false,
            Self::Instances | Self::Providers | Self::Unknown => true,
        }
    }
}

/// The placement with this launch, and without what RunTask does not take then.
fn launched(placement: Placement, launch: Launch) -> Placement {
    let capacity = Capacity::of(&launch);
    Placement {
        network: placement.network.map(|network| Awsvpc {
            assign_public_ip: network
                .assign_public_ip
                .filter(|asked| *asked != "ENABLED" || capacity.takes_public_ip()),
            ..network
        }),
        launch,
        platform_version: placement.platform_version.filter(|_| capacity.takes_platform_version()),
        constraints: placement.constraints.filter(|_| capacity.takes_placement()),
        strategy: placement.strategy.filter(|_| capacity.takes_placement()),
    }
}

/// What the first placement asks for together, and RunTask refuses. Of capacity that is not known here, it decides.
fn check_taken(asked: &Placement, problems: &mut Problems) {
    let capacity = Capacity::of(&asked.launch);
    if capacity == Capacity::Instances {
        let network = asked.network.as_ref();
        if let Some("ENABLED") = network.and_then(|network| network.assign_public_ip) {
            let rule = "only Fargate supports ENABLED: omit it, or give DISABLED";
            problems.invalid("detail.assignPublicIp", &Value::from("ENABLED"), rule);
        }
        if let Some(version) = &asked.platform_version {
            let rule = "only Fargate has platform versions: omit it";
            problems.invalid("detail.platformVersion", &Value::from(version.as_str()), rule);
        }
    }
    if capacity == Capacity::Fargate {
        let rule = "Fargate does not support it: omit it, or give []";
        let constraints = asked.constraints.iter().flatten().map(ToString::to_string);
        let strategy = asked.strategy.iter().flatten().map(ToString::to_string);
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

/// Whether ECS brings up machines for it first, as far as can be told: any capacity provider but Fargate's.
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
    if is_fargate && placement.network.is_none() && !problems.name(&subnets) {
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
