//! What the id is that `trace` was given: a task, an event, a correlation id, or a service.
//!
//! Must not make calls: what an id fits is asked by `commands::trace`.

use start_engines_core::domain::arn::TaskArn;

/// The longest id: a correlation id and a service's name are tags, with at most 256 characters
/// ([Tag](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tag.html)); a task's ARN has more.
const MAX_CHARACTERS: usize = 2048;
/// The fewest characters of a task's id that stand for it.
pub const MIN_BEGINNING: usize = 6;

/// The kind of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
pub enum Kind {
    /// A task, by ARN, id, or the beginning of its id.
    Task,
    /// The event of a start, or its idempotency key.
    Event,
    /// The correlation id of a start.
    Correlation,
    /// A service: its newest start.
    Service,
}

impl Kind {
    /// The name in JSON and for `--as`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Event => "event",
            Self::Correlation => "correlation",
            Self::Service => "service",
        }
    }

    /// The words in messages.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Task => "a task",
            Self::Event => "the event of a start",
            Self::Correlation => "a correlation id",
            Self::Service => "a service",
        }
    }
}

/// An id that is sound, before anything was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Id {
    /// As it was given.
    pub text: String,
    /// The ARN, if it is a task's.
    pub arn: Option<TaskArn>,
}

/// Why an id is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsound {
    /// It has none or too many characters.
    #[error("must have 1 to {MAX_CHARACTERS} characters")]
    Length,
    /// No event, task or service has such an id, and a filter pattern could not quote it.
    #[error("must have no quotation marks, backslashes or control characters")]
    Characters,
    /// An ARN that is no task's.
    #[error("is an ARN, but not a task's")]
    OtherArn,
}

impl Id {
    /// Checks an id.
    ///
    /// # Errors
    /// With the rule that it breaks.
    pub fn read(text: &str) -> Result<Self, Unsound> {
        if !(1..=MAX_CHARACTERS).contains(&text.chars().count()) {
            return Err(Unsound::Length);
        }
        if text.chars().any(|c| c.is_control() || c == '"' || c == '\\') {
            return Err(Unsound::Characters);
        }
        let arn: Option<TaskArn> = text.parse().ok();
        if arn.is_none() && text.starts_with("arn:") {
            return Err(Unsound::OtherArn);
        }
        Ok(Self {
            text: text.to_owned(),
            arn,
        })
    }

    /// The task's id: the last part of the ARN, or a whole id.
    #[must_use]
    pub fn task_id(&self) -> Option<&str> {
        let is_whole = self.text.len() == 32 && is_hex(&self.text);
        self.arn.as_ref().map(TaskArn::id).or(is_whole.then_some(&*self.text))
    }

    /// Whether it may be the beginning of a task's id.
    #[must_use]
    pub fn may_begin_a_task(&self) -> bool {
        (MIN_BEGINNING..32).contains(&self.text.len()) && is_hex(&self.text)
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// A filter pattern for the lines that contain a text: "enclose exact phrases and terms that include non-alphanumeric
/// characters in double quotation marks"
/// ([filter patterns](https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html)).
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

/// A filter pattern for the starts of a service: its name alone would match every line of its tasks
/// ([JSON patterns](https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html)).
#[must_use]
pub fn starts_of(service: &str) -> String {
    format!("{{ $.detailType = \"Start ECS Task\" && $.service = \"{service}\" }}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_refused_with_the_rule_that_it_breaks() {
        for (text, rule) in [
            ("", Unsound::Length),
            ("a\"b", Unsound::Characters),
            ("a\\b", Unsound::Characters),
            ("a\nb", Unsound::Characters),
            ("arn:aws:ecs:us-east-1:111122223333:cluster/engines", Unsound::OtherArn),
        ] {
            assert_eq!(Id::read(text), Err(rule), "{text:?}");
        }
        assert_eq!(Id::read(&"x".repeat(2049)), Err(Unsound::Length));
    }

    #[test]
    fn a_task_is_known_by_its_arn_and_by_its_whole_id() {
        let id = "9c70423078253913200a3450779974e8";
        let arn = format!("arn:aws:ecs:us-east-1:111122223333:task/engines/{id}");
        assert_eq!(Id::read(&arn).unwrap().task_id(), Some(id));
        assert_eq!(Id::read(id).unwrap().task_id(), Some(id));
        let beginning = Id::read("9c704230").unwrap();
        assert!(beginning.task_id().is_none() && beginning.may_begin_a_task());
        for other in ["9c70", "auth", "7d1b2c3e-0000-4000-8000-000000000001"] {
            let other = Id::read(other).unwrap();
            assert!(other.task_id().is_none() && !other.may_begin_a_task(), "{other:?}");
        }
    }

    #[test]
    fn patterns_quote_the_id() {
        assert_eq!(quoted("e-1"), "\"e-1\"");
        assert_eq!(
            starts_of("auth"),
            "{ $.detailType = \"Start ECS Task\" && $.service = \"auth\" }"
        );
    }
}
