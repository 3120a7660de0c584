use proptest::prelude::*;
use serde_json::json;

use super::lookup::Lookup;
use super::*;
use crate::scim::schema::Limits;

fn users() -> ResourceType {
    ResourceType::user(&Limits::default())
}

fn read(text: &str) -> Result<Filter, Fault> {
    Filter::parse(text, &users(), false)
}

fn ana() -> Map<String, Value> {
    let ana = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": "2819C223", "userName": "bjensen@example.com", "userType": "Employee", "title": "Agent",
        "name": {"familyName": "O'Malley \"x\""}, "active": true,
        "meta": {"resourceType": "User", "lastModified": "2011-05-13T04:42:34Z"},
        "emails": [
            {"type": "work", "value": "bjensen@example.com", "primary": true},
            {"type": "home", "value": "babs@jensen.org"},
        ],
        "ims": [{"type": "xmpp", "value": "babs@foo.com"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "manager": {"value": "26118915"}, "employeeNumber": "701984",
        },
    });
    ana.as_object().unwrap().clone()
}

#[test]
fn the_rfcs_own_examples_hold() {
    for filter in [
        "userName Eq \"bjensen@example.com\"",
        "name.familyName co \"O'Malley\"",
        "userName sw \"B\"",
        "urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"B\"",
        "title pr",
        "meta.lastModified gt \"2011-05-13T04:42:33+00:00\"",
        "meta.lastModified ge \"2011-05-13T06:42:34+02:00\"",
        "meta.lastModified lt \"2011-05-13T04:42:35Z\"",
        "meta.lastModified le \"2011-05-13T04:42:34.000Z\"",
        "title pr and userType eq \"Employee\"",
        "title pr or userType eq \"Intern\"",
        "schemas eq \"urn:ietf:params:scim:schemas:core:2.0:User\"",
        "userType eq \"Employee\" and (emails co \"example.com\" or emails.value co \"example.org\")",
        "userType ne \"Intern\" and not (emails co \"example.de\" or emails.value co \"example.org\")",
        "userType eq \"Employee\" and (emails.type eq \"work\")",
        "userType eq \"Employee\" and emails[type eq \"work\" and value co \"@example.com\"]",
        "emails[type eq \"work\" and value co \"@example.com\"] or ims[type eq \"xmpp\" and value co \"@foo.com\"]",
    ] {
        assert!(read(filter).unwrap().matches(&ana(), &users()), "{filter}");
        assert!(Filter::parse(filter, &users(), true).is_ok(), "{filter}");
    }
}

#[test]
fn values_are_compared_as_their_attribute_asks() {
    let manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
    for (filter, holds) in [
        ("id eq \"2819c223\"", false),
        ("id eq \"2819C223\"", true),
        ("USERNAME EQ \"BJENSEN@example.com\"", true),
        ("userName ew \".com\"", true),
        ("userName ne \"x\"", true),
        ("active eq true", true),
        ("active eq \"True\"", true),
        ("active ne \"false\"", true),
        ("active eq 1", false),
        ("nickName eq null", true),
        ("title eq null", false),
        ("title ne null", true),
        ("nickName ne \"x\"", true),
        ("nickName pr", false),
        ("not (nickName pr)", true),
        ("emails eq \"babs@jensen.org\"", true),
        ("emails[type eq \"home\"].value eq \"babs@jensen.org\"", true),
        ("emails[type eq \"home\"].value eq \"bjensen@example.com\"", false),
        ("emails[type eq \"home\" and primary eq true]", false),
        ("emails[not (type eq \"work\") and value pr]", true),
        ("name.familyName eq \"O'Malley \\\"x\\\"\"", true),
        ("userName eq bjensen@example.com", true),
        ("userName eq bjensen@example.com and active eq True", true),
        (&format!("{manager} eq \"26118915\""), true),
        (&format!("{manager}.value eq 26118915"), true),
        ("manager eq \"26118915\"", true),
        ("nobody eq \"x\"", false),
        ("title eq \"x\" and title eq \"y\" or title pr", true),
        ("title pr or title eq \"x\" and title eq \"y\"", true),
        ("(title pr or title eq \"x\") and title eq \"y\"", false),
    ] {
        assert_eq!(read(filter).unwrap().matches(&ana(), &users()), holds, "{filter}");
    }
}

