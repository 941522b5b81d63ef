//! How requests get to AWS: settings of the environment, endpoints, HTTP and TLS.

pub(crate) mod endpoint;
pub(crate) mod environment;
pub(crate) mod http;
pub(crate) mod tls;
