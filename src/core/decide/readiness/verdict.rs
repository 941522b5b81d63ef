//! What the states of its targets say of a task.

use crate::domain::target::TargetHealth;

/// What the states of its targets say of a task; the worst of them decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// All are `healthy`.
    Healthy,
    /// ELB still checks one, or does not tell.
    Undecided,
    /// One was deregistered, by hand or for another event. That is no fault of the task.
    Deregistered,
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
                "unhealthy" | "unhealthy.draining" | "unused" => Self::Unhealthy,
                _ => Self::Undecided,
            },
            TargetHealth::Draining | TargetHealth::NotRegistered => Self::Deregistered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_of_a_target_has_a_verdict() {
        let of = |state, reason| Verdict::of(&TargetHealth::of(state, reason, None));
        assert_eq!(of("healthy", None), Verdict::Healthy);
        for state in ["initial", "unavailable", "dozing"] {
            assert_eq!(of(state, None), Verdict::Undecided, "{state}");
        }
        for (state, reason) in [
            ("unhealthy", "Target.Timeout"),
            ("unhealthy.draining", "Target.FailedHealthChecks"),
            ("unused", "Target.NotInUse"),
            ("unused", "Target.InvalidState"),
            ("unused", "Target.IpUnusable"),
        ] {
            assert_eq!(of(state, Some(reason)), Verdict::Unhealthy, "{state}");
        }
        assert_eq!(of("unused", Some("Target.NotRegistered")), Verdict::Deregistered);
        let draining = of("draining", Some("Target.DeregistrationInProgress"));
        assert_eq!(draining, Verdict::Deregistered);
    }

    #[test]
    fn the_worst_target_decides() {
        let worst = |verdicts: &[Verdict]| verdicts.iter().max().copied();
        assert_eq!(worst(&[Verdict::Healthy, Verdict::Undecided]), Some(Verdict::Undecided));
        assert_eq!(
            worst(&[Verdict::Unhealthy, Verdict::Deregistered, Verdict::Undecided]),
            Some(Verdict::Unhealthy)
        );
    }
}
