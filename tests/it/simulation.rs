//! Everything at once, by seeded chance, in virtual time: senders that repeat, reorder and delay; SCIM
//! clients with a group that gives its members more; several senders for one person, each with a clock
//! of its own; several functions and the drain; a network that loses and delays; a Connect that
//! throttles, fails, lags and lies; a roster that does not always answer; writers cut off between any
//! two effects. The function, the SDK and the stand-in are the real ones.
//!
//! A seed that fails is printed with what it broke. To see it again:
//! `SIMULATION_SEED=<seed> cargo test --test it simulation`.

mod access;
pub(crate) mod chance;
mod check;
mod clients;
mod farewells;
mod hands;
mod lives;
mod mutation;
mod senders;
pub(crate) mod unsteady;
mod weather;
mod wire;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use connect_provisioner::assign::owner::Owner;
use connect_provisioner::assign::text::Username;
use connect_provisioner::cli::settings;
use connect_provisioner::config::Config;
use connect_provisioner::deadline::{Clock, Deadline};
use connect_provisioner::provisioner::Provisioner;
use connect_provisioner::roster::Roster as _;
use connect_provisioner::roster::memory::MemoryRoster;
use connect_provisioner::standin::{Directory, Settings, World};
use connect_provisioner::trust::Source;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use access::Fate;
use chance::{Chance, cut_off};
use mutation::Mutation;
use senders::Ledger;
use unsteady::Unsteady;
use weather::Skies;
use wire::Wire;

/// The seeded profile that suspended users have.
pub(crate) const NO_ACCESS: &str = "47d97145-a79e-4ada-a755-dcb1e6e9dd5a";

/// How many seeds there are, unless `SIMULATION_SEEDS` says otherwise.
const SEEDS: u64 = 10_000;

/// One run: the functions, what they speak to, and what is known of it.
pub(crate) struct House {
    pub(crate) chance: Chance,
    pub(crate) clock: Clock,
    pub(crate) functions: Vec<Provisioner>,
    pub(crate) drain: Provisioner,
    pub(crate) wire: Wire,
    pub(crate) drain_wire: Wire,
    pub(crate) roster: Arc<MemoryRoster>,
    /// Those who sign: the demo's, and another.
    pub(crate) sources: Vec<Source>,
    pub(crate) ledger: Mutex<Ledger>,
    /// What became of everything that was said of those of whom several speak.
    pub(crate) fates: Mutex<Vec<Vec<Fate>>>,
    pub(crate) weather: Skies,
    pub(crate) removals_per_hour: usize,
    pub(crate) deactivate: &'static str,
    pub(crate) rate: f64,
    pub(crate) mutation: Option<Mutation>,
    roster_faults: Arc<Mutex<u64>>,
}

/// The three tags of the person who goes by a name here.
pub(crate) fn owner_tags(user_name: &str) -> Value {
    let number = user_name.trim_start_matches('p').split(['-', '@']).next().unwrap_or_default();
    json!(BTreeMap::from(owner(number).tags()))
}

/// The owner of a person's first record.
pub(crate) fn owner(number: &str) -> Owner {
    let username = Username::parse("unused", 2..=64).unwrap();
    Owner::of("demo", Some(&format!("e{number}")), &username)
}

/// What a run is up against.
struct Weather {
    connect: Settings,
    /// Calls of Connect that go wrong, of a hundred.
    faults: u64,
    /// Answers of the roster that are lost, of a thousand.
    roster_faults: u64,
    /// Whether the roster may take longer to answer than a lease lasts.
    stalls: bool,
    deactivate: &'static str,
    removals_per_hour: usize,
    /// `CONNECT_RATE`.
    rate: &'static str,
}

impl Weather {
    fn calm() -> Self {
        let connect = Settings { throttle: false, ..Settings::default() };
        let (faults, roster_faults) = (0, 0);
        let (stalls, deactivate, removals_per_hour, rate) = (false, "suspend", 50, "2");
        Self { connect, faults, roster_faults, stalls, deactivate, removals_per_hour, rate }
    }

    fn by(chance: &Chance) -> Self {
        let seconds = || Duration::from_secs(*chance.pick(&[0, 0, 3, 40]));
        Self {
            connect: Settings {
                throttle: chance.in_100(50),
                search_lag: seconds(),
                not_found: seconds(),
                user_quota: 100,
                ..Settings::default()
            },
            faults: *chance.pick(&[0, 5, 15, 30]),
            roster_faults: *chance.pick(&[0, 0, 5, 20]),
            stalls: chance.in_100(20),
            deactivate: chance.pick::<&str>(&["suspend", "suspend", "delete", "keep"]),
            removals_per_hour: *chance.pick(&[1, 2, 50, 50]),
            rate: "2",
        }
    }
}

