//! The two calls of EC2: about instances, and about network interfaces.
//!
//! Signed calls on the SDK's own parts (its orchestrator, signer, retries, form writer and XML reader), which
//! are dependencies of the other clients anyway. Compared with `aws-sdk-ec2` 1.274 (without default
//! features) in the release profile, on two cores, when DescribeInstances was the only call:
//!
//! | | this module | `aws-sdk-ec2` |
//! | --- | --- | --- |
//! | build | 4 min 41 s, with all dependencies | 10 min 41 s more, on top of these |
//! | stripped | 6,330,504 bytes | 6,693,568 bytes |
//! | zipped | 2,649,572 bytes | 2,772,191 bytes |
//!
//! The build time was the reason, more than the size. In debug that crate took 6 min 39 s and 7.5 GB of
//! memory.
//!
//! [The form of requests and errors](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html).

mod describe_instances;
mod describe_network_interfaces;
mod endpoint;
mod xml;

use aws_smithy_query::QueryWriter;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_xml::decode::XmlDecodeError;
use aws_types::SdkConfig;
use start_engines_core::call::CallError;
use start_engines_core::domain::instance::Ec2Instance;
use start_engines_core::domain::interface::{InterfaceQuery, NetworkInterface};

use self::describe_network_interfaces::Page;
use self::xml::Ec2Error;
use crate::error::call_error;
use crate::signed::{self, Place, form_request};

const API_VERSION: &str = "2016-11-15";
const DESCRIBE_INSTANCES: &str = "DescribeInstances";
const DESCRIBE_NETWORK_INTERFACES: &str = "DescribeNetworkInterfaces";

/// A query, and the token of its next page.
type InterfacesInput = (InterfaceQuery, Option<String>);

/// EC2's two calls.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    instances: Operation<String, Option<Ec2Instance>, Ec2Error>,
    interfaces: Operation<InterfacesInput, Page, Ec2Error>,
}

impl Client {
    /// With region, credentials, endpoint, HTTP client, retries and time limits of `config`.
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self {
            instances: operation(
                config,
                DESCRIBE_INSTANCES,
                |id| form_request(describe_instances::request(id)),
                describe_instances::read,
            ),
            interfaces: operation(
                config,
                DESCRIBE_NETWORK_INTERFACES,
                |input| form_request(describe_network_interfaces::request(input)),
                describe_network_interfaces::read,
            ),
        }
    }

    /// An EC2 instance; `None` if EC2 does not know it, or it has no address.
    pub(crate) async fn describe_instance(&self, id: &str) -> Result<Option<Ec2Instance>, CallError> {
        match self.instances.invoke(id.to_owned()).await {
            Ok(instance) => Ok(instance),
            Err(error) if error.as_service_error().is_some_and(Ec2Error::is_unknown_instance) => Ok(None),
            Err(error) => Err(call_error(DESCRIBE_INSTANCES, &error)),
        }
    }

    /// The network interfaces with any of the addresses or ids, of all pages.
    pub(crate) async fn describe_network_interfaces(
        &self,
        query: &InterfaceQuery,
    ) -> Result<Vec<NetworkInterface>, CallError> {
        let mut all = Vec::new();
        let mut next = None;
        loop {
            let page = self
                .interfaces
                .invoke((query.clone(), next))
                .await
                .map_err(|error| call_error(DESCRIBE_NETWORK_INTERFACES, &error))?;
            all.extend(page.interfaces);
            next = page.next;
            if next.is_none() {
                return Ok(all);
            }
        }
    }
}

fn operation<I, O>(
    config: &SdkConfig,
    name: &'static str,
    form: fn(&I) -> Result<HttpRequest, BoxError>,
    read: fn(&[u8]) -> Result<O, XmlDecodeError>,
) -> Operation<I, O, Ec2Error>
where
    I: std::fmt::Debug + Send + Sync + 'static,
    O: std::fmt::Debug + Send + Sync + 'static,
{
    signed::operation(config, place(config), name, form, move |response: &HttpResponse| {
        let body = response.body().bytes().unwrap_or_default();
        if response.status().is_success() {
            return read(body).map_err(OrchestratorError::other);
        }
        let error = xml::read_error(body).map_err(OrchestratorError::other)?;
        Err(OrchestratorError::operation(error))
    })
}

/// Where EC2 is, for the calls that only the command makes.
#[must_use]
pub fn place(config: &SdkConfig) -> Place {
    Place {
        name: "ec2",
        // Without a region, calls of ECS fail before this one is made.
        region: config.region().map(ToString::to_string).unwrap_or_default(),
        endpoint: endpoint::endpoint(config),
    }
}

/// The plain DNS suffix of a region's partition: `amazonaws.com`.
#[must_use]
pub fn dns_suffix(region: &str) -> &'static str {
    endpoint::dns_suffix(region)
}

/// The form of a request of one operation.
fn form(operation: &str, write: impl FnOnce(&mut QueryWriter<'_>)) -> String {
    let mut form = String::new();
    let mut writer = QueryWriter::new(&mut form, operation, API_VERSION);
    // EC2 may hide what a service manages, such as the interfaces of ECS's tasks, from those who do not ask for it
    // (aws-load-balancer-controller#4730).
    writer.prefix("IncludeManagedResources").boolean(true);
    write(&mut writer);
    writer.finish();
    form
}
