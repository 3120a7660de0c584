//! A property test over the ways in which clients spell the same write.
//!
//! The rule: a write does what it says, or is refused and changes nothing. The expectation is
//! derived from the meaning before it is spelled, and compared with the stored resource.

mod crowds;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::schema::{Limits, ResourceType};
use super::{CONNECT_SCHEMA as CONNECT, ENTERPRISE_SCHEMA as ENTERPRISE, USER_SCHEMA as USER};
use super::{patch, resource};
use crate::fault::{Fault, Kind};
use crate::json;

/// What a write means: a value for an attribute or a sub-attribute.
#[derive(Clone, Debug)]
struct Meaning {
    /// The schema's URN, the attribute, the sub-attribute.
    place: (&'static str, &'static str, Option<&'static str>),
    value: Value,
}

/// How the attribute's name is written.
#[derive(Clone, Copy, Debug)]
enum Naming {
    Bare,
    Prefixed,
    /// As a member of an object under the schema's URN.
    Nested,
    /// As a member of such an object, written as JSON in a string.
    NestedText,
}

/// How the value is written.
#[derive(Clone, Copy, Debug)]
enum Writing {
    Plain,
    ListOfOne,
    /// `{"value": …}` instead of a simple value.
    Wrapped,
    /// `"True"`, or a list or an object as JSON in a string.
    Text,
}

/// Unknown names that may nevertheless be meant for the attribute.
#[derive(Clone, Copy, Debug)]
enum Stray {
    Below,
    Above,
    OtherVersion,
    OtherSchema,
    Brackets,
    Slash,
    NestedAbove,
    NestedOtherVersion,
    NestedText,
}

/// The request that carries the write.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verb {
    Post,
    Put,
    /// A PATCH operation with a path.
    At(&'static str),
    /// A PATCH operation without a path.
    All(&'static str),
    /// A PATCH operation without a path, whose value is JSON in a string.
    Text(&'static str),
}

#[derive(Clone, Debug)]
struct Spelling {
    naming: Naming,
    writing: Writing,
    is_dotted: bool,
    case: fn(&str) -> String,
    quote: &'static str,
    stray: Option<Stray>,
    verb: Verb,
}

const NAMINGS: [Naming; 4] = [Naming::Bare, Naming::Prefixed, Naming::Nested, Naming::NestedText];

const WRITINGS: [Writing; 4] =
    [Writing::Plain, Writing::ListOfOne, Writing::Wrapped, Writing::Text];

const STRAYS: [Stray; 9] = [
    Stray::Below,
    Stray::Above,
    Stray::OtherVersion,
    Stray::OtherSchema,
    Stray::Brackets,
    Stray::Slash,
    Stray::NestedAbove,
    Stray::NestedOtherVersion,
    Stray::NestedText,
];

const VERBS: [Verb; 7] = [
    Verb::Post,
    Verb::Put,
    Verb::At("add"),
    Verb::At("Replace"),
    Verb::All("Add"),
    Verb::All("replace"),
    Verb::Text("replace"),
];

const CASES: [fn(&str) -> String; 3] =
    [str::to_owned, str::to_ascii_uppercase, str::to_ascii_lowercase];

fn meanings() -> impl Strategy<Value = Meaning> {
    let place = |place: (&'static str, &'static str, Option<&'static str>)| {
        move |value: Value| Meaning { place, value }
    };
    let texts = select(vec![
        (USER, "userName", None),
        (USER, "title", None),
        (USER, "name", Some("givenName")),
        (USER, "emails", Some("value")),
        (ENTERPRISE, "department", None),
        (ENTERPRISE, "manager", Some("value")),
    ]);
    let profiles = vec![json!(["Agent"]), json!(["[EMEA] Lead"]), json!(["Agent", "[EMEA] Lead"])];
    let is = || any::<bool>().prop_map(Value::from);
    prop_oneof![
        3 => is().prop_map(place((USER, "active", None))),
        2 => select(profiles).prop_map(place((CONNECT, "securityProfiles", None))),
        2 => is().prop_map(place((CONNECT, "phone", Some("autoAccept")))),
        8 => (texts, "[a-zé]{1,8}('s)?").prop_map(move |(at, value)| place(at)(value.into())),
    ]
}

fn spellings() -> impl Strategy<Value = Spelling> {
    let stray = prop::option::weighted(0.25, select(STRAYS.to_vec()));
    let verb = select(VERBS.to_vec());
    let value = (select(WRITINGS.to_vec()), any::<bool>(), select(vec!["\"", "'", ""]));
    (select(NAMINGS.to_vec()), value, select(CASES.to_vec()), stray, verb).prop_map(
        |(naming, (writing, is_dotted, quote), case, stray, verb)| Spelling {
            naming,
            writing,
            is_dotted,
            case,
            quote,
            stray,
            verb,
        },
    )
}

impl Meaning {
    /// True if it concerns access: `active`, the username or the profiles.
    fn is_access(&self) -> bool {
        ["active", "userName", "securityProfiles"].contains(&self.place.1)
    }
}

impl Spelling {
    /// A name or path, and a value.
    fn write(&self, meaning: &Meaning) -> (String, Value) {
        let (urn, name, part) = meaning.place;
        let name = (self.case)(name);
        let (name, value) = match part {
            Some(part) if self.is_dotted && meaning.place.1 == "emails" => {
                let path = format!("{name}[type eq {0}work{0}].{part}", self.quote);
                (path, self.leaf(&meaning.value))
            }
            Some(part) if self.is_dotted => (format!("{name}.{part}"), self.leaf(&meaning.value)),
            Some(part) => (name, self.whole(part, &meaning.value)),
            None => (name, self.leaf(&meaning.value)),
        };
        let within =
            |inner: &str| Value::Object(Map::from_iter([(inner.to_owned(), value.clone())]));
        if let Some(stray) = self.stray {
            let old = "urn:scim:schemas:core:1.0";
            return match stray {
                Stray::Below if meaning.is_access() => (format!("{name}.value"), value),
                Stray::Below => (format!("{name}.nothing"), value),
                Stray::Above => (format!("user.{name}"), value),
                Stray::OtherVersion => (format!("{old}:{name}"), value),
                Stray::OtherSchema => (format!("urn:example:params:User:{name}"), value),
                Stray::Brackets => (format!("{name}[type eq true].x"), value),
                Stray::Slash => (format!("urn:x/{name}"), value),
                Stray::NestedAbove => ("user".to_owned(), within(&name)),
                Stray::NestedOtherVersion => (old.to_owned(), within(&name)),
                Stray::NestedText => ("data".to_owned(), within(&name).to_string().into()),
            };
        }
        match self.naming {
            Naming::Bare => (name, value),
            Naming::Prefixed => (format!("{}:{name}", (self.case)(urn)), value),
            Naming::Nested => ((self.case)(urn), within(&name)),
            Naming::NestedText => ((self.case)(urn), within(&name).to_string().into()),
        }
    }

    /// The spelling of a simple value or of a list of simple values.
    fn leaf(&self, value: &Value) -> Value {
        match (self.writing, value) {
            (Writing::Plain, _)
            | (Writing::Text, Value::String(_))
            | (Writing::ListOfOne, Value::Array(_)) => value.clone(),
            (Writing::Text, Value::Bool(true)) => "True".into(),
            (Writing::Text, Value::Bool(false)) => "False".into(),
            (Writing::Text, other) => other.to_string().into(),
            (Writing::ListOfOne, _) => json!([value]),
            (Writing::Wrapped, Value::Array(values)) => {
                values.iter().map(|value| json!({(self.case)("value"): value})).collect()
            }
            (Writing::Wrapped, _) => json!([{"$ref": null, (self.case)("value"): value}]),
        }
    }

    /// The spelling of an object with one sub-attribute.
    fn whole(&self, part: &str, value: &Value) -> Value {
        let mut whole = json!({(self.case)(part): value});
        if part == "value" {
            whole["type"] = "work".into();
        }
        match self.writing {
            Writing::Plain | Writing::Wrapped => whole,
            Writing::ListOfOne => json!([whole]),
            Writing::Text => whole.to_string().into(),
        }
    }

    /// Whether the write must succeed; `None` if it may be understood or refused.
    fn is_understood(&self, meaning: &Meaning) -> Option<bool> {
        if self.stray.is_some() {
            return meaning.is_access().then_some(false);
        }
        let is_bracketed = self.is_dotted && meaning.place.1 == "emails";
        Some(!(is_bracketed && matches!(self.verb, Verb::Post | Verb::Put)))
    }
}

fn users() -> ResourceType {
    let profiles = ["Agent", "[EMEA] Lead"].map(str::to_owned);
    ResourceType::user(&Limits { security_profiles: profiles.to_vec(), ..Limits::default() })
}

/// The stored resource before the write, with another value for each attribute.
fn before() -> Map<String, Value> {
    let before = json!({
        "userName": "before", "active": true, "title": "Before", "name": {"givenName": "B", "familyName": "F"},
        "emails": [{"type": "work", "value": "b@x"}, {"type": "home", "value": "h@x"}],
        ENTERPRISE: {"department": "Before", "manager": {"value": "b"}},
        CONNECT: {"phone": {"deskNumber": "1"}},
    });
    before.as_object().unwrap().clone()
}

/// The stored resource after the request.
fn sent(
    types: &ResourceType,
    known: &Map<String, Value>,
    verb: Verb,
    body: &Value,
) -> Result<Map<String, Value>, Fault> {
    let Value::Object(body) = json::read(body.to_string().as_bytes())? else { panic!("{body}") };
    match verb {
        Verb::Post => resource::post(types, &body, false),
        Verb::Put => resource::put(types, known, &body, false),
        _ => patch::apply(types, known, &patch::read(&body, types, false)?, false),
    }
}

/// A PATCH body with one operation.
fn operation(verb: Verb, at: &str, value: &Value) -> Value {
    let (Verb::At(op) | Verb::All(op) | Verb::Text(op)) = verb else { panic!("no PATCH") };
    let all = json!({at: value});
    json!({"Operations": [match verb {
        Verb::At(_) => json!({"op": op, "path": at, "value": value}),
        Verb::Text(_) => json!({"op": op, "value": all.to_string()}),
        _ => json!({"op": op, "value": all}),
    }]})
}

/// The values that a client reads for each attribute.
fn read(user: &Map<String, Value>) -> BTreeMap<&'static str, Value> {
    let user = Value::Object(user.clone());
    let emails = user["emails"].as_array().into_iter().flatten();
    let work = emails.filter(|email| email["type"] == "work").map(|email| email["value"].clone());
    BTreeMap::from([
        ("active", user["active"].clone()),
        ("userName", user["userName"].clone()),
        ("title", user["title"].clone()),
        ("name", user["name"]["givenName"].clone()),
        ("emails", work.collect()),
        ("department", user[ENTERPRISE]["department"].clone()),
        ("manager", user[ENTERPRISE]["manager"]["value"].clone()),
        ("phone", user[CONNECT]["phone"]["autoAccept"].clone()),
        ("securityProfiles", user[CONNECT]["securityProfiles"].clone()),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn a_write_does_what_it_says_or_changes_nothing(meaning in meanings(), spelling in spellings()) {
        let (types, known) = (users(), before());
        let (at, value) = spelling.write(&meaning);
        let is_whole = matches!(spelling.verb, Verb::Post | Verb::Put);
        let (body, base) = if is_whole {
            // The attribute is written once only.
            let mut base = known.clone();
            if meaning.place.0 == USER {
                base.remove(meaning.place.1);
            } else {
                base.remove(meaning.place.0);
            }
            let mut body = base.clone();
            body.insert(at.clone(), value.clone());
            (Value::Object(body), base)
        } else {
            (operation(spelling.verb, &at, &value), known.clone())
        };
        let kept = sent(&types, &known, spelling.verb, &body);
        let told = format!("{:?} of {at}: {value} comes to {kept:?}", spelling.verb);
        if let Some(is_understood) = spelling.is_understood(&meaning) {
            prop_assert_eq!(kept.is_ok(), is_understood, "{}", told);
        }
        let mut expected = read(&base);
        if spelling.stray.is_none() {
            let value = match meaning.place.1 {
                "emails" => json!([meaning.value]),
                _ => meaning.value.clone(),
            };
            expected.insert(meaning.place.1, value);
        }
        if spelling.verb == Verb::Put && expected["active"].is_null() {
            expected.insert("active", known["active"].clone());
        }
        match kept {
            Ok(kept) => prop_assert_eq!(read(&kept), expected, "{}", told),
            Err(fault) => {
                let refused = [Kind::InvalidPath, Kind::InvalidValue, Kind::InvalidFilter];
                prop_assert!(refused.contains(&fault.kind), "{}", told);
            }
        }
    }
}
