//! What ELB's reason codes mean, in words.
//!
//! The twelve codes, and what ELB says of each
//! ([TargetHealth](https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html)).

/// Every reason code, with its words: a code that is not in the list is shown as it is.
pub const REASONS: [(&str, &str); 12] = [
    ("Elb.RegistrationInProgress", "the load balancer still registers it"),
    ("Elb.InitialHealthChecking", "its first health checks are under way"),
    (
        "Elb.InternalError",
        "its health checks failed by an error of the load balancer",
    ),
    (
        "Target.ResponseCodeMismatch",
        "its answer to health checks has a code that does not pass",
    ),
    ("Target.Timeout", "it does not answer health checks in time"),
    (
        "Target.FailedHealthChecks",
        "health checks cannot connect, or its answer is malformed",
    ),
    ("Target.NotRegistered", "it is not registered"),
    (
        "Target.NotInUse",
        "no load balancer uses the target group, or not in its zone",
    ),
    (
        "Target.DeregistrationInProgress",
        "it is deregistered, and its connections end",
    ),
    ("Target.InvalidState", "its instance is stopped or terminated"),
    ("Target.IpUnusable", "its address belongs to a load balancer"),
    ("Target.HealthCheckDisabled", "the target group's health checks are off"),
];

/// What a reason code means; the code itself if it is not known.
#[must_use]
pub fn words(reason: &str) -> &str {
    let found = REASONS.iter().find(|(code, _)| *code == reason);
    found.map_or(reason, |(_, words)| words)
}

/// What to look at first, for a target that is registered and gets no requests.
#[must_use]
pub fn advice(reason: &str) -> &'static str {
    match reason {
        "Target.Timeout" | "Target.FailedHealthChecks" => {
            "check that the security groups let the load balancer in, and that the container listens on the port"
        }
        "Target.ResponseCodeMismatch" => "check the health check's path and the codes that pass",
        "Target.NotInUse" => {
            "check that a listener has a rule for the target group, and that the load balancer has the task's zone"
        }
        "Target.IpUnusable" => "the address is a load balancer's own: start the task anew",
        "Target.InvalidState" => "its container instance is stopped or terminated: start-engines reconcile",
        "Elb.InternalError" => "an error of the load balancer's own, which passes",
        _ => "see the target group's health checks",
    }
}

/// Whether a target with this reason stays without requests until somebody does something: the other reasons pass, or are not
/// known here.
#[must_use]
pub fn is_fault(reason: &str) -> bool {
    matches!(
        reason,
        "Target.ResponseCodeMismatch"
            | "Target.Timeout"
            | "Target.FailedHealthChecks"
            | "Target.InvalidState"
            | "Target.IpUnusable"
            | "Target.NotInUse"
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_code_has_its_own_words_and_an_unknown_one_stays_as_it_is() {
        let all: BTreeSet<&str> = REASONS.iter().map(|(code, _)| words(code)).collect();
        assert_eq!(all.len(), REASONS.len());
        assert!(REASONS.iter().all(|(code, _)| words(code) != *code));
        assert_eq!(words("Target.New"), "Target.New");
    }
}
