//! Arbitrary JSON, and sound JSON with one place in it changed.

use proptest::prelude::*;
use serde_json::{Map, Number, Value};

/// Names that the parsers look for, so that arbitrary JSON gets somewhere.
const NAMES: [&str; 24] = [
    "id",
    "time",
    "source",
    "detail",
    "detail-type",
    "cluster",
    "taskDefinition",
    "targets",
    "targetGroupArn",
    "port",
    "subnets",
    "count",
    "tags",
    "key",
    "value",
    "overrides",
    "taskArn",
    "clusterArn",
    "lastStatus",
    "desiredStatus",
    "startedBy",
    "attachments",
    "containers",
    "version",
];

/// Any JSON.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "\\PC{0,40}",
        Just("RUNNING".to_owned()),
        Just("2026-11-20T07:00:00Z".to_owned())
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| Number::from_f64(number).map_or(Value::Null, Value::Number)),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        let name = prop_oneof![prop::sample::select(&NAMES[..]).prop_map(str::to_owned), "\\PC{0,10}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Puts `new` in the place of the `n`-th value inside `whole`, or takes that out.
pub(crate) fn change(whole: &mut Value, n: usize, new: Option<Value>) {
    let mut places = Vec::new();
    list_places(whole, String::new(), &mut places);
    let Some(place) = places.get(n % places.len().max(1)) else {
        return;
    };
    let (parent, name) = place.rsplit_once('/').expect("a pointer");
    let name = name.replace("~1", "/").replace("~0", "~");
    match (whole.pointer_mut(parent).expect("its parent"), new) {
        (Value::Object(members), Some(new)) => drop(members.insert(name, new)),
        (Value::Object(members), None) => drop(members.remove(&name)),
        (Value::Array(items), new) => {
            let index: usize = name.parse().expect("an index");
            match new {
                Some(new) => items[index] = new,
                None => drop(items.remove(index)),
            }
        }
        (leaf, _) => panic!("{leaf} has nothing in it"),
    }
}

fn list_places(value: &Value, at: String, places: &mut Vec<String>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(n, value)| (n.to_string(), value))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for (name, value) in inner {
        let place = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        places.push(place.clone());
        list_places(value, place, places);
    }
}
