//! What the states of its targets say of a task.

use crate::domain::target::{GroupTarget, TargetHealth};

/// What the states of its targets say of a task; the worst of them decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// All are `healthy`.
    Healthy,
    /// ELB still checks one, or does not tell.
    Undecided,
    /// One was deregistered, by hand or for another event. That is no fault of the task.
    Deregistered,
    /// One is `unhealthy.draining`: a Network Load Balancer lets its connections go on, and it may recover.
    Draining,
    /// One is `unhealthy`, or `unused`: it gets no requests.
    Unhealthy,
}

impl Verdict {
    /// Of one target. `initial` and `unavailable` are neither
    /// ([TargetHealth](https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html)); a state that
    /// this version does not know is no reason to call a task unhealthy.
    pub(super) fn of(health: &TargetHealth) -> Self {
        match health {
            TargetHealth::Registered(registration) => match registration.state.as_str() {
                "healthy" => Self::Healthy,
                "unhealthy" | "unused" => Self::Unhealthy,
                "unhealthy.draining" => Self::Draining,
                _ => Self::Undecided,
            },
            TargetHealth::Draining | TargetHealth::NotRegistered => Self::Deregistered,
        }
    }
}

/// What ELB says of the target that decides; `None` without targets.
#[must_use]
pub(crate) fn worst(targets: &[(GroupTarget, TargetHealth)]) -> Option<&TargetHealth> {
    targets
        .iter()
        .map(|(_, health)| health)
        .max_by_key(|health| Verdict::of(health))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::target::Target;

    #[test]
    fn each_state_of_a_target_has_a_verdict() {
        let of = |state, reason| Verdict::of(&TargetHealth::of(state, reason, None));
        assert_eq!(of("healthy", None), Verdict::Healthy);
        for state in ["initial", "unavailable", "dozing"] {
            assert_eq!(of(state, None), Verdict::Undecided, "{state}");
        }
        for (state, reason) in [
            ("unhealthy", "Target.Timeout"),
            ("unused", "Target.NotInUse"),
            ("unused", "Target.InvalidState"),
            ("unused", "Target.IpUnusable"),
        ] {
            assert_eq!(of(state, Some(reason)), Verdict::Unhealthy, "{state}");
        }
        assert_eq!(of("unhealthy.draining", None), Verdict::Draining);
        assert_eq!(of("unused", Some("Target.NotRegistered")), Verdict::Deregistered);
        let draining = of("draining", Some("Target.DeregistrationInProgress"));
        assert_eq!(draining, Verdict::Deregistered);
    }

    #[test]
    fn the_worst_target_decides() {
        let group = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/auth/73e2d6bc24d8a067";
        let target = |state, reason| {
            let target = GroupTarget {
                group: group.parse().unwrap(),
                target: Target {
                    id: "10.0.0.1".into(),
                    port: "80".parse().unwrap(),
                },
            };
            (target, TargetHealth::of(state, reason, None))
        };
        let (healthy, initial) = (
            target("healthy", None),
            target("initial", Some("Elb.InitialHealthChecking")),
        );
        let draining = target("draining", Some("Target.DeregistrationInProgress"));
        let unhealthy = target("unhealthy", Some("Target.Timeout"));
        let of = |targets: &[(GroupTarget, TargetHealth)]| {
            let worst = worst(targets).unwrap();
            (Verdict::of(worst), worst.reason().map(str::to_owned))
        };
        assert_eq!(of(std::slice::from_ref(&healthy)), (Verdict::Healthy, None));
        assert_eq!(of(&[healthy, initial.clone()]).0, Verdict::Undecided);
        assert_eq!(
            of(&[initial, draining, unhealthy]),
            (Verdict::Unhealthy, Some("Target.Timeout".to_owned()))
        );
        assert_eq!(worst(&[]), None);
    }
}
