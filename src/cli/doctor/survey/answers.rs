//! What an answer says of each thing that was asked for.

use std::collections::BTreeMap;

use start_engines_core::call::CallError;

use crate::aws::{CacheRule, EcrImage};
use crate::doctor::fact::Fact;
use crate::doctor::world::{Ask, Verdict};

/// An image that is not in ECR: where a pull-through cache has its repository, ECR fetches it when it is pulled for the first
/// time (<https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-working-pulling.html>).
pub(super) fn not_in_ecr(image: &str, rules: &Fact<Vec<CacheRule>>) -> Fact<()> {
    let repository = EcrImage::parse(image).map_or("", |image| image.repository);
    match rules {
        Fact::Known(rules) => match rules.iter().find(|rule| rule.is_of(repository)) {
            Some(rule) => Fact::unread(
                format!(
                    "{image} is not in ECR yet: a pull-through cache fetches it from {} when it is first pulled; whether it \
                     is there is not looked at",
                    rule.upstream
                ),
                "",
            ),
            None => Fact::Absent,
        },
        Fact::Absent => Fact::Absent,
        Fact::Unread { why, repair } => Fact::unread(
            format!("{image} is not in ECR, and whether a pull-through cache would fetch it is not known: {why}"),
            repair.as_str(),
        ),
    }
}

/// IAM's answer to each question; what it has not answered is neither a yes nor a no.
pub(super) fn verdicts(
    asks: Vec<Ask>,
    answer: &Result<BTreeMap<Ask, Verdict>, CallError>,
    action: &str,
) -> Vec<(Ask, Fact<Verdict>)> {
    let verdict = |ask: Ask| {
        let fact = match answer {
            Ok(found) => found.get(&ask).cloned().map_or_else(
                || {
                    let why = format!("IAM's simulator says nothing of {} on {}", ask.action, ask.resource);
                    Fact::unread(why, "run doctor again")
                },
                Fact::Known,
            ),
            Err(error) => Fact::of(Err(error.clone()), action),
        };
        (ask, fact)
    };
    asks.into_iter().map(verdict).collect()
}

/// What the answer has of each; what it lacks does not exist.
pub(super) fn each<K: Ord, T: Clone>(
    keys: Vec<K>,
    answer: &Result<BTreeMap<K, T>, CallError>,
    action: &str,
) -> Vec<(K, Fact<T>)> {
    let fact = |key: &K| match answer {
        Ok(found) => found.get(key).cloned().map_or(Fact::Absent, Fact::Known),
        Err(error) => Fact::of(Err(error.clone()), action),
    };
    keys.into_iter()
        .map(|key| {
            let fact = fact(&key);
            (key, fact)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_simulator_does_not_answer_is_neither_allowed_nor_denied() {
        let ask = |resource: &str| Ask {
            role: "arn:aws:iam::111122223333:role/start-engines".to_owned(),
            action: "iam:PassRole",
            resource: resource.to_owned(),
            context: Vec::new(),
        };
        let answer = Ok(BTreeMap::from([(ask("a"), Verdict::Allowed)]));
        let told: BTreeMap<Ask, Fact<Verdict>> =
            verdicts(vec![ask("a"), ask("b")], &answer, "iam:SimulatePrincipalPolicy")
                .into_iter()
                .collect();
        assert_eq!(told[&ask("a")], Fact::Known(Verdict::Allowed));
        let Fact::Unread { why, .. } = &told[&ask("b")] else {
            panic!("{told:?}");
        };
        assert_eq!(why, "IAM's simulator says nothing of iam:PassRole on b");
    }
}
