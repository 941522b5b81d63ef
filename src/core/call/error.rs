//! A call that failed, and what its error code means: its kind, whether a retry can help, and what follows for the
//! targets of the call.

use std::fmt;

use crate::domain::arn::TaskArn;

/// A call that failed, after the SDK's own retries.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{operation} failed with {}: {message}", self.code_or_kind())]
pub struct CallError {
    /// The operation, as the API names it: `RunTask`.
    pub operation: &'static str,
    /// The kind of error.
    pub kind: ErrorKind,
    /// AWS's error code; `None` if AWS did not answer, or the answer has no code.
    pub code: Option<String>,
    /// AWS's message, or the chain of errors if there was no answer.
    pub message: String,
    /// Of RunTask's conflict, `resourceIds`: the tasks that exist for the client token.
    pub conflicting_tasks: Vec<TaskArn>,
}

impl CallError {
    fn code_or_kind(&self) -> &str {
        self.code.as_deref().unwrap_or_else(|| self.kind.name())
    }
}

/// The kinds of errors, distinguished by AWS's error code; by its message only in the table of [`super::error_texts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// Too many calls; the SDK has retried already.
    Throttled,
    /// IAM denies the call.
    AccessDenied,
    /// The credentials are missing or refused.
    Credentials,
    /// The cluster does not exist.
    ClusterNotFound,
    /// ConflictException. Of CreateSchedule: a schedule of this name exists. Of RunTask: the client token was used
    /// with other parameters.
    Conflict,
    /// RunTask's exception that nothing in the cluster can run the tasks now. ECS stores nothing under the client
    /// token, so another placement can be tried with the same token.
    NoCapacity,
    /// A parameter is invalid.
    InvalidParameter,
    /// ECS's ClientException, for example for a task definition that does not exist.
    ClientException,
    /// ECS has blocked the account (BlockedException).
    Blocked,
    /// The platform version does not exist, or does not support the task definition.
    PlatformUnsupported,
    /// The feature is not supported in the region.
    UnsupportedFeature,
    /// The task, or the schedule group, does not exist.
    ResourceNotFound,
    /// The target group does not exist.
    TargetGroupNotFound,
    /// The target group cannot have such a target.
    InvalidTarget,
    /// The target group or the load balancer has reached its quota of targets.
    TooManyTargets,
    /// An internal error of AWS.
    Server,
    /// The connection failed or broke: the call may have been applied.
    Unreachable,
    /// No answer in time: the call may have been applied.
    TimedOut,
    /// The call was not sent, since its turn under `API_RATES` would have come too late, or its time was over before.
    NotSent,
    /// The answer could not be parsed.
    Unreadable,
    /// A code that this version does not know.
    Unknown,
}

impl ErrorKind {
    /// Every kind once, in the order of declaration; the categories of failures include them.
    pub const ALL: [Self; 21] = [
        Self::Throttled,
        Self::AccessDenied,
        Self::Credentials,
        Self::ClusterNotFound,
        Self::Conflict,
        Self::NoCapacity,
        Self::InvalidParameter,
        Self::ClientException,
        Self::Blocked,
        Self::PlatformUnsupported,
        Self::UnsupportedFeature,
        Self::ResourceNotFound,
        Self::TargetGroupNotFound,
        Self::InvalidTarget,
        Self::TooManyTargets,
        Self::Server,
        Self::Unreachable,
        Self::TimedOut,
        Self::NotSent,
        Self::Unreadable,
        Self::Unknown,
    ];

    /// From AWS's error code; from the HTTP status only if there is no code that this version knows.
    #[must_use]
    pub fn of_code(code: Option<&str>, status: u16) -> Self {
        match code.unwrap_or_default() {
            "ThrottlingException"
            | "Throttling"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "TooManyRequestsException"
            | "RequestLimitExceeded" => Self::Throttled,
            "AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation" => Self::AccessDenied,
            "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "ExpiredTokenException"
            | "ExpiredToken"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "AuthFailure"
            | "IncompleteSignature" => Self::Credentials,
            "ClusterNotFoundException" => Self::ClusterNotFound,
            "ConflictException" => Self::Conflict,
            "InvalidParameterException"
            | "ValidationError"
            | "ValidationException"
            | "InvalidParameterValue"
            // EC2, of a parameter that a region does not know.
            | "UnknownParameter" => {
                Self::InvalidParameter
            }
            "ClientException" => Self::ClientException,
            "BlockedException" => Self::Blocked,
            "PlatformTaskDefinitionIncompatibilityException" | "PlatformUnknownException" => Self::PlatformUnsupported,
            "UnsupportedFeatureException" => Self::UnsupportedFeature,
            "ResourceNotFoundException" => Self::ResourceNotFound,
            "ServiceQuotaExceededException" => Self::Throttled,
            "TargetGroupNotFound" | "TargetGroupNotFoundException" => Self::TargetGroupNotFound,
            "InvalidTarget" | "InvalidTargetException" => Self::InvalidTarget,
            "TooManyTargets"
            | "TooManyTargetsException"
            | "TooManyRegistrationsForTargetId"
            | "TooManyRegistrationsForTargetIdException" => Self::TooManyTargets,
            "ServerException"
            | "InternalFailure"
            | "InternalError"
            | "InternalServerError"
            | "ServiceUnavailable"
            | "Unavailable"
            | "ServiceUnavailableException" => Self::Server,
            _ if status == 429 => Self::Throttled,
            _ if status >= 500 => Self::Server,
            _ => Self::Unknown,
        }
    }

