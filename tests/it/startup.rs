//! Start-up: a configuration, or every problem with it at once.

use connect_provisioner::assign::instance::ResourceRef;
use connect_provisioner::config::{Config, ConfigError, Environment, SETTINGS, roster_settings};
use connect_provisioner::log;
use serde_json::Value;

const KEY: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const INSTANCE: &str = "11111111-2222-3333-4444-555555555555";
const PROFILE: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

fn arn(rest: &str) -> String {
    format!("arn:aws:connect:eu-west-2:123456789012:instance/{INSTANCE}{rest}")
}

pub(crate) fn good() -> Environment {
    let profile = arn(&format!("/routing-profile/{PROFILE}"));
    [
        ("HOOK_OKTA_SCHEME", "standard-webhooks"),
        ("HOOK_OKTA_SECRET", KEY),
        ("CONNECT_INSTANCE", &arn("")),
        ("ROUTING_PROFILE", &profile),
        ("SECURITY_PROFILES", PROFILE),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn with(changes: &[(&str, &str)]) -> Environment {
    let mut environment = good();
    environment
        .extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    environment
}

/// The one problem that a change makes: its variable and its text.
fn problem(name: &str, value: &str) -> String {
    // An id has no Region of its own, so that AWS_REGION matters.
    let id = if name == "AWS_REGION" { INSTANCE } else { &arn("") };
    let problems = Config::read(&with(&[("CONNECT_INSTANCE", id), (name, value)])).unwrap_err();
    assert_eq!(problems.0.len(), 1, "{problems}");
    assert!(!problems.0[0].find.is_empty(), "{name}: where is it found?");
    let is_secret = name.contains("SECRET");
    assert!(
        !is_secret || value.len() < 8 || !problems.to_string().contains(value),
        "{name} is told"
    );
    problems.to_string()
}

#[test]
fn a_complete_configuration_is_read() {
    let config = Config::read(&good()).unwrap();
    assert_eq!(config.region, "eu-west-2");
    assert_eq!(config.instance.id.as_str(), INSTANCE);
    assert_eq!(config.hooks[0].source.name, "okta");
    let profile = ResourceRef::Id(PROFILE.parse().unwrap());
    assert_eq!(config.rules.permissions.routing_profile, profile);
    assert_eq!(config.warnings, []);
    insta::assert_debug_snapshot!(config.rules);
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let empty = with(&[
        ("TAGS", ""),
        ("PHONE_TYPE", " "),
        ("HIERARCHY_GROUP", ""),
        ("HOOK_OKTA_SECRET_ARN", ""),
        ("BASE_PATH", ""),
    ]);
    assert_eq!(Config::read(&empty).unwrap().rules, Config::read(&good()).unwrap().rules);
}

#[test]
fn the_defaults_told_are_the_defaults_taken() {
    let defaults = SETTINGS.iter().filter(|setting| !setting.default.is_empty());
    let changes: Vec<_> = defaults.map(|setting| (setting.name, setting.default)).collect();
    assert_eq!(changes.len(), 8);
    let explicit = Config::read(&with(&changes)).unwrap();
    assert_eq!(explicit.rules, Config::read(&good()).unwrap().rules);
}

#[test]
fn each_problem_is_told_with_its_variable() {
    let eleven: Vec<_> = (0..11).map(|number| format!("profile {number}")).collect();
    let eleven = eleven.join(",");
    let five = [KEY; 5].join(",");
    let many_tags: Vec<_> = (0..48).map(|number| format!("k{number}=v")).collect();
    let other = format!("arn:aws:connect:eu-west-2:1:instance/{PROFILE}/routing-profile/{PROFILE}");
    let told: Vec<String> = [
        ("HOOK_OKTA_SCHEME", "stripe"),
        ("HOOK_OKTA_SECRET", ""),
        ("HOOK_OKTA_SECRET", "whsec_dG9vIHNob3J0"),
        ("HOOK_OKTA_SECRET", "whsec_not-base64-at-all"),
        ("HOOK_OKTA_SECRET", "[]"),
        ("HOOK_OKTA_SECRET", "whsec_"),
        ("HOOK_OKTA_SECRET", &five),
        ("HOOK_OKTA_SECRETS", KEY),
        ("HOOK_SCHEME", "standard-webhooks"),
        ("HOOK_okta_SCHEME", "standard-webhooks"),
        ("HOOK_ENTRA_SCHEME", "standard-webhooks"),
        ("HOOK_ENTRA_SECRET", KEY),
        ("CONNECT_INSTANCE", "my-instance-alias"),
        ("HOOK_OKTA_SECRET_ARN", "arn:aws:secretsmanager:eu-west-2:1:secret:hook"),
        ("HOOK_OKTA_APPS", "[1, 2, 3, 4]"),
        ("HOOK_OKTA_GROUPS", " , "),
        ("HOOK_OKTA_LIFECYCLE", "sometimes"),
        ("KEY_OVERLAP_HOURS", "three days"),
        ("KEY_OVERLAP_HOURS", "8761"),
        ("ROUTING_PROFILE", &"a very long name".repeat(9)),
        ("ROUTING_PROFILE", &other),
        ("ROUTING_PROFILE", &arn(&format!("/security-profile/{PROFILE}"))),
        ("SECURITY_PROFILES", "[]"),
        ("SECURITY_PROFILES", &eleven),
        ("SECURITY_PROFILES", "Agent,arn:aws:iam::aws:policy/AdministratorAccess"),
        ("HIERARCHY_GROUP", &arn(&format!("/routing-profile/{PROFILE}"))),
        ("ALLOWED_ROUTING_PROFILES", &other),
        ("ALLOWED_SECURITY_PROFILES", &arn(&format!("/routing-profile/{PROFILE}"))),
        ("ALLOWED_HIERARCHY_GROUPS", &arn("/agent-group/EMEA")),
        ("CHANNELS", r#"{"AutoAcceptConfigs": [{"Channel": "FAX", "AutoAccept": true}]}"#),
        ("TAGS", "no-equals-sign"),
        ("TAGS", "managed-by=me"),
        ("TAGS", "AWS:x=me"),
        ("TAGS", "bad|key=value"),
        ("TAGS", &many_tags.join(",")),
        ("DEPLOYMENT", "Ünïcode stack"),
        ("AWS_REGION", "us east/1"),
        ("CONNECT_INSTANCE", &arn("").replace("eu-west-2", "!!")),
        (
            "ROUTING_PROFILE",
            &arn("/routing-profile/x")
                .replace("/x", &format!("/{PROFILE}"))
                .replace("eu-west-2", "eu-west-1"),
        ),
        ("TAGS", r#"{"a": "one", "a": "two"}"#),
        ("IDENTITY_MANAGEMENT", "by hearsay"),
        ("GENERATE_PASSWORD", "at weekends"),
        ("LOG_LEVEL", "whispers"),
        ("EMAIL_AS", "sometimes"),
        ("PHONE_TYPE", "CAR_PHONE"),
        ("AUTO_ACCEPT", "perhaps so"),
        ("AFTER_CONTACT_WORK_SECONDS", "2000001"),
        ("AFTER_CONTACT_WORK_SECONDS", "-1"),
        ("PERSISTENT_CONNECTION", "yes, please"),
    ]
    .iter()
    .map(|(name, value)| problem(name, value))
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn channels_and_the_simple_phone_settings_exclude_each_other() {
    let channels = (
        "CHANNELS",
        r#"{"VoiceEnhancementConfigs": [{"Channel": "VOICE", "VoiceEnhancementMode": "NONE"}]}"#,
    );
    assert!(Config::read(&with(&[channels])).is_ok());
    let simple = [
        ("PHONE_TYPE", "SOFT_PHONE"),
        ("AUTO_ACCEPT", "false"),
        ("AFTER_CONTACT_WORK_SECONDS", "0"),
        ("PERSISTENT_CONNECTION", "true"),
    ];
    for setting in simple {
        let problems = Config::read(&with(&[channels, setting])).unwrap_err();
        assert_eq!((problems.0.len(), &*problems.0[0].variable), (1, setting.0));
    }
}

#[test]
fn all_problems_are_told_together_in_one_line() {
    let line = log::startup_line(&Config::read(&Environment::new()).unwrap_err());
    assert!(!line.contains('\n'));
    insta::assert_json_snapshot!(serde_json::from_str::<Value>(&line).unwrap());
}

#[test]
fn an_id_without_a_region_needs_one() {
    let changes = [("CONNECT_INSTANCE", INSTANCE), ("ROUTING_PROFILE", PROFILE)];
    let problems = Config::read(&with(&changes)).unwrap_err();
    let told = problems.to_string();
    assert!(told.starts_with("AWS_REGION: expected a value, found none (the Region of"), "{told}");
    let region = [changes.as_slice(), &[("AWS_REGION", "us-west-2")]].concat();
    assert_eq!(Config::read(&with(&region)).unwrap().region, "us-west-2");
}

#[test]
fn a_key_in_the_clear_is_a_warning_in_lambda() {
    let config = Config::read(&with(&[("AWS_LAMBDA_FUNCTION_NAME", "f")])).unwrap();
    let line = log::warning_line(&config.warnings);
    assert_eq!(config.warnings.len(), 1);
    assert!(line.contains("HOOK_OKTA_SECRET") && line.contains("WARN"), "{line}");
    assert!(!line.contains("C2FV"), "{line}");
}

#[test]
fn several_keys_are_a_list_or_json() {
    for text in [format!("{KEY},{KEY}"), format!(r#"["{KEY}", "{KEY}"]"#)] {
        let config = Config::read(&with(&[("HOOK_OKTA_SECRET", &text)])).unwrap();
        assert_eq!(config.hooks[0].source.keys.len(), 2);
    }
}

#[test]
fn debug_shows_no_key() {
    let text = format!("{:?}", Config::read(&good()).unwrap());
    assert!(!text.contains("C2FV") && !text.contains("[11, 97"), "{text}");
}

#[test]
fn a_roster_has_no_default_for_those_who_leave() {
    let problems = Config::read_for_roster(&good()).unwrap_err();
    let told: Vec<_> = problems.0.iter().map(|problem| problem.variable.as_str()).collect();
    assert_eq!(told, ["DEACTIVATE"]);
    let suspending = with(&[("DEACTIVATE", "suspend")]);
    let problems = Config::read_for_roster(&suspending).unwrap_err();
    assert_eq!(problems.0[0].variable, "SUSPENDED_SECURITY_PROFILE");
    let same = with(&[("DEACTIVATE", "suspend"), ("SUSPENDED_SECURITY_PROFILE", PROFILE)]);
    let problems = Config::read_for_roster(&same).unwrap_err();
    assert_eq!(problems.0[0].variable, "SUSPENDED_SECURITY_PROFILE", "it would shut out nobody");
    let granted = format!(r#"{{"Sales": {{"securityProfiles": "{INSTANCE}"}}}}"#);
    let granted = with(&[
        ("DEACTIVATE", "suspend"),
        ("SUSPENDED_SECURITY_PROFILE", INSTANCE),
        ("GROUP_PROFILES", &granted),
    ]);
    let problems = Config::read_for_roster(&granted).unwrap_err();
    assert_eq!(problems.0[0].variable, "SUSPENDED_SECURITY_PROFILE", "a group would let them in");
    assert_eq!(Config::read(&granted).unwrap().rules.groups, []);
    let direct = Config::read(&suspending).unwrap();
    assert_eq!(direct.policy(), None);
}

#[test]
fn a_rosters_defaults_told_are_the_defaults_taken() {
    let base = [("DEACTIVATE", "suspend"), ("SUSPENDED_SECURITY_PROFILE", INSTANCE)];
    let defaults = roster_settings().filter(|setting| !setting.default.is_empty());
    let changes = defaults.map(|setting| (setting.name, setting.default)).chain(base);
    let changes: Vec<_> = changes.collect();
    assert_eq!(changes.len(), 11);
    let explicit = Config::read_for_roster(&with(&changes)).unwrap();
    let implicit = Config::read_for_roster(&with(&base)).unwrap();
    assert_eq!(explicit.policy(), implicit.policy());
    insta::assert_debug_snapshot!(implicit.policy());
}

#[test]
fn each_problem_of_a_roster_is_told() {
    for (name, value) in [
        ("DEACTIVATE", "forget"),
        ("RENAME", "yes"),
        ("ON_MISSING", "cry"),
        ("ON_FOREIGN_USER", "delete"),
        ("MAX_REMOVALS_PER_HOUR", "-1"),
        ("MAX_REMOVALS_PER_HOUR", "100001"),
        ("CONNECT_RATE", "0"),
        ("CONNECT_RATE", "NaN"),
        ("CONNECT_RATE", "101"),
        ("GROUP_PROFILES", "Sales=Basic"),
        ("GROUP_PROFILES", r#"{"Sales": {}}"#),
        ("GROUP_PROFILES", "@no/such/file.json"),
        ("GROUPS", r#"{"Sales": {}}"#),
    ] {
        let changes = [("DEACTIVATE", "delete"), (name, value)];
        let problems = Config::read_for_roster(&with(&changes)).unwrap_err();
        assert_eq!(problems.0.len(), 1, "{problems}");
        assert_eq!(problems.0[0].variable, name);
    }
}

const GRANTS: &str = r#"{"Sales": {"routingProfile": "Basic"}}"#;

fn roster_with(changes: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::read_for_roster(&with(&[changes, &[("DEACTIVATE", "delete")]].concat()))
}

#[test]
fn what_groups_give_is_read_by_its_name_of_today_and_by_the_old_one() {
    for changes in [
        [("GROUP_PROFILES", GRANTS)].as_slice(),
        &[("GROUPS", GRANTS)],
        &[("GROUPS", GRANTS), ("GROUP_PROFILES", GRANTS)],
        &[("GROUPS", ""), ("GROUP_PROFILES", GRANTS)],
    ] {
        assert_eq!(roster_with(changes).unwrap().rules.groups[0].name, "Sales", "{changes:?}");
    }
    let both = [("GROUPS", GRANTS), ("GROUP_PROFILES", r#"{"Sales": {"hierarchyGroup": "A"}}"#)];
    let told = roster_with(&both).unwrap_err().to_string();
    assert!(told.contains("GROUPS: expected it or GROUP_PROFILES, found both, and they"), "{told}");
}

#[test]
fn what_groups_give_may_stand_in_a_file() {
    let path = std::env::temp_dir().join(format!("group-profiles-{}.json", std::process::id()));
    let read = |text: &str| {
        std::fs::write(&path, text).unwrap();
        roster_with(&[("GROUP_PROFILES", &format!("@{}", path.display()))])
    };
    assert_eq!(read(GRANTS).unwrap().rules.groups[0].name, "Sales");
    assert_eq!(read(&format!("\u{feff}{GRANTS}\n")).unwrap().rules.groups.len(), 1);
    for (text, problem) in [
        (r#"{"Sales": {}}"#, "group 1, \"Sales\": expected at least one of"),
        ("Sales=Basic", "expected a JSON document, found another at line 1 column 1"),
    ] {
        let told = read(text).unwrap_err().to_string();
        let expected = format!("GROUP_PROFILES: {}: {problem}", path.display());
        assert!(told.contains(&expected), "{told}");
    }
    std::fs::remove_file(&path).unwrap();
    let told = read_missing(&path.display().to_string());
    assert!(told.contains("expected a file to read, found none: No such file"), "{told}");
    assert!(told.contains(&path.display().to_string()), "{told}");
}

fn read_missing(path: &str) -> String {
    roster_with(&[("GROUP_PROFILES", &format!("@{path}"))]).unwrap_err().to_string()
}

fn warned(config: &Config) -> Vec<(&str, &str)> {
    let warnings = config.warnings.iter();
    warnings.map(|warning| (warning.variable.as_str(), warning.problem.as_str())).collect()
}

#[test]
fn a_typo_and_what_does_nothing_are_told_by_their_names() {
    let direct = [
        ("DEACTIVTE", "suspend"),
        ("AUTO_ACEPT", "true"),
        ("MAX_REMOVAL_PER_HOUR", "0"),
        ("HOKO_OKTA_SECRET", KEY),
        ("SCIM_STRICT", "true"),
        ("CHANEL", ""),
        ("TAG", "a=b"),
    ];
    let config = Config::read(&with(&direct)).unwrap();
    assert_eq!(
        warned(&config),
        [
            ("AUTO_ACEPT", "expected the name of a setting, found one near AUTO_ACCEPT"),
            ("DEACTIVTE", "expected the name of a setting, found one near DEACTIVATE"),
            ("HOKO_OKTA_SECRET", "expected the name of a setting, found one near HOOK_OKTA_SECRET"),
            (
                "MAX_REMOVAL_PER_HOUR",
                "expected the name of a setting, found one near MAX_REMOVALS_PER_HOUR"
            ),
            ("SCIM_STRICT", "expected a roster, found none, so it does nothing"),
        ]
    );
    assert!(!log::warning_line(&config.warnings).contains("C2FV"), "nor is a key that went astray");
    let idle = [("PUBLIC_URL", "https://x.example"), ("HOOK_OKTA_APPS", "Amazon Connect")];
    let config = roster_with(&idle).unwrap();
    assert_eq!(
        warned(&config),
        [
            (
                "HOOK_OKTA_APPS",
                "expected a source of scheme okta, found another, so it does nothing"
            ),
            ("PUBLIC_URL", "expected a token of SCIM's, found none, so it does nothing"),
        ]
    );
    let told = Config::read_for_roster(&with(&[("DEACTIVTE", "delete")])).unwrap_err().to_string();
    assert!(told.contains("DEACTIVATE: expected a value, found none, but DEACTIVTE"), "{told}");
}

#[test]
fn quotes_around_a_secret_are_told() {
    let problem = problem("HOOK_OKTA_SECRET", &format!("'{KEY}'"));
    assert!(problem.contains("key 1: expected base64 behind the prefix, found quotes around it"));
    let token = "\"a-token-that-is-long-enough\"";
    let config = roster_with(&[("SCIM_TOKEN", token)]).unwrap();
    let expected = "expected a secret as its sender shows it, found quotes around it";
    assert_eq!(warned(&config), [("SCIM_TOKEN", expected)]);
    let fixed = [("HOOK_OKTA_SCHEME", "okta"), ("HOOK_OKTA_SECRET", "'sixteen letters.'")];
    assert_eq!(warned(&Config::read(&with(&fixed)).unwrap()), [("HOOK_OKTA_SECRET", expected)]);
}

#[test]
fn a_wrong_value_is_quoted_unless_it_is_a_secret_or_may_be_one() {
    let long = KEY.repeat(9);
    for (name, value, quoted) in [
        ("DEACTIVATE", "forget", true),
        ("CONNECT_RATE", "fast", true),
        ("CONNECT_INSTANCE", "my-instance-alias", true),
        ("HOOK_OKTA_SCHEME", "stripe", true),
        ("HOOK_OKTA_SCHEME", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD", false),
        ("ROUTING_PROFILE", long.as_str(), false),
        ("SCIM_TOKEN", "a short token", false),
        ("SCIM_TOKEN_SECRET_ARN", "a-token-that-is-long-enough", false),
    ] {
        let told = roster_with(&[(name, value)]).err().map(|told| told.to_string());
        let told = match name {
            "DEACTIVATE" => {
                Config::read_for_roster(&with(&[(name, value)])).unwrap_err().to_string()
            }
            _ => told.unwrap(),
        };
        assert_eq!(told.contains(&format!("found \"{value}\"")), quoted, "{told}");
        assert_eq!(told.contains(value), quoted, "{told}");
    }
}