#[test]
fn what_is_no_filter_is_refused() {
    let deep = format!("{}title pr{}", "(".repeat(17), ")".repeat(17));
    let wide = vec!["title pr"; 101].join(" and ");
    let long = format!("title eq \"{}\"", "x".repeat(MAX_LENGTH));
    for text in [
        "",
        " ",
        "title",
        "title eq",
        "title xx \"a\"",
        "eq \"a\"",
        "(title pr",
        "title pr)",
        "title pr and",
        "and title pr",
        "title pr title pr",
        "not title pr",
        "title eq \"a",
        "title eq \"\\x\"",
        "emails[type eq \"work\"",
        "emails[]",
        "emails[emails[type pr]]",
        "emails.value[type pr]",
        "title eq \"a\" or",
        "title..x pr",
        "active gt true",
        "meta.lastModified gt \"yesterday\"",
        "meta.created le 5",
        "9title pr",
        "title eq (\"a\")",
        "title pr]",
        &deep,
        &wide,
        &long,
    ] {
        assert_eq!(read(text).unwrap_err().kind, Kind::InvalidFilter, "{text}");
    }
    for text in ["title eq agent", "shoeSize pr", "emails[size pr]"] {
        assert!(read(text).is_ok(), "{text}");
        assert!(Filter::parse(text, &users(), true).is_err(), "{text}");
    }
}

#[test]
fn single_quotes_are_quotes_and_an_apostrophe_is_a_letter() {
    let with_name = |name: &str| json!({"name": {"familyName": name}}).as_object().unwrap().clone();
    for (filter, name) in [
        ("name.familyName eq 'Ruiz'", "Ruiz"),
        ("(name.familyName eq 'Ruiz Gil')", "Ruiz Gil"),
        ("name.familyName eq 'O'Neil'", "O'Neil"),
        ("name.familyName eq 'O''Neil'", "O'Neil"),
        ("name.familyName eq 'O\\'Neil'", "O'Neil"),
        ("name.familyName eq O'Neil", "O'Neil"),
        ("name.familyName eq \"O'Neil\"", "O'Neil"),
        ("name.familyName eq 'a]b)c \"d\" \\u00e9'", "a]b)c \"d\" é"),
    ] {
        assert!(read(filter).unwrap().matches(&with_name(name), &users()), "{filter}");
        assert!(!read(filter).unwrap().matches(&with_name("x"), &users()), "{filter}");
        let strictly = Filter::parse(filter, &users(), true);
        assert_eq!(strictly.is_ok(), filter.contains("\"O'"), "{filter}");
    }
    assert!(read("nickName eq ''").is_ok());
    assert!(read("emails[type eq 'work' and value sw 'b']").unwrap().matches(&ana(), &users()));
    for filter in
        ["title eq 'Agent", "title eq '", "title eq 'a'b", "title eq ‘Agent’", "title eq `x`"]
    {
        assert_eq!(read(filter).unwrap_err().kind, Kind::InvalidFilter, "{filter}");
    }
}

#[test]
fn where_a_member_is_tells_who_it_is() {
    let types = ResourceType::group();
    let crew = json!({"displayName": "Crew", "members": [{"value": "a b"}, {"value": "c"}]});
    let crew = crew.as_object().unwrap();
    let there = "https://x.example/scim/v2/Users/a%20b";
    for (filter, holds) in [
        (format!("members[$ref eq \"{there}\"]"), true),
        (format!("members.$ref eq \"{there}/\""), true),
        (format!("members.$REF ne \"{there}\""), false),
        ("members[$ref eq \"../Users/a%20b\" and value pr]".to_owned(), true),
        ("members[$ref ew \"/Users/c\"]".to_owned(), true),
        ("members[$ref eq \"https://x.example/scim/v2/Users/d\"]".to_owned(), false),
        ("members[id eq \"c\"]".to_owned(), true),
        ("members[members.value eq \"c\"]".to_owned(), true),
    ] {
        let filter = Filter::parse(&filter, &types, false).unwrap();
        assert_eq!(filter.matches(crew, &types), holds, "{filter}");
        if filter.to_string().contains("eq") {
            assert!(
                matches!(filter.lookups(&types).as_deref(), Some([Lookup::Member(_)])),
                "{filter}"
            );
        }
    }
    let strictly = Filter::parse(&format!("members[$ref eq \"{there}\"]"), &types, true).unwrap();
    assert!(strictly.matches(crew, &types));
}

#[test]
fn an_attribute_that_only_the_other_type_has_is_one_without_a_value() {
    let (users, groups) = (users(), ResourceType::group());
    let crew = json!({"displayName": "x"});
    let crew = crew.as_object().unwrap();
    let user = "urn:ietf:params:scim:schemas:core:2.0:User";
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    for (filter, holds) in [
        ("userName sw \"a\" or displayName eq \"x\"".to_owned(), true),
        ("userName sw \"a\" and displayName eq \"x\"".to_owned(), false),
        ("not (userName pr) and displayName eq \"x\"".to_owned(), true),
        ("emails[type eq \"work\"] or displayName eq \"x\"".to_owned(), true),
        (format!("{user}:displayName eq \"x\""), false),
        (format!("{enterprise}:manager.value eq \"x\" or displayName eq \"x\""), true),
    ] {
        for strict in [false, true] {
            let read = Filter::read_for_both(&filter, &groups, &users, strict).unwrap();
            assert_eq!(read.matches(crew, &groups), holds, "{filter}");
            let own = Filter::read_for_both(&filter, &users, &groups, strict);
            assert!(own.is_ok(), "{filter}");
        }
    }
    for filter in ["shoe pr", "emails[size pr] or displayName eq \"x\"", "urn:x:y pr"] {
        assert!(Filter::read_for_both(filter, &groups, &users, true).is_err(), "{filter}");
    }
}