impl House {
    fn build(seed: u64, mutation: Option<Mutation>) -> Self {
        let chance = Chance::of(seed);
        let weather = Weather::by(&chance);
        Self::under(&weather, chance, mutation)
    }

    fn under(weather: &Weather, chance: Chance, mutation: Option<Mutation>) -> Self {
        let clock = Clock::set(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        let world = World::new(weather.connect.clone());
        // So that a change of a group is cut off inside, too.
        let inner = Arc::new(MemoryRoster::fanning_out_by(1));
        let wire = Wire {
            roster: Arc::clone(&inner),
            world: Arc::new(Mutex::new(world)),
            chance: chance.clone(),
            clock,
            faults: Arc::new(Mutex::new(weather.faults)),
            calls: Arc::default(),
            removals: Arc::default(),
            doubled: Arc::default(),
            told: Arc::default(),
            skies: Arc::default(),
            hidden: Arc::default(),
            mutation,
        };
        let drain_wire = Wire { calls: Arc::default(), ..wire.clone() };
        let roster_faults = Arc::new(Mutex::new(weather.roster_faults));
        let roster = Arc::new(Unsteady {
            inner: Arc::clone(&inner),
            chance: chance.clone(),
            faults: Arc::clone(&roster_faults),
            stalls: weather.stalls,
            mutation,
        });
        let config = config(weather, mutation);
        let function = |wire: &Wire| {
            let own = chance.clone();
            let entropy = Box::new(move || own.bytes());
            Provisioner::with_roster(config.clone(), &aws(wire.clone()), roster.clone(), entropy)
                .unwrap()
        };
        let source = |name: &str| {
            let hook = config.hooks.iter().find(|hook| hook.source.name == name);
            Source::clone(&hook.unwrap().source)
        };
        let house = Self {
            functions: vec![function(&wire), function(&wire)],
            drain: function(&drain_wire),
            sources: vec![source("demo"), source("second")],
            fates: Mutex::default(),
            weather: Skies::clear(Duration::from_mins(1)),
            rate: 2.0,
            ledger: Mutex::default(),
            roster: inner,
            chance,
            clock,
            wire,
            drain_wire,
            removals_per_hour: weather.removals_per_hour,
            deactivate: weather.deactivate,
            mutation,
            roster_faults,
        };
        clients::make_group(&house);
        house
    }

    /// The story of one seed; the broken invariant is the panic's message.
    async fn play(&self) {
        let scripts = senders::write(self);
        let sent = scripts
            .iter()
            .flat_map(|script| script.deliveries.iter().map(move |one| (script, one)));
        let sending =
            futures_util::future::join_all(sent.map(|(script, one)| self.send(script, one)));
        let forging = self.forge(&scripts);
        let clients = if self.chance.in_100(40) { 1 + self.chance.below(2) } else { 0 };
        let clients = usize::try_from(clients).unwrap();
        let looking = (clients::FIRST..clients::FIRST + clients).map(|it| self.look_after(it));
        let looking = futures_util::future::join_all(looking);
        let start = Instant::now();
        let mut storm = Box::pin(async { tokio::join!(sending, forging, looking) });
        let (_, (), looked) = loop {
            let run = self.drain_once(self.chance.in_100(20).then(|| self.chance.below(60)));
            let next = async {
                sleep(self.chance.milliseconds(60_000)).await;
                run.await;
            };
            tokio::select! {
                biased;
                ended = &mut storm => break ended,
                () = next => {}
            }
            assert!(start.elapsed() < Duration::from_hours(3), "senders come to an end");
        };
        drop(storm);
        (*self.wire.faults.lock().unwrap(), *self.roster_faults.lock().unwrap()) = (0, 0);
        self.come_to_rest().await;
        check::all(self, &scripts);
        check::looked(self, &looked);
    }

    /// Lets the drain run until there is nothing to do.
    async fn come_to_rest(&self) {
        for _ in 0..60 {
            self.drain_once(None).await;
            if self.is_at_rest() {
                break;
            }
            sleep(Duration::from_mins(5)).await;
        }
    }

    /// How many calls of Connect there were.
    fn calls(&self) -> usize {
        let count = |wire: &Wire| wire.calls.lock().unwrap().len();
        count(&self.wire) + count(&self.drain_wire)
    }

    async fn drain_once(&self, cut: Option<u64>) {
        let deadline = Deadline::after(Duration::from_secs(55));
        let drained =
            cut_off(cut, self.drain.reconciler().unwrap().drain(self.clock, deadline)).await;
        if self.wire.is_told() {
            println!("{:?} drained: {drained:?}", self.clock.now());
        }
        if let Some(Ok(drained)) = drained {
            let parked = drained.parked.iter().map(|stuck| stuck.fault.kind.code());
            self.ledger.lock().unwrap().parked.extend(parked);
        }
    }
}

fn config(weather: &Weather, mutation: Option<Mutation>) -> Config {
    let directory = Directory::seeded();
    let mut environment = settings::demo(&directory);
    let mut set =
        |name: &str, value: &str| drop(environment.insert(name.to_owned(), value.to_owned()));
    set("DEACTIVATE", weather.deactivate);
    set("SUSPENDED_SECURITY_PROFILE", NO_ACCESS);
    set("MAX_REMOVALS_PER_HOUR", &weather.removals_per_hour.to_string());
    set("CONNECT_RATE", weather.rate);
    let lead = &directory.security_profiles["CallCenterManager"];
    set("GROUP_PROFILES", &json!({clients::GROUP: {"securityProfiles": [lead]}}).to_string());
    set("ON_FOREIGN_USER", "refuse");
    set("ON_MISSING", "park");
    set("HIERARCHY_GROUP", &directory.hierarchy_groups["EMEA"]);
    lives::settings().into_iter().for_each(|(name, value)| set(name, value));
    if mutation == Some(Mutation::NoPace) {
        set("CONNECT_RATE", "100");
    }
    if mutation == Some(Mutation::PayloadsChooseTheirPower) {
        set("ALLOWED_SECURITY_PROFILES", &directory.security_profiles["Admin"]);
    }
    Config::read_for_roster(&environment).unwrap()
}

fn aws(wire: Wire) -> SdkConfig {
    let credentials = Credentials::new("simulation", "simulation", None, None, "simulation");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .endpoint_url("http://connect.invalid")
        .http_client(wire)
        .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
        .time_source(aws_smithy_async::time::SystemTimeSource::new())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

/// Time stands still while something is done, and jumps to the next thing when nothing is.
fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap()
}

/// Plays a seed, and says what broke.
fn play(seed: u64, mutation: Option<Mutation>) -> Result<u64, String> {
    let runtime = runtime();
    let played = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let mut house = House::build(seed, mutation);
            if variable("SIMULATION_SEED").is_some() {
                house.wire.tell();
            }
            let is_of_several = house.chance.in_100(50);
            if is_of_several || mutation.is_some_and(Mutation::is_of_access) {
                house.play_lives().await;
            } else {
                house.play().await;
            }
            u64::try_from(house.calls()).unwrap()
        })
    }));
    played.map_err(|panic| match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => {
            panic.downcast::<&str>().map_or_else(|_| "?".to_owned(), |text| (*text).to_owned())
        }
    })
}

