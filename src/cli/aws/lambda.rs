//! Lambda Invoke of type Event: the function handles the event asynchronously, with Lambda's retries and its
//! on-failure destination, as if EventBridge had delivered it.
//!
//! [Invoke](https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html): status 202 means that Lambda has queued the
//! event.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use start_engines_aws::error::call_error;
use start_engines_core::call::{CallError, ErrorKind};

const OPERATION: &str = "Invoke";
const ACCEPTED: i32 = 202;

/// Invokes the function asynchronously.
pub(super) async fn invoke(client: &Client, function: &str, event: &str) -> Result<(), CallError> {
    let answer = client
        .invoke()
        .function_name(function)
        .invocation_type(InvocationType::Event)
        .payload(Blob::new(event))
        .send()
        .await
        .map_err(|error| call_error(OPERATION, &error))?;
    match answer.status_code() {
        ACCEPTED => Ok(()),
        other => Err(CallError {
            operation: OPERATION,
            kind: ErrorKind::Unknown,
            code: None,
            conflicting_tasks: Vec::new(),
            message: format!("Lambda answered with status {other} instead of 202: the event may not be queued"),
        }),
    }
}
