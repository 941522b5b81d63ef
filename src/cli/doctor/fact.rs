//! Something that was asked of AWS.

use start_engines_core::call::{CallError, ErrorKind};

use super::Report;

/// What is known of one thing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fact<T> {
    /// AWS's answer.
    Known(T),
    /// AWS says that there is no such thing.
    Absent,
    /// AWS was not asked, or did not answer: why, and what would help.
    Unread { why: String, repair: String },
}

impl<T> Fact<T> {
    /// Nothing was asked, for this reason.
    pub(crate) fn unread(why: impl Into<String>, repair: impl Into<String>) -> Self {
        Self::Unread {
            why: why.into(),
            repair: repair.into(),
        }
    }

    /// From a call's answer. `action` is the permission that the call needs.
    pub(crate) fn of(answer: Result<Option<T>, CallError>, action: &str) -> Self {
        match answer {
            Ok(Some(known)) => Self::Known(known),
            Ok(None) => Self::Absent,
            Err(error) if is_missing(&error) => Self::Absent,
            Err(error) => Self::from_error(&error, action),
        }
    }

    pub(crate) fn from_error(error: &CallError, action: &str) -> Self {
        match error.kind {
            ErrorKind::AccessDenied => Self::unread(
                format!("you may not call {action}"),
                "attach the policy doctorPolicyArn to your role",
            ),
            kind => Self::unread(format!("{}: {error}", kind.name()), "run doctor again"),
        }
    }

    /// The answer; else the report says why there is none. `absent` is its message if there is no such thing.
    pub(crate) fn known<'a>(&'a self, report: &mut Report<'_>, absent: &str, repair: &str) -> Option<&'a T> {
        match self {
            Self::Known(known) => Some(known),
            Self::Absent => {
                report.failure(absent, repair);
                None
            }
            Self::Unread { why, repair } => {
                report.not_checked(why.as_str(), repair.as_str());
                None
            }
        }
    }

    /// The answer, if there is one.
    pub(crate) fn get(&self) -> Option<&T> {
        match self {
            Self::Known(known) => Some(known),
            Self::Absent | Self::Unread { .. } => None,
        }
    }

    pub(crate) fn map<U>(self, with: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Self::Known(known) => Fact::Known(with(known)),
            Self::Absent => Fact::Absent,
            Self::Unread { why, repair } => Fact::Unread { why, repair },
        }
    }
}

/// Whether AWS answers that there is no such thing, by the errors that the API references of these services list.
pub(crate) fn is_missing(error: &CallError) -> bool {
    matches!(
        error.kind,
        ErrorKind::ResourceNotFound | ErrorKind::ClusterNotFound | ErrorKind::TargetGroupNotFound
    ) || matches!(
        error.code.as_deref().unwrap_or_default(),
        // Lambda, EventBridge, Scheduler and Secrets Manager have ResourceNotFoundException; SQS, ELB, ECR and IAM:
        "QueueDoesNotExist"
            | "AWS.SimpleQueueService.NonExistentQueue"
            | "LoadBalancerNotFound"
            | "RepositoryNotFoundException"
            | "ImageNotFoundException"
            | "NoSuchEntity"
    )
}
