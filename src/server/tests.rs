use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;

use super::*;

const SHORT: Duration = Duration::from_millis(150);

/// A server that echoes bodies of up to 8 bytes after a delay, and counts its answers.
struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    gauge: Gauge,
    answered: Arc<AtomicUsize>,
    task: JoinHandle<bool>,
}

impl Server {
    async fn start(limits: ServerLimits, thinking: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let (gauge, answered) = (Gauge::default(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&answered);
        let answer = move |request: Request<Incoming>| {
            let counted = Arc::clone(&counted);
            async move {
                let (_, body) = body::read(request, 8, limits.body).await;
                sleep(thinking).await;
                counted.fetch_add(1, Ordering::SeqCst);
                let status = match body {
                    Ok(body) => return Response::new(Full::from(body)),
                    Err(body::BodyError::TooLarge) => 413,
                    Err(body::BodyError::TimedOut) => 408,
                    Err(body::BodyError::Disconnected) => 400,
                };
                Response::builder().status(status).body(Full::default()).unwrap()
            }
        };
        let task = tokio::spawn(serve(listener, limits, gauge.clone(), stopped, answer));
        Self { address, stop, gauge, answered, task }
    }

    async fn connect(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    async fn ask(&self, text: &str) -> String {
        let mut stream = self.connect(text).await;
        stream.shutdown().await.unwrap();
        rest(&mut stream).await
    }
}

/// Everything that is received until the peer closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let read = timeout(Duration::from_secs(5), stream.read_to_end(&mut text)).await;
    let _reset = read.expect("the connection ends");
    String::from_utf8_lossy(&text).into_owned()
}

async fn some(stream: &mut TcpStream) -> String {
    let mut buffer = [0; 1024];
    let read = timeout(Duration::from_secs(5), stream.read(&mut buffer)).await;
    let length = read.expect("something comes").unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

fn quick() -> ServerLimits {
    ServerLimits { head: SHORT, body: SHORT, idle: SHORT, ..ServerLimits::default() }
}

fn post(length: usize, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}")
}

#[tokio::test]
async fn who_is_slow_has_so_much_time_for_each_part() {
    let server = Server::start(quick(), Duration::ZERO).await;
    for (begun, told) in [
        ("", ""),
        ("POST / HTTP/1.1\r\nho", ""),
        (&*post(5, "x"), "HTTP/1.1 408 "),
        (&*post(1, "x"), "HTTP/1.1 200 "),
        (&*(post(1, "x") + "POST / H"), "HTTP/1.1 200 "),
    ] {
        let mut stream = server.connect(begun).await;
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with(told) && answer.is_empty() == told.is_empty(), "{answer}");
    }
}

#[tokio::test]
async fn drop_by_drop_is_no_way_to_send_a_head() {
    let limits = ServerLimits { head: SHORT * 2, ..ServerLimits::default() };
    let server = Server::start(limits, Duration::ZERO).await;
    let mut stream = server.connect("POST / HTTP/1.1\r\n").await;
    let trickle = async {
        for _ in 0..50 {
            if stream.write_all(b"x-more: y\r\n").await.is_err() {
                return;
            }
            sleep(SHORT / 2).await;
        }
        panic!("it was listened to for seconds");
    };
    timeout(Duration::from_secs(3), trickle).await.unwrap();
}

#[tokio::test]
async fn who_has_said_all_may_shut_his_side() {
    let server = Server::start(ServerLimits::default(), SHORT).await;
    let answer = server.ask(&post(5, "hello")).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("hello"), "{answer}");
    assert_eq!(server.ask("POST / HTTP/1.1\r\n").await, "", "and who has not gets nothing");
}

#[tokio::test]
async fn who_hangs_up_cuts_nothing_off() {
    let server = Server::start(ServerLimits::default(), SHORT).await;
    drop(server.connect(&post(5, "hello")).await);
    sleep(SHORT * 3).await;
    assert_eq!(server.answered.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_body_is_refused_by_its_length_and_the_answer_arrives() {
    let server = Server::start(ServerLimits::default(), Duration::ZERO).await;
    let long = "x".repeat(1 << 20);
    assert!(server.ask(&post(1 << 20, &long)).await.starts_with("HTTP/1.1 413 "));
    let chunk = format!("100000\r\n{long}\r\n0\r\n\r\n");
    let chunked = "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
    assert!(server.ask(&(chunked + &chunk)).await.starts_with("HTTP/1.1 413 "));
}

#[tokio::test]
async fn who_asks_first_is_told_before_the_body() {
    let server = Server::start(ServerLimits::default(), Duration::ZERO).await;
    let head = |length: usize| post(length, "").replace("host", "expect: 100-continue\r\nhost");
    let mut refused = server.connect(&head(9)).await;
    assert!(some(&mut refused).await.starts_with("HTTP/1.1 413 "));
    let mut asked = server.connect(&head(5)).await;
    assert_eq!(some(&mut asked).await, "HTTP/1.1 100 Continue\r\n\r\n");
    asked.write_all(b"hello").await.unwrap();
    assert!(some(&mut asked).await.ends_with("hello"));
}

#[tokio::test]
async fn a_newcomer_takes_the_place_of_who_has_been_idle_longest() {
    let limits = ServerLimits { connections: 3, ..ServerLimits::default() };
    let server = Server::start(limits, SHORT).await;
    let mut served = server.connect(&post(1, "a")).await;
    assert!(some(&mut served).await.ends_with('a'));
    let mut awaited = server.connect(&post(1, "b")).await;
    let mut sending = server.connect(&post(9, "")[..20]).await;
    sleep(SHORT / 3).await;
    let mut fourth = server.connect(&post(1, "d")).await;
    assert_eq!(rest(&mut served).await, "", "nobody needed it");
    let mut fifth = server.connect(&post(1, "e")).await;
    assert_eq!(rest(&mut sending).await, "", "it had not said what it wants");
    for (stream, letter) in [(&mut awaited, 'b'), (&mut fourth, 'd'), (&mut fifth, 'e')] {
        assert!(some(stream).await.ends_with(letter));
    }
    assert_eq!(server.gauge.evicted(), 2);
    assert!(server.gauge.open() <= 3);
}

#[tokio::test]
async fn at_the_end_who_waits_is_answered_and_nobody_else_comes_in() {
    let server = Server::start(ServerLimits::default(), SHORT).await;
    let mut idle = server.connect(&post(1, "a")).await;
    assert!(some(&mut idle).await.ends_with('a'));
    let mut awaited = server.connect(&post(1, "b")).await;
    let gone = server.connect(&post(1, "c")).await;
    sleep(SHORT / 3).await;
    drop(gone);
    server.stop.send(true).unwrap();
    assert_eq!(rest(&mut idle).await, "");
    assert!(rest(&mut awaited).await.ends_with('b'));
    assert!(server.task.await.unwrap(), "in time");
    assert_eq!(server.answered.load(Ordering::SeqCst), 3, "also who had hung up");
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn the_end_does_not_wait_for_ever() {
    let limits = ServerLimits { farewell: SHORT, ..ServerLimits::default() };
    let server = Server::start(limits, Duration::from_secs(60)).await;
    let _awaited = server.connect(&post(1, "b")).await;
    sleep(SHORT).await;
    server.stop.send(true).unwrap();
    assert!(!timeout(Duration::from_secs(5), server.task).await.unwrap().unwrap());
}
