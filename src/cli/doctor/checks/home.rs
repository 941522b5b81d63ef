//! Whether the command looks at the function's own account and region.
//!
//! Most reads name things without an account: with the credentials of another one, or in another region, AWS would answer
//! that there is nothing of the kind, which says nothing of the deployment.

use start_engines_core::domain::arn::FunctionArn;

use crate::doctor::world::{Looker, World};
use crate::doctor::{Finding, Level, Report};

/// The name of the check.
const CHECK: &str = "account";

/// Why all else would be about another account or region, with what to do; none if it is not known that it would.
pub(crate) fn elsewhere(looker: &Looker, function: &FunctionArn) -> Option<Finding> {
    let scope = function.scope()?;
    let name = function.name();
    let finding = |message, repair| Finding {
        check: CHECK,
        level: Level::NotChecked,
        about: name.to_owned(),
        message,
        repair,
    };
    if let Some(account) = looker.account.get().filter(|account| **account != scope.account) {
        let why = format!(
            "your credentials are of the account {account}, and {name} is in {}: nothing was looked at",
            scope.account
        );
        let repair = format!(
            "use credentials of {} (--profile, AWS_PROFILE, or a role of it), or correct --function",
            scope.account
        );
        return Some(finding(why, repair));
    }
    (looker.region != scope.region).then(|| {
        let why = format!(
            "your region is {}, and {name} is in {}: nothing was looked at",
            looker.region, scope.region
        );
        finding(why, format!("give --region {}, or correct --function", scope.region))
    })
}

pub(super) fn check(world: &World, findings: &mut Vec<Finding>) {
    let mut report = Report::new(CHECK, world.deployment.arn.name(), findings);
    let absent = "AWS does not say whose your credentials are";
    if let Some(account) = world.looker.account.known(&mut report, absent, "run doctor again") {
        report.well(format!("{account}, {}", world.looker.region));
    }
}
