//! The same requests and the same retries as the SDK's own clients make.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, StaticTimeSource};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_types::region::Region;

use super::*;
use crate::error::call_error;
use crate::timed;

/// What AWS answers: a status, headers and a body, or nothing at all.
type Reply = Option<(u16, &'static [(&'static str, &'static str)], &'static str)>;
/// What it answers time after time.
type Answers = &'static [Reply];

/// Answers the requests and keeps what can be compared of them.
#[derive(Clone, Debug, Default)]
struct Recorder {
    answers: Answers,
    requests: Arc<Mutex<Vec<BTreeMap<String, String>>>>,
}

impl HttpConnector for Recorder {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut requests = self.requests.lock().unwrap();
        let answer = self.answers.get(requests.len()).copied().unwrap_or(SUCCESS);
        requests.push(comparable(&request));
        HttpConnectorFuture::ready(match answer {
            Some((status, headers, body)) => {
                let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
                for (name, value) in headers {
                    response.headers_mut().insert(*name, *value);
                }
                Ok(response)
            }
            None => Err(ConnectorError::io("no answer".into())),
        })
    }
}

impl HttpClient for Recorder {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// All of a request but what is new each time, and the codes of the features used.
fn comparable(request: &HttpRequest) -> BTreeMap<String, String> {
    let body = String::from_utf8(request.body().bytes().unwrap().to_vec()).unwrap();
    let mut all = BTreeMap::from([
        ("method".to_owned(), request.method().to_owned()),
        ("uri".to_owned(), request.uri().to_owned()),
        ("body".to_owned(), body),
    ]);
    for (name, value) in request.headers() {
        let value = match name {
            "amz-sdk-invocation-id" => "one".to_owned(),
            "authorization" => value.split(", Signature=").next().unwrap().to_owned(),
            "user-agent" | "x-amz-user-agent" => {
                let words = value.split(' ').filter(|word| !word.starts_with("m/"));
                words.collect::<Vec<_>>().join(" ")
            }
            _ => value.to_owned(),
        };
        all.insert(name.to_owned(), value);
    }
    all
}

const SUCCESS: Reply = Some((200, &[], "{}"));
const XML: Reply = Some((
    200,
    &[("content-type", "text/xml")],
    "<Response><RegisterTargetsResult/><DeregisterTargetsResult/></Response>",
));

struct Settings {
    region: &'static str,
    fips: bool,
    dual_stack: bool,
    url: Option<&'static str>,
}

const PLAIN: Settings = Settings {
    region: "us-east-1",
    fips: false,
    dual_stack: false,
    url: None,
};

fn config(settings: &Settings, recorder: &Recorder) -> SdkConfig {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let credentials = Credentials::new("AKIDEXAMPLE", "not-a-secret", Some("token".to_owned()), None, "test");
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(settings.region))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .identity_cache(IdentityCache::no_cache())
        .use_fips(settings.fips)
        .use_dual_stack(settings.dual_stack)
        .time_source(SharedTimeSource::new(StaticTimeSource::new(now)))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .http_client(recorder.clone());
    config.set_endpoint_url(settings.url.map(str::to_owned));
    let config = timed(&config.build());
    // The same attempts, without the pauses.
    let retries = config.retry_config().unwrap().clone();
    let retries = retries.with_initial_backoff(Duration::from_millis(1));
    config.into_builder().retry_config(retries).build()
}

/// Sends a request with the SDK's own client and with this one; fails unless both did the same. Returns the requests.
macro_rules! both {
    ($settings:expr, $answers:expr, $service:ident, $sdk:ident, $module:ident $input:ident, $($field:tt)*) => {{
        let (theirs, ours) = (recorder($answers), recorder($answers));
        let name = <$sdk::operation::$module::$input as Request>::NAME;
        let client = $sdk::Client::new(&config($settings, &theirs));
        let expected = client.$module() $($field)* .send().await;
        let expected = expected.map_err(|error| call_error(name, &error));
        let client = Client::new(Service::$service, &config($settings, &ours));
        let request = $sdk::operation::$module::$input::builder() $($field)* .build();
        let found = client.send(request).await.map_err(|error| call_error(name, &error));
        assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{name}");
        let requests = ours.requests.lock().unwrap().clone();
        assert_eq!(requests, *theirs.requests.lock().unwrap(), "{name}");
        requests
    }};
}

fn recorder(answers: Answers) -> Recorder {
    Recorder {
        answers,
        ..Recorder::default()
    }
}