    /// The error type: the fixed name for metrics, logs and Lambda's `errorType`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::AccessDenied => "access_denied",
            Self::Credentials => "credentials",
            Self::ClusterNotFound => "cluster_not_found",
            Self::Conflict => "client_token_conflict",
            Self::NoCapacity => "capacity_unavailable",
            Self::InvalidParameter => "invalid_parameter",
            Self::ClientException => "client_exception",
            Self::Blocked => "account_blocked",
            Self::PlatformUnsupported => "platform_unsupported",
            Self::UnsupportedFeature => "unsupported_feature",
            Self::ResourceNotFound => "resource_not_found",
            Self::TargetGroupNotFound => "target_group_not_found",
            Self::InvalidTarget => "invalid_target",
            Self::TooManyTargets => "too_many_targets",
            Self::Server => "server_error",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::NotSent => "not_sent",
            Self::Unreadable => "unreadable_answer",
            Self::Unknown => "unknown_aws_error",
        }
    }

    /// Whether the same call can succeed later without any change by a person.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        match self {
            // After a conflict, the other request may still be in progress.
            Self::Throttled
            | Self::Conflict
            | Self::NoCapacity
            | Self::Server
            | Self::Unreachable
            | Self::TimedOut
            | Self::NotSent
            | Self::Unreadable
            | Self::Unknown => true,
            Self::AccessDenied
            | Self::Credentials
            | Self::ClusterNotFound
            | Self::InvalidParameter
            | Self::ClientException
            | Self::Blocked
            | Self::PlatformUnsupported
            | Self::UnsupportedFeature
            | Self::ResourceNotFound
            | Self::TargetGroupNotFound
            | Self::InvalidTarget
            | Self::TooManyTargets => false,
        }
    }

    /// Whether AWS may have refused a call of many items because of one of them, so that each half should be tried
    /// alone. Errors of the account, the whole target group or the moment would be the same for each half.
    #[must_use]
    pub const fn may_concern_one_item(self) -> bool {
        match self {
            Self::InvalidTarget
            | Self::InvalidParameter
            | Self::TooManyTargets
            | Self::ClientException
            | Self::Unreadable
            | Self::Unknown => true,
            Self::Throttled
            | Self::AccessDenied
            | Self::Credentials
            | Self::ClusterNotFound
            | Self::Conflict
            | Self::NoCapacity
            | Self::Blocked
            | Self::PlatformUnsupported
            | Self::UnsupportedFeature
            | Self::ResourceNotFound
            | Self::TargetGroupNotFound
            | Self::Server
            | Self::Unreachable
            | Self::TimedOut
            | Self::NotSent => false,
        }
    }

    /// For RegisterTargets: whether the target group certainly refused one of the targets, so that the others are found by
    /// halves even where each call costs time of a reconcile.
    #[must_use]
    pub const fn is_of_one_target(self) -> bool {
        matches!(self, Self::InvalidParameter | Self::InvalidTarget)
    }

    /// For a call about targets: whether the target group does not exist or cannot have such a target, so that it
    /// certainly is not registered.
    #[must_use]
    pub const fn is_gone(self) -> bool {
        matches!(self, Self::TargetGroupNotFound | Self::InvalidTarget)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_decide_and_statuses_only_without_a_known_code() {
        assert_eq!(
            ErrorKind::of_code(Some("ThrottlingException"), 400),
            ErrorKind::Throttled
        );
        assert_eq!(ErrorKind::of_code(Some("Throttling"), 400), ErrorKind::Throttled);
        assert_eq!(ErrorKind::of_code(None, 503), ErrorKind::Server);
        assert_eq!(ErrorKind::of_code(None, 429), ErrorKind::Throttled);
        assert_eq!(ErrorKind::of_code(Some("BrandNewException"), 400), ErrorKind::Unknown);
        assert!(ErrorKind::Unknown.is_transient());
    }

    #[test]
    fn the_list_has_each_kind_once() {
        let place = |kind: ErrorKind| match kind {
            ErrorKind::Throttled => 0,
            ErrorKind::AccessDenied => 1,
            ErrorKind::Credentials => 2,
            ErrorKind::ClusterNotFound => 3,
            ErrorKind::Conflict => 4,
            ErrorKind::NoCapacity => 5,
            ErrorKind::InvalidParameter => 6,
            ErrorKind::ClientException => 7,
            ErrorKind::Blocked => 8,
            ErrorKind::PlatformUnsupported => 9,
            ErrorKind::UnsupportedFeature => 10,
            ErrorKind::ResourceNotFound => 11,
            ErrorKind::TargetGroupNotFound => 12,
            ErrorKind::InvalidTarget => 13,
            ErrorKind::TooManyTargets => 14,
            ErrorKind::Server => 15,
            ErrorKind::Unreachable => 16,
            ErrorKind::TimedOut => 17,
            ErrorKind::NotSent => 18,
            ErrorKind::Unreadable => 19,
            ErrorKind::Unknown => 20,
        };
        let places: Vec<usize> = ErrorKind::ALL.into_iter().map(place).collect();
        assert_eq!(places, (0..21).collect::<Vec<usize>>());
    }
}
