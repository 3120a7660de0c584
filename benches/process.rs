//! The function as Lambda starts it, beside the least that a function can be: how long it takes to
//! be ready, and to its first 201, and how much memory it needs.
//!
//! This program plays the Runtime API for one process after the other, in turn, and compares the
//! medians. Behind the functions that call Amazon Connect is the stand-in.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a benchmark fails by panicking"
)]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use connect_provisioner::trust::Source;
use connect_provisioner::trust::scheme::Scheme;
use serde_json::{Value, json};

const KEY: &str = "VGhpcyBrZXkgaXMga25vd24gdG8gZXZlcnlib2R5Lg==";
const ROUNDS: usize = 60;

fn main() {
    let standin = Standin::start();
    let ours = Program::new("bootstrap", &standin);
    let bare = Program::new("examples/bare", &standin);
    let create = Program::new("examples/bare_create_user", &standin);

    let poll = |program: &Program, _| {
        let mut running = program.start();
        running.poll();
        running.started.elapsed()
    };
    ratio(
        "exec to the first poll of the Runtime API / a bare lambda_runtime",
        [&ours, &bare],
        poll,
    );
    ratio(
        "exec to the first 201 / a bare lambda_runtime with one CreateUser",
        [&ours, &create],
        |program, round| {
            let mut running = program.start();
            let name = format!("{}-{round}", program.name.replace('/', "-"));
            let event =
                if program.name == "bootstrap" { signed(&name) } else { standin.plain(&name) };
            let answer = running.answer(&event);
            assert_eq!(answer["statusCode"], 201, "{answer}");
            running.started.elapsed()
        },
    );
    memory(&ours);
}

fn ratio(what: &str, programs: [&Program; 2], run: impl Fn(&Program, usize) -> Duration) {
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        for (program, times) in programs.iter().zip(&mut times) {
            times.push(run(program, round));
        }
    }
    let [ours, theirs] = times.map(|mut times: Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64() * 1e3
    });
    println!("{:5.2}  {what}  ({ours:.2} / {theirs:.2} ms)", ours / theirs);
}

/// The most that was in use at once, after so many events.
fn memory(program: &Program) {
    let mut running = program.start();
    let mut sent = 0;
    for events in [1000, 10_000] {
        while sent < events {
            let answer = running.answer(&signed(&format!("memory-{sent}")));
            assert_eq!(answer["statusCode"], 201, "{answer}");
            sent += 1;
        }
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", running.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        let kibibytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        println!("{:5.1}  MiB at most after {events} events", kibibytes / 1024.0);
    }
}

fn release() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/release")
}

/// The stand-in, until dropped.
struct Standin {
    process: Child,
    told: Value,
}