#[tokio::test]
async fn every_operation_is_sent_as_the_sdks_own_client_sends_it() {
    let mut sent = Vec::new();
    macro_rules! xml {
        ($($call:tt)*) => {
            sent.extend(both!(&PLAIN, &[XML], $($call)*))
        };
    }
    macro_rules! json {
        ($($call:tt)*) => {
            sent.extend(both!(&PLAIN, &[SUCCESS], $($call)*))
        };
    }
    json!(Ecs, aws_sdk_ecs, describe_container_instances DescribeContainerInstancesInput,
        .cluster("engines").container_instances("one"));
    json!(Ecs, aws_sdk_ecs, describe_task_definition DescribeTaskDefinitionInput, .task_definition("auth:7"));
    json!(Ecs, aws_sdk_ecs, describe_tasks DescribeTasksInput, .cluster("engines").tasks("one").tasks("two"));
    json!(Ecs, aws_sdk_ecs, list_tasks ListTasksInput, .cluster("engines").started_by("us").next_token("page"));
    json!(Ecs, aws_sdk_ecs, run_task RunTaskInput, .cluster("engines").task_definition("auth").client_token("one"));
    json!(Ecs, aws_sdk_ecs, stop_task StopTaskInput, .cluster("engines").task("one").reason("over"));
    json!(Ecs, aws_sdk_ecs, tag_resource TagResourceInput, .resource_arn("one"));
    xml!(Elbv2, aws_sdk_elasticloadbalancingv2, deregister_targets DeregisterTargetsInput, .target_group_arn("one"));
    xml!(Elbv2, aws_sdk_elasticloadbalancingv2,
        describe_target_group_attributes DescribeTargetGroupAttributesInput, .target_group_arn("one"));
    xml!(Elbv2, aws_sdk_elasticloadbalancingv2,
        describe_target_groups DescribeTargetGroupsInput, .target_group_arns("a").target_group_arns("b"));
    xml!(Elbv2, aws_sdk_elasticloadbalancingv2,
        describe_target_health DescribeTargetHealthInput, .target_group_arn("one"));
    xml!(Elbv2, aws_sdk_elasticloadbalancingv2, register_targets RegisterTargetsInput, .target_group_arn("one"));
    json!(EventBridge, aws_sdk_eventbridge, put_events PutEventsInput, .set_entries(Some(Vec::new())));
    json!(Scheduler, aws_sdk_scheduler, create_schedule CreateScheduleInput, .name("stop").client_token("one"));
    assert_eq!(sent.len(), 14);
}

#[tokio::test]
async fn wherever_the_settings_point_it_is_where_the_sdks_own_client_goes() {
    let regions = [
        "us-east-1",
        "ap-southeast-7",
        "mx-central-1",
        "il-central-1",
        "us-gov-west-1",
        "cn-north-1",
        "eusc-de-east-1",
        "us-iso-east-1",
        "us-isob-east-1",
        "eu-isoe-west-1",
        "us-isof-south-1",
        "aws-global",
        "zz-nowhere-1",
        "US-East-1",
        "no_host_label",
        "",
    ];
    let mut sent = 0;
    for region in regions {
        for [fips, dual_stack, custom] in (0..8).map(|bits| [bits & 1, bits & 2, bits & 4].map(|bit| bit > 0)) {
            let urls: &[_] = if custom {
                &[Some("https://localhost:8443"), Some("not a URL")]
            } else {
                &[None]
            };
            for url in urls.iter().copied() {
                let settings = Settings {
                    region,
                    fips,
                    dual_stack,
                    url,
                };
                sent += both!(&settings, &[], Ecs, aws_sdk_ecs, stop_task StopTaskInput, .task("one")).len();
                sent += both!(&settings, &[XML], Elbv2, aws_sdk_elasticloadbalancingv2,
                    register_targets RegisterTargetsInput, .target_group_arn("one"))
                .len();
                sent += both!(&settings, &[], EventBridge, aws_sdk_eventbridge, put_events PutEventsInput,
                    .set_entries(Some(Vec::new())))
                .len();
                sent += both!(&settings, &[], Scheduler, aws_sdk_scheduler, create_schedule CreateScheduleInput,
                    .name("stop").client_token("one"))
                .len();
            }
        }
    }
    assert!(sent > 200, "only {sent} requests were sent at all");
}

#[tokio::test]
async fn errors_are_retried_as_the_sdks_own_client_retries_them() {
    const UNAVAILABLE: Reply = Some((503, &[], ""));
    const THROTTLED: Reply = Some((400, &[], r#"{"__type": "ThrottlingException"}"#));
    const REFUSED: Reply = Some((400, &[], r#"{"__type": "ClientException", "message": "no"}"#));
    const SERVER: Reply = Some((500, &[], r#"{"__type": "ServerException"}"#));
    // An hour after the clock that requests are signed by.
    const SKEWED: Reply = Some((
        400,
        &[("date", "Fri, 15 Jan 2027 09:00:00 GMT")],
        r#"{"__type": "RequestTimeTooSkewed"}"#,
    ));
    let cases: [(Answers, usize); 8] = [
        (&[REFUSED], 1),
        (&[UNAVAILABLE, SUCCESS], 2),
        (&[None, SUCCESS], 2),
        (&[THROTTLED, THROTTLED, SUCCESS], 3),
        (&[THROTTLED, THROTTLED, THROTTLED, SUCCESS], 3),
        (&[SERVER, SERVER, SERVER, SUCCESS], 3),
        (&[SKEWED, SUCCESS], 2),
        (&[UNAVAILABLE, REFUSED], 2),
    ];
    for (answers, attempts) in cases {
        let requests = both!(&PLAIN, answers, Ecs, aws_sdk_ecs, stop_task StopTaskInput, .task("one"));
        assert_eq!(requests.len(), attempts, "{answers:?}");
    }
    let failed: Answers = &[
        Some((
            400,
            &[],
            "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>",
        )),
        Some((
            400,
            &[],
            "<ErrorResponse><Error><Code>TargetGroupNotFound</Code><Message>no</Message></Error></ErrorResponse>",
        )),
    ];
    let requests = both!(&PLAIN, failed, Elbv2, aws_sdk_elasticloadbalancingv2,
        register_targets RegisterTargetsInput, .target_group_arn("one"));
    assert_eq!(requests.len(), 2);
}