#[test]
fn an_index_finds_all_that_may_match() {
    let groups = ResourceType::group();
    let looks = |text: &str, types: &ResourceType| {
        Filter::parse(text, types, false).unwrap().lookups(types)
    };
    let text = |text: &str| text.to_owned();
    for (filter, expected) in [
        ("userName eq \"a\"", Some(vec![Lookup::UserName(text("a"))])),
        ("id eq \"1\" and manager eq \"2\"", Some(vec![Lookup::Id(text("1"))])),
        ("title pr and externalId eq \"e\"", Some(vec![Lookup::ExternalId(text("e"))])),
        ("emails eq \"m\"", Some(vec![Lookup::Email(text("m"))])),
        ("emails[type eq \"work\"].value eq \"m\"", Some(vec![Lookup::Email(text("m"))])),
        ("groups.value eq \"g\"", Some(vec![Lookup::Group(text("g"))])),
        (
            "userName eq \"a\" or id eq \"1\"",
            Some(vec![Lookup::UserName(text("a")), Lookup::Id(text("1"))]),
        ),
        ("userName eq \"a\" or title pr", None),
        ("not (userName eq \"a\")", None),
        ("userName sw \"a\"", None),
        ("emails.type eq \"work\"", None),
        ("displayName eq \"x\"", None),
    ] {
        assert_eq!(looks(filter, &users()), expected, "{filter}");
    }
    assert_eq!(looks("displayName eq \"x\"", &groups), Some(vec![Lookup::DisplayName(text("x"))]));
    assert_eq!(looks("members[value eq \"u\"]", &groups), Some(vec![Lookup::Member(text("u"))]));
    let number = Some(vec![Lookup::ExternalId(text("4711"))]);
    assert_eq!(looks("externalId eq 4711", &users()), number);
    assert_eq!(looks("externalId eq null", &users()), None);
}

/// Filters of every form over a user's attributes.
fn filters() -> impl Strategy<Value = Filter> {
    let path = |name: &str, sub: Option<&str>| AttributePath {
        urn: None,
        name: name.to_owned(),
        sub: sub.map(str::to_owned),
    };
    let paths = prop_oneof![
        Just(path("userName", None)),
        Just(path("title", None)),
        Just(path("name", Some("familyName"))),
        Just(path("emails", Some("type"))),
    ];
    let value = prop_oneof![
        ".{0,8}".prop_map(Value::String),
        any::<bool>().prop_map(Value::Bool),
        any::<i32>().prop_map(Value::from),
        Just(Value::Null),
    ];
    let operator = proptest::sample::select(OPERATORS.map(|(_, operator)| operator).to_vec());
    let term = prop_oneof![
        (paths.clone(), operator.clone(), value.clone())
            .prop_map(|(path, operator, value)| Filter::Compare(path, operator, value)),
        paths.prop_map(Filter::Present),
        (operator, value).prop_map(move |(operator, value)| {
            let inner = Filter::Compare(path("type", None), operator, value);
            Filter::Each(path("emails", None), Box::new(inner))
        }),
    ];
    term.prop_recursive(4, 24, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Filter::And(Box::new(a), Box::new(b))),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Filter::Or(Box::new(a), Box::new(b))),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

mod letter;
mod oracle;

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".*") {
        let _ = read(&text);
    }

    #[test]
    fn any_words_are_read_or_refused(
        words in prop::collection::vec(
            proptest::sample::select(vec![
                "title", "emails", "[", "]", "(", ")", "and", "or", "not", "eq", "pr", "\"a\"", "1",
                "].value", "urn:ietf:params:scim:schemas:core:2.0:User:title",
            ]),
            0..16,
        ),
    ) {
        let _ = read(&words.join(" "));
    }

    #[test]
    fn what_is_written_reads_back(filter in filters()) {
        prop_assert_eq!(read(&filter.to_string()).unwrap(), filter);
    }

    #[test]
    fn not_is_the_other_half(filter in filters()) {
        let not = Filter::Not(Box::new(filter.clone()));
        prop_assert_ne!(filter.matches(&ana(), &users()), not.matches(&ana(), &users()));
    }
}
