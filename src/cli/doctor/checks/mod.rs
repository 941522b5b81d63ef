//! The checks, each a pure function of what was read.

mod alarms;
mod capacity;
mod definition;
mod firewall;
mod function;
mod groups;
mod home;
mod later;
mod parts;
mod queues;
mod roles;
mod routes;
mod rules;
mod subnets;

use start_engines_core::request::start::StartRequest;

pub(crate) use self::home::elsewhere;
pub(crate) use self::roles::{asks, asks_of_deployment};
use super::world::{Account, World};
use super::{Finding, Report};

/// All findings: those of the deployment, then those of each service.
pub(crate) fn all(world: &World) -> Vec<Finding> {
    let mut findings = Vec::new();
    let deployment = &world.deployment;
    home::check(world, &mut findings);
    function::check(deployment, &mut findings);
    rules::check(deployment, &mut findings);
    queues::check(deployment, &mut findings);
    alarms::check(deployment, &mut findings);
    later::check(deployment, &world.account, &mut findings);
    routes::of_function(deployment, &world.account, &mut findings);
    roles::check_deployment(deployment, &world.account, &mut findings);
    for service in &world.services {
        let about = format!("service {}", service.name);
        let mut report = Report::new("start", &about, &mut findings);
        let start = match &service.start {
            Ok(start) => start,
            Err(problems) => {
                for problem in problems.iter() {
                    let repair = "correct the entry of the catalog, or the settings";
                    report.failure(format!("the function refuses its start: {problem}"), repair);
                }
                continue;
            }
        };
        report.well("the function accepts its start");
        let of = OfService {
            about: &about,
            start,
            account: &world.account,
            role: deployment.function.get().map(|function| function.role.as_str()),
        };
        capacity::check(&of, &mut findings);
        definition::check(&of, &mut findings);
        groups::check(&of, &mut findings);
        subnets::check(&of, &mut findings);
        firewall::check(&of, &mut findings);
        routes::check(&of, &mut findings);
        parts::check(&of, &mut findings);
        roles::check(&of, &mut findings);
    }
    findings
}

/// A service, and what it is made of.
pub(crate) struct OfService<'a> {
    about: &'a str,
    start: &'a StartRequest,
    account: &'a Account,
    /// The function's role, if it is known.
    role: Option<&'a str>,
}

impl OfService<'_> {
    fn report<'f>(&self, check: &'static str, findings: &'f mut Vec<Finding>) -> Report<'f> {
        Report::new(check, self.about, findings)
    }
}
