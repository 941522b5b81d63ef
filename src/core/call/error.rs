//! A call that failed, and what its error means by AWS's error code: its kind, whether a retry can help, and what it says of
//! the targets of the call.

use std::fmt;

use crate::domain::arn::TaskArn;

/// A call that failed, after the SDK's own retries.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{operation} failed with {}: {message}", self.code_or_kind())]
pub struct CallError {
    /// The API's name for the call.
    pub operation: &'static str,
    /// What kind of error it is.
    pub kind: ErrorKind,
    /// AWS's error code, if AWS answered.
    pub code: Option<String>,
    /// AWS's message, or the chain of what went wrong on the way.
    pub message: String,
    /// Of RunTask's conflict, `resourceIds`: the tasks that exist for the client token.
    pub conflicting_tasks: Vec<TaskArn>,
}

impl CallError {
    fn code_or_kind(&self) -> &str {
        self.code.as_deref().unwrap_or_else(|| self.kind.name())
    }
}

/// Kinds of errors, told apart by AWS's error code; by its message only where the adapter's one table of texts has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// Too many calls; the SDK has retried already.
    Throttled,
    /// IAM says no.
    AccessDenied,
    /// The credentials are missing or refused.
    Credentials,
    /// No such cluster.
    ClusterNotFound,
    /// It exists already: of RunTask, the client token was used with other parameters, and these tasks
    /// exist.
    Conflict,
    /// RunTask has raised that nothing in the cluster takes the tasks now. It keeps nothing under the client
    /// token: another placement may be tried with the same one.
    NoCapacity,
    /// A parameter is not valid.
    InvalidParameter,
    /// ECS's ClientException: no such task definition, say.
    ClientException,
    /// The account is blocked.
    Blocked,
    /// The platform version is unknown, or not fit for the task definition.
    PlatformUnsupported,
    /// The region does not have the feature.
    UnsupportedFeature,
    /// No such task, or no such schedule group.
    ResourceNotFound,
    /// No such target group.
    TargetGroupNotFound,
    /// The target does not fit the group.
    InvalidTarget,
    /// The group, or the load balancer, is full.
    TooManyTargets,
    /// AWS's own failure.
    Server,
    /// No connection, or one that broke: the call may have been applied.
    Unreachable,
    /// No answer in time: the call may have been applied.
    TimedOut,
    /// An answer that makes no sense.
    Unreadable,
    /// A code that this version does not know.
    Unknown,
}

impl ErrorKind {
    /// All of them.
    pub const ALL: [Self; 20] = [
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
        Self::Unreadable,
        Self::Unknown,
    ];

    /// By AWS's error code, and by the HTTP status only where there is no code that this version knows.
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
            "InvalidParameterException" | "ValidationError" | "ValidationException" | "InvalidParameterValue" => {
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

    /// The fixed name for metrics, logs and Lambda's `errorType`.
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
            Self::Unreadable => "unreadable_answer",
            Self::Unknown => "unknown_aws_error",
        }
    }

    /// Whether the same call can succeed later with nobody changing anything.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        match self {
            // Of a conflict, the other request may be under way still.
            Self::Throttled
            | Self::Conflict
            | Self::NoCapacity
            | Self::Server
            | Self::Unreachable
            | Self::TimedOut
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

    /// Whether it can be that AWS refuses the whole for a single one of its things. What it says of the
    /// account, of the whole group or of the moment, it would say of each half, too.
    #[must_use]
    pub const fn may_be_of_one(self) -> bool {
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
            | Self::TimedOut => false,
        }
    }

    /// Of a call about targets: the group is gone, or takes no such target, and so never had it. Nothing is registered.
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
    fn codes_decide_and_statuses_only_where_there_is_no_known_code() {
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
            ErrorKind::Unreadable => 18,
            ErrorKind::Unknown => 19,
        };
        let places: Vec<usize> = ErrorKind::ALL.into_iter().map(place).collect();
        assert_eq!(places, (0..20).collect::<Vec<usize>>());
    }
}
