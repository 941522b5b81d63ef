//! `API_RATES`: how many calls per second an instance of the function may make of which operations.
//!
//! Must not wait; `start_engines_handler::rate_limit` does.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The operations that can be rate limited: those that many events call. DescribeTaskDefinition (a burst of 50, and 20
/// per second, by ECS's throttling quotas) is not one of them, because the function calls it once for each revision.
pub const LIMITED_OPERATIONS: [&str; 10] = [
    "RunTask",
    "StopTask",
    "TagResource",
    "DescribeTasks",
    "ListTasks",
    "RegisterTargets",
    "DeregisterTargets",
    "DescribeTargetHealth",
    "DescribeTargetGroups",
    "DescribeNetworkInterfaces",
];

/// The rates that hold without a setting, for what is called for each task, or each page of tasks, of a whole fleet: ECS's
/// own ([ECS API throttling](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html)).
const DEFAULTS: [(&[&str], u32, u32); 3] = [
    (&["StopTask"], 40, 100),
    (&["TagResource"], 10, 20),
    (&["DescribeTasks", "ListTasks"], 20, 100),
];

/// How many calls per second an instance of the function may make of some operations together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The operations that share the rate.
    pub operations: Vec<&'static str>,
    /// The time from one call to the next: one second divided by the rate.
    pub interval: Duration,
    /// How many calls can be made at once after a time without calls.
    pub burst: u32,
}

/// All rates, as in `RunTask=10,RegisterTargets+DeregisterTargets=2:8`: calls per second and, after a colon, the burst.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates(Vec<Rate>);

/// Why `API_RATES` is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRates {
    /// A part does not have the format `OPERATIONS=NUMBER`.
    #[error(
        "each rate must be operations and calls a second, as in RunTask=10 or RegisterTargets+DeregisterTargets=2:8: {0}"
    )]
    Shape(String),
    /// An operation that cannot have a rate.
    #[error("{0} cannot have a rate: it must be one of {known}", known = LIMITED_OPERATIONS.join(", "))]
    Operation(String),
    /// An operation that is given twice.
    #[error("{0} is given twice")]
    Twice(&'static str),
    /// The number is not a valid rate.
    #[error("{0} must be a number from 0.1 to 1000")]
    Number(String),
    /// The number after the colon is not a valid burst.
    #[error("{0} must be a number of calls at once, from 1 to 1000")]
    Burst(String),
}

impl FromStr for Rates {
    type Err = InvalidRates;

    fn from_str(text: &str) -> Result<Self, InvalidRates> {
        let mut rates: Vec<Rate> = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (names, number) = part
                .split_once('=')
                .ok_or_else(|| InvalidRates::Shape(part.to_owned()))?;
            let (number, burst) = match number.split_once(':') {
                Some((number, burst)) => (number.trim(), Some(burst.trim())),
                None => (number.trim(), None),
            };
            let per_second: Option<f64> = number.parse().ok();
            let per_second = per_second.filter(|rate| (0.1..=1000.0).contains(rate));
            let per_second = per_second.ok_or_else(|| InvalidRates::Number(number.to_owned()))?;
            let burst = match burst {
                Some(burst) => {
                    let calls = burst.parse().ok().filter(|calls| (1..=1000).contains(calls));
                    calls.ok_or_else(|| InvalidRates::Burst(burst.to_owned()))?
                }
                // The calls of one second.
                None => 1.max(per_second as u32),
            };
            let interval = Duration::from_secs_f64(1.0 / per_second);
            let mut operations = Vec::new();
            for name in names.split('+').map(str::trim) {
                let known = LIMITED_OPERATIONS.into_iter().find(|known| *known == name);
                let known = known.ok_or_else(|| InvalidRates::Operation(name.to_owned()))?;
                let mut given = rates.iter().flat_map(|rate| &rate.operations).chain(&operations);
                if given.any(|given| *given == known) {
                    return Err(InvalidRates::Twice(known));
                }
                operations.push(known);
            }
            rates.push(Rate {
                operations,
                interval,
                burst,
            });
        }
        Ok(Self(rates))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per_second = 1.0 / self.interval.as_secs_f64();
        let rounded = (per_second * 1e3).round() / 1e3;
        write!(f, "{}={rounded}:{}", self.operations.join("+"), self.burst)
    }
}

impl Rates {
    /// The same, with the default rates of operations that have none.
    #[must_use]
    pub fn with_defaults(mut self) -> Self {
        for (operations, per_second, burst) in DEFAULTS {
            let has_none = |operation: &&str| !self.0.iter().any(|rate| rate.operations.contains(operation));
            let operations: Vec<&str> = operations.iter().copied().filter(has_none).collect();
            if !operations.is_empty() {
                self.0.push(Rate {
                    operations,
                    interval: Duration::from_secs(1) / per_second,
                    burst,
                });
            }
        }
        self
    }

    /// The rates, in the order given.
    #[must_use]
    pub fn each(&self) -> &[Rate] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_operations_that_share_a_number() {
        let rates: Rates = "RunTask=10, RegisterTargets+DeregisterTargets=2.5 : 8,StopTask=0.5"
            .parse()
            .unwrap();
        let texts: Vec<String> = rates.each().iter().map(Rate::to_string).collect();
        let expected = [
            "RunTask=10:10",
            "RegisterTargets+DeregisterTargets=2.5:8",
            "StopTask=0.5:1",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn an_operation_has_its_default_rate_unless_another_is_given() {
        let texts =
            |rates: Rates| -> Vec<String> { rates.with_defaults().each().iter().map(Rate::to_string).collect() };
        let defaults = ["StopTask=40:100", "TagResource=10:20", "DescribeTasks+ListTasks=20:100"];
        assert_eq!(texts(Rates::default()), defaults);
        let given = "RunTask+StopTask=20:50,ListTasks=5".parse().unwrap();
        let expected = [
            "RunTask+StopTask=20:50",
            "ListTasks=5:5",
            "TagResource=10:20",
            "DescribeTasks=20:100",
        ];
        assert_eq!(texts(given), expected);
    }

    #[test]
    fn every_limited_operation_can_have_a_rate() {
        for name in LIMITED_OPERATIONS {
            let rates: Rates = format!("{name}=10:50").parse().unwrap();
            assert_eq!(rates.each()[0].to_string(), format!("{name}=10:50"));
        }
    }

    #[test]
    fn an_invalid_rate_is_refused_with_its_reason() {
        let wrong = |text: &str| text.parse::<Rates>().unwrap_err();
        assert_eq!(wrong("RunTask"), InvalidRates::Shape("RunTask".into()));
        assert_eq!(wrong("RunTask=0"), InvalidRates::Number("0".into()));
        assert_eq!(wrong("RunTask=1:0"), InvalidRates::Burst("0".into()));
        assert_eq!(wrong("RunTask=NaN"), InvalidRates::Number("NaN".into()));
        assert_eq!(wrong("runtask=1"), InvalidRates::Operation("runtask".into()));
        assert_eq!(wrong("RunTask=1,RunTask=2"), InvalidRates::Twice("RunTask"));
        assert_eq!(wrong("RunTask=1,"), InvalidRates::Shape(String::new()));
        assert_eq!(
            wrong("DescribeInstances=1"),
            InvalidRates::Operation("DescribeInstances".into())
        );
    }
}
