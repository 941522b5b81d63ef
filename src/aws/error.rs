//! Translates the SDK's errors; what AWS's codes and texts mean is in [`start_engines_core::call::error`] and
//! [`start_engines_core::call::error_texts`].

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use start_engines_core::call::{CallError, ErrorKind, error_texts};

/// The SDK's error of `operation` as a [`CallError`].
pub fn call_error<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> CallError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let make = |kind, code: Option<&str>, message| CallError {
        operation,
        kind,
        code: code.map(str::to_owned),
        conflicting_tasks: Vec::new(),
        message,
    };
    match error {
        SdkError::ServiceError(service) => {
            let (code, status) = (service.err().code(), service.raw().status().as_u16());
            let message = service
                .err()
                .message()
                .map_or_else(|| format!("HTTP status {status}"), str::to_owned);
            let kind = error_texts::kind_of(operation, code, &message, status);
            make(kind, code, message)
        }
        SdkError::TimeoutError(_) => make(ErrorKind::TimedOut, None, chain(error)),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => make(ErrorKind::TimedOut, None, chain(error)),
        SdkError::DispatchFailure(failure) if failure.is_io() => make(ErrorKind::Unreachable, None, chain(error)),
        // No credentials to sign with: nothing was sent to AWS.
        SdkError::DispatchFailure(_) if is_of_credentials(error) => make(ErrorKind::Credentials, None, chain(error)),
        // The request could not be built: a value that the API's shapes do not allow.
        SdkError::ConstructionFailure(_) => make(ErrorKind::InvalidParameter, None, chain(error)),
        // An HTML page from a proxy or an overloaded front end: only its status is useful.
        SdkError::ResponseError(response) if response.raw().status().as_u16() >= 400 => {
            let status = response.raw().status().as_u16();
            make(
                ErrorKind::of_code(None, status),
                None,
                format!("HTTP status {status} with an unreadable body"),
            )
        }
        SdkError::ResponseError(_) => make(ErrorKind::Unreadable, None, chain(error)),
        _ => make(ErrorKind::Unreachable, None, chain(error)),
    }
}

/// Whether missing or wrong credentials are the cause.
fn is_of_credentials(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<CredentialsError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// An error with all its sources.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
