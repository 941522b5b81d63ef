//! How requests get to AWS: settings of the environment, endpoints, HTTP and TLS.

pub mod endpoint;
pub mod environment;
pub mod http;
pub mod tls;