#[expect(clippy::disallowed_methods, reason = "a test is an outermost place")]
fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn nothing_is_lost_doubled_or_out_of_date_whatever_happens() {
    if let Some(seed) = variable("SIMULATION_SEED") {
        return play(seed, None).map(drop).unwrap();
    }
    let seeds = variable("SIMULATION_SEEDS").unwrap_or(SEEDS);
    let (next, calls) = (AtomicU64::new(0), AtomicU64::new(0));
    let broken = Mutex::new(None::<(u64, String)>);
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= seeds || broken.lock().unwrap().is_some() {
            return;
        }
        match play(seed, None) {
            Ok(made) => drop(calls.fetch_add(made, Ordering::Relaxed)),
            Err(what) => *broken.lock().unwrap() = Some((seed, what)),
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    if let Some((seed, what)) = broken.into_inner().unwrap() {
        panic!("{what}\nto see it again: SIMULATION_SEED={seed} cargo test --test it simulation");
    }
    println!("{seeds} seeds, {} calls of Amazon Connect", calls.into_inner());
}

/// Tells a life up to one event, cuts the writer of that one off, and lets the rest mend it. Whether
/// the writer was cut off at all.
fn cut_a_life(event: usize, boundary: u64, told_again: bool) -> bool {
    runtime().block_on(async {
        let house = House::under(&Weather::calm(), Chance::of(boundary), None);
        let script = senders::life(&house);
        for before in 0..event {
            assert!(house.tell(&script, before, None).await);
            sleep(Duration::from_mins(1)).await;
        }
        let is_done = house.tell(&script, event, Some(boundary)).await;
        if told_again {
            sleep(Duration::from_secs(5)).await;
            house.tell(&script, event, None).await;
        }
        house.come_to_rest().await;
        check::all(&house, &[script]);
        !is_done
    })
}

#[test]
fn a_writer_may_be_cut_off_between_any_two_effects() {
    let mut cuts = Vec::new();
    for event in 0..7 {
        for told_again in [false, true] {
            let boundaries = (0..).take_while(|cut| cut_a_life(event, *cut, told_again));
            cuts.push(boundaries.count());
        }
    }
    // Two boundaries for each effect: of the roster, and of Connect.
    assert!(cuts.iter().all(|cuts| (8..80).contains(cuts)), "{cuts:?}");
}

#[test]
fn from_any_state_the_desired_one_is_reached_and_then_nothing_is_planned() {
    for seed in 0..200 {
        let steps = runtime().block_on(async {
            let chance = Chance::of(seed);
            let house = House::under(&Weather::calm(), chance.clone(), None);
            let script = senders::small_changes(&house);
            assert!(house.tell(&script, 0, None).await);
            let before = house.wire.users();
            hands::meddle(&house, &chance).await;
            let calls = house.calls();
            assert!(house.tell(&script, 1, None).await);
            house.come_to_rest().await;
            let steps = house.calls() - calls;
            for (user, held) in house.wire.users().iter().zip(&before) {
                hands::compare(user, held, seed);
            }
            let calls = house.calls();
            assert!(house.tell(&script, 2, None).await);
            assert_eq!(house.calls(), calls + 1, "DescribeUser alone");
            assert!(house.tell(&script, 2, None).await);
            assert_eq!(house.calls(), calls + 1, "an equal event");
            steps
        });
        assert!((1..12).contains(&steps), "seed {seed}: {steps} calls");
    }
}

#[test]
fn a_thousand_at_once_are_acknowledged_and_use_the_quota() {
    const CROWD: u32 = 1000;
    runtime().block_on(async {
        let size = usize::try_from(CROWD).unwrap();
        let connect = Settings { user_quota: size, ..Settings::default() };
        let house = House::under(&Weather { connect, ..Weather::calm() }, Chance::of(1), None);
        let scripts = senders::crowd(&house, size);
        let start = Instant::now();
        let told = scripts.iter().map(|script| house.tell(script, 0, None));
        let told = futures_util::future::join_all(told).await;
        assert!(told.into_iter().all(|told| told));
        let answered = start.elapsed();
        assert_eq!(house.ledger.lock().unwrap().acknowledged.len(), size);
        while !house.is_at_rest() {
            house.drain_once(None).await;
        }
        let converged = start.elapsed();
        check::all(&house, &scripts);
        let quota = 2.0_f64.mul_add(converged.as_secs_f64(), 5.0);
        let used = f64::from(CROWD) / quota;
        println!(
            "{CROWD} users at once, in virtual time: answered within {answered:?}, all there after \
             {converged:?}, {:.1} % of the quota used, {} calls",
            used * 100.0,
            house.calls()
        );
        assert!(used > 0.95, "{used}");
    });
}

/// Where few calls are let in, the lease of a record is over before its turn comes. That ends no run, which
/// in Lambda would leave the rest of each minute unused.
#[test]
fn a_slow_quota_is_used_by_a_run_each_minute() {
    const CROWD: u32 = 40;
    runtime().block_on(async {
        let weather = Weather { rate: "0.2", ..Weather::calm() };
        let house = House::under(&weather, Chance::of(1), None);
        let scripts = senders::crowd(&house, CROWD.try_into().unwrap());
        // Nobody's sender waits for it: all is left to the drain.
        house
            .roster
            .set_backlog(house.clock.now().checked_add(Duration::from_hours(1)))
            .await
            .unwrap();
        for script in &scripts {
            assert!(house.tell(script, 0, None).await);
        }
        let start = Instant::now();
        let mut minutes = 0_u32;
        while !house.is_at_rest() {
            house.drain_once(None).await;
            minutes += 1;
            tokio::time::sleep_until(start + Duration::from_mins(1) * minutes).await;
        }
        // Of each minute 55 seconds are a run's.
        let least = f64::from(CROWD) / 0.2 / 55.0;
        println!("{CROWD} users at 0.2 calls a second: {minutes} runs, {least:.1} at least");
        assert!(f64::from(minutes) <= (least * 1.1).ceil(), "{minutes} runs, {least} at least");
    });
}

#[test]
fn the_same_seed_is_the_same_story() {
    for seed in 0..20 {
        assert_eq!(play(seed, None), play(seed, None), "seed {seed}");
    }
}

#[test]
fn each_invariant_bites() {
    for (mutation, invariants) in Mutation::ALL {
        // Another invariant may notice it first: which one does is chance.
        let is_meant =
            |what: &String| invariants.iter().any(|name| what.contains(&format!("{name}:")));
        let found = (0..1000).find_map(|seed| {
            let what = play(seed, Some(mutation)).err().filter(is_meant)?;
            Some((seed, what))
        });
        let Some((seed, what)) = found else { panic!("{mutation:?} was not noticed") };
        println!("{mutation:?}: seed {seed}: {what}");
    }
}