impl Standin {
    fn start() -> Self {
        let mut process = Command::new(release().join("connect-provisioner"))
            .args(["standin", "--no-throttle", "--quota", "100000"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("make release has built the stand-in");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { process, told: serde_json::from_str(&line).unwrap() }
    }

    fn text(&self, pointer: &str) -> &str {
        self.told.pointer(pointer).unwrap().as_str().unwrap()
    }

    fn instance(&self) -> &str {
        self.text("/instanceArn").rsplit('/').next().unwrap()
    }

    /// An event for the program that asks no question of it.
    fn plain(&self, name: &str) -> Value {
        json!({
            "instance": self.instance(), "username": name,
            "routingProfile": self.text("/routingProfiles/Sales"),
            "securityProfile": self.text("/securityProfiles/Agent"),
        })
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A program that speaks to the Runtime API, and its environment.
struct Program {
    name: &'static str,
    environment: BTreeMap<&'static str, String>,
}

impl Program {
    fn new(name: &'static str, standin: &Standin) -> Self {
        let environment = [
            ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDBENCH"),
            ("AWS_SECRET_ACCESS_KEY", "bench"),
            ("AWS_SESSION_TOKEN", "bench"),
            ("AWS_ENDPOINT_URL_CONNECT", standin.text("/endpoint")),
            ("HOOK_X_SCHEME", "standard-webhooks"),
            ("HOOK_X_SECRET", KEY),
            ("CONNECT_INSTANCE", standin.text("/instanceArn")),
            ("ROUTING_PROFILE", standin.text("/routingProfiles/Sales")),
            ("SECURITY_PROFILES", standin.text("/securityProfiles/Agent")),
        ];
        Self { name, environment: environment.map(|(name, value)| (name, value.to_owned())).into() }
    }

    fn start(&self) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut command = Command::new(release().join(self.name));
        command
            .env_clear()
            .envs(&self.environment)
            .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr().unwrap().to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        #[expect(clippy::disallowed_methods, reason = "time is what is measured")]
        let started = Instant::now();
        let process = command.spawn().expect("make bench has built the program");
        Running { started, process, listener, connection: None }
    }
}

/// A process whose Runtime API this is, until dropped.
struct Running {
    started: Instant,
    process: Child,
    listener: TcpListener,
    connection: Option<BufReader<TcpStream>>,
}

impl Running {
    /// Waits until the function asks for an event.
    fn poll(&mut self) {
        let (line, _) = self.receive();
        assert!(line.starts_with("GET /2018-06-01/runtime/invocation/next "), "{line}");
    }

    /// The function's answer to an event.
    fn answer(&mut self, event: &Value) -> Value {
        self.poll();
        let deadline = now().as_millis() + 15_000;
        let headers = format!(
            "lambda-runtime-aws-request-id: 1\r\nlambda-runtime-deadline-ms: {deadline}\r\n\
             lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:1:function:bench\r\n"
        );
        self.reply("200 OK", &headers, &event.to_string());
        let (line, body) = self.receive();
        assert!(line.contains("/invocation/1/response"), "{line}");
        self.reply("202 Accepted", "", "");
        serde_json::from_slice(&body).unwrap()
    }

    /// The next request: its first line and its body.
    fn receive(&mut self) -> (String, Vec<u8>) {
        loop {
            if self.connection.is_none() {
                let (stream, _) = self.listener.accept().unwrap();
                stream.set_nodelay(true).unwrap();
                self.connection = Some(BufReader::new(stream));
            }
            let mut first = String::new();
            let connection = self.connection.as_mut().unwrap();
            if connection.read_line(&mut first).unwrap() == 0 {
                self.connection = None;
                continue;
            }
            return (first, read_body(connection));
        }
    }

    fn reply(&mut self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        let reply = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}");
        let stream = self.connection.as_mut().unwrap().get_mut();
        stream.write_all(reply.as_bytes()).unwrap();
    }
}

fn read_body(connection: &mut BufReader<TcpStream>) -> Vec<u8> {
    let (mut length, mut is_chunked) = (0, false);
    loop {
        let mut line = String::new();
        connection.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        is_chunked |= line == "transfer-encoding: chunked";
    }
    let mut body = Vec::new();
    if !is_chunked {
        body.resize(length, 0);
        connection.read_exact(&mut body).unwrap();
        return body;
    }
    loop {
        let mut size = String::new();
        connection.read_line(&mut size).unwrap();
        let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
        let mut chunk = vec![0; size + 2];
        connection.read_exact(&mut chunk).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&chunk[..size]);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn now() -> Duration {
    #[expect(clippy::disallowed_methods, reason = "an outermost place: the clock is read here")]
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap()
}

/// A signed event that asks for a person of this name to join, as an HTTP API hands it over.
fn signed(name: &str) -> Value {
    let scheme = Scheme::named("standard-webhooks").unwrap();
    let keys = vec![scheme.key(KEY).unwrap()];
    let source = Source { name: "x".to_owned(), scheme, keys };
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": name, "externalId": name, "name": {"givenName": "Ana", "familyName": "Ruiz"},
    });
    let body = user.to_string();
    let headers: BTreeMap<_, _> =
        source.sign(name, now().as_secs(), body.as_bytes()).into_iter().collect();
    json!({
        "version": "2.0", "rawPath": "/hooks/x", "headers": headers, "body": body,
        "requestContext": {"stage": "$default", "http": {"method": "POST"}},
    })
}
