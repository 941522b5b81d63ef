//! The way of one request through the world: recorded, checked, met by faults and hooks, carried out, answered.

use hyper::Request;
use hyper::body::Bytes;
use serde_json::Value;

use super::faults::{self, Fault, HungCall, When};
use super::protocol::{self, Delivery, Reply};
use super::service::{ApiError, Service};
use super::world::{Call, World};
use super::{arns, shapes};

impl World {
    /// The way of one request: recorded, checked, hooks before, faults, applied, hooks
    /// after, answered.
    pub(super) fn receive(&mut self, request: &Request<Bytes>) -> Delivery {
        let Some((service, operation)) = protocol::identify(request) else {
            let what = format!("{} {}", request.method(), request.uri().path());
            let index = self.record("unknown", &what, Value::Null);
            let error = ApiError::new("UnknownOperationException", what);
            return self.finish(index, Service::Ecs, &Err(error));
        };
        let input = protocol::input(service, &operation, request);
        let recorded = input.as_ref().map_or(Value::Null, Value::clone);
        let index = self.record(service.name(), &operation, recorded);
        let checked = input.and_then(|input| {
            protocol::check_envelope(service, &self.region, request)?;
            shapes::check(service, &operation, &input)?;
            Ok(input)
        });
        let input = match checked {
            Ok(input) => input,
            Err(error) => return self.finish(index, service, &Err(error)),
        };
        let name = self.calls[index].name();
        self.run_hooks(&name, When::Before);
        match self.take_fault(&name) {
            None => {
                let result = self.apply_with_hooks(index, service, &input);
                self.finish(index, service, &result)
            }
            Some(Fault::Throttle) => self.finish(index, service, &Err(faults::throttling(service))),
            Some(Fault::Error { status, code, message }) => {
                let error = ApiError::new(&code, message).with_status(status);
                self.finish(index, service, &Err(error))
            }
            Some(Fault::Reset) => {
                "reset".clone_into(&mut self.calls[index].outcome);
                Delivery::Reset
            }
            Some(Fault::ApplyThenReset) => {
                let _ = self.apply_with_hooks(index, service, &input);
                "reset".clone_into(&mut self.calls[index].outcome);
                Delivery::Reset
            }
            Some(Fault::Hang) => {
                "hang".clone_into(&mut self.calls[index].outcome);
                self.script.hung.push(HungCall {
                    service,
                    operation,
                    input,
                });
                Delivery::Hang
            }
            Some(Fault::Garbage) => self.reply_raw(index, "garbage", 200, "}{ \u{fffd} <"),
            Some(Fault::Html500) => {
                let page = "<html><body><h1>500 Internal Server Error</h1></body></html>";
                self.reply_raw(index, "html500", 500, page)
            }
        }
    }

    /// Adds to the record of calls and gives the index.
    pub(super) fn record(&mut self, service: &str, operation: &str, input: Value) -> usize {
        self.calls.push(Call {
            service: service.to_owned(),
            operation: operation.to_owned(),
            input,
            outcome: "unanswered".to_owned(),
            applied: false,
        });
        self.calls.len() - 1
    }

    fn apply_with_hooks(&mut self, index: usize, service: Service, input: &Value) -> Result<Value, ApiError> {
        let operation = self.calls[index].operation.clone();
        let result = self.apply(service, &operation, input);
        if result.is_ok() {
            self.calls[index].applied = true;
            let name = self.calls[index].name();
            self.run_hooks(&name, When::After);
        }
        result
    }

    fn finish(&mut self, index: usize, service: Service, result: &Result<Value, ApiError>) -> Delivery {
        let call = &mut self.calls[index];
        call.outcome = match result {
            Ok(_) => "ok".to_owned(),
            Err(error) => error.code.clone(),
        };
        let request_id = arns::uuid(&format!("request {index}"));
        let reply = protocol::reply(service, &call.operation, result, request_id);
        Delivery::Reply(reply)
    }

    fn reply_raw(&mut self, index: usize, outcome: &str, status: u16, body: &str) -> Delivery {
        outcome.clone_into(&mut self.calls[index].outcome);
        Delivery::Reply(Reply {
            status,
            content_type: "text/html",
            request_id: arns::uuid(&format!("request {index}")),
            body: body.as_bytes().to_vec(),
        })
    }
}
