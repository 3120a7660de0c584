//! Percent-encodes characters that a query may not contain, in the bytes of a connection.
//!
//! `GET /scim/v2/Users?filter=userName eq "ana@example.com" HTTP/1.1` is not a valid request (RFC
//! 9112 §3.2). hyper answers it with an empty 400, and even a quotation mark alone, as
//! [`http::Uri`] takes no `"`, `<` or `>` in a query. Load balancers accept more, and scripts send
//! it. The meaning is clear, so after the first `?` of the request target, quotation marks, angle
//! brackets, blanks and non-ASCII bytes become `%22` and the like. RFC 9112 advises against this
//! where whitespace could pass a filter that parses the line otherwise; so the parts that route a
//! request, its method and path, are not changed.
//!
//! Bodies are skipped by their `Content-Length`, to find the next request. After a body of another
//! kind, or anything else that is not understood, all bytes pass unchanged; what is invalid then
//! gets hyper's 400.
//! kind, or anything that is not understood, all goes through as it came: that ends in hyper's 400, as
//! it did before.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The longest line that is held, in bytes. Longer ones pass unchanged, as hyper refuses such a
/// target anyway (`http::Uri`, 65,534 bytes).
const LONGEST_LINE: usize = 70_000;

/// The read size, in bytes.
const CHUNK: usize = 8 * 1024;

/// A stream whose requests are encoded as they are read. Writes pass unchanged.
#[derive(Debug)]
pub(super) struct Encoded<S> {
    stream: S,
    reader: RequestScanner,
    /// The encoded bytes to deliver, and how many of them were delivered.
    ready: Vec<u8>,
    passed: usize,
}

impl<S> Encoded<S> {
    /// Wraps a new connection.
    pub(super) const fn new(stream: S) -> Self {
        let reader = RequestScanner { part: Part::Line, line: Vec::new(), length: None };
        Self { stream, reader, ready: Vec::new(), passed: 0 }
    }

    /// Delivers encoded bytes; returns whether there were any.
    fn pass(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let rest = self.ready.get(self.passed..).unwrap_or_default();
        let part = rest.get(..buffer.remaining()).unwrap_or(rest);
        buffer.put_slice(part);
        let length = part.len();
        self.passed = self.passed.saturating_add(length);
        if self.passed == self.ready.len() {
            self.ready.clear();
            self.passed = 0;
        }
        length > 0
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Encoded<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if buffer.remaining() == 0 || this.pass(buffer) {
                return Poll::Ready(Ok(()));
            }
            if this.reader.part == Part::Rest {
                return Pin::new(&mut this.stream).poll_read(context, buffer);
            }
            let mut chunk = [0; CHUNK];
            let mut chunk = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut chunk))?;
            if chunk.filled().is_empty() {
                this.reader.give_up(&mut this.ready);
            } else {
                this.reader.read(chunk.filled(), &mut this.ready);
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Encoded<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// The part of the stream that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// A request line, or an empty line before it.
    Line,
    /// A header line, or the empty line after the headers.
    Header,
    /// This many bytes of a body.
    Body(usize),
    /// Bytes that are no longer parsed.
    Rest,
}

/// Parses the requests of a connection, one after the other.
#[derive(Debug)]
struct RequestScanner {
    part: Part,
    /// The incomplete line so far. Only a request line is held back until it is complete.
    line: Vec<u8>,
    /// The `Content-Length` of this request.
    length: Option<usize>,
}

impl RequestScanner {
    /// Parses the next bytes and writes those to deliver.
    fn read(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while !bytes.is_empty() {
            match self.part {
                Part::Rest => return out.extend_from_slice(bytes),
                Part::Body(left) => {
                    let (body, behind) = bytes.split_at_checked(left).unwrap_or((bytes, &[]));
                    out.extend_from_slice(body);
                    bytes = behind;
                    self.part = match left.saturating_sub(body.len()) {
                        0 => Part::Line,
                        left => Part::Body(left),
                    };
                }
                Part::Line | Part::Header => {
                    let end = bytes.iter().position(|byte| *byte == b'\n');
                    let length = end.map_or(bytes.len(), |end| end.saturating_add(1));
                    let (line, behind) = bytes.split_at_checked(length).unwrap_or((bytes, &[]));
                    bytes = behind;
                    self.line.extend_from_slice(line);
                    if self.part == Part::Header {
                        out.extend_from_slice(line);
                    }
                    if end.is_some() {
                        self.end_line(out);
                    } else if self.line.len() > LONGEST_LINE {
                        self.give_up(out);
                    }
                }
            }
        }
    }

    /// Handles a complete line.
    fn end_line(&mut self, out: &mut Vec<u8>) {
        let line = std::mem::take(&mut self.line);
        let text = line.trim_ascii_end();
        self.part = match (self.part, text) {
            (Part::Line, _) => {
                encode(&line, out);
                if text.is_empty() { Part::Line } else { Part::Header }
            }
            (_, b"") => self.length.take().filter(|it| *it > 0).map_or(Part::Line, Part::Body),
            (_, header) => self.header(header),
        };
    }

    /// Handles a header line.
    fn header(&mut self, header: &[u8]) -> Part {
        let mut parts = header.splitn(2, |byte| *byte == b':');
        let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if name.eq_ignore_ascii_case(b"transfer-encoding") || name.eq_ignore_ascii_case(b"upgrade")
        {
            return Part::Rest;
        }
        if !name.eq_ignore_ascii_case(b"content-length") {
            return Part::Header;
        }
        let value = value.trim_ascii();
        let digits = value.iter().all(u8::is_ascii_digit);
        let length = str::from_utf8(value).ok().filter(|_| digits).and_then(|it| it.parse().ok());
        match (length, self.length.replace(length.unwrap_or_default())) {
            (Some(length), before) if before.is_none_or(|before| before == length) => Part::Header,
            _ => Part::Rest,
        }
    }

    /// Delivers the bytes held back and stops parsing.
    fn give_up(&mut self, out: &mut Vec<u8>) {
        let line = std::mem::take(&mut self.line);
        if self.part == Part::Line {
            out.extend_from_slice(&line);
        }
        self.part = Part::Rest;
    }
}

/// Writes a request line with its query encoded; any other line unchanged.
fn encode(line: &[u8], out: &mut Vec<u8>) {
    let position = |bytes: &[u8], wanted: u8| bytes.iter().position(|byte| *byte == wanted);
    let version = line.windows(6).rposition(|window| window == b" HTTP/");
    let query = position(line, b'?').map(|mark| mark.saturating_add(1));
    let (Some(start), Some(end)) = (query, version) else {
        return out.extend_from_slice(line);
    };
    let (Some(before), Some(query), Some(behind)) =
        (line.get(..start), line.get(start..end), line.get(end..))
    else {
        return out.extend_from_slice(line);
    };
    out.extend_from_slice(before);
    for byte in query {
        match byte {
            b' ' | b'"' | b'<' | b'>' | 0x80..=0xff => {
                out.extend_from_slice(format!("%{byte:02X}").as_bytes());
            }
            _ => out.push(*byte),
        }
    }
    out.extend_from_slice(behind);
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt as _, Full};
    use hyper::body::{Bytes, Incoming};
    use hyper::{Request, Response};
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::watch;

    use crate::server::{Gauge, ServerLimits, serve};

    /// The bytes delivered for input in these pieces.
    fn passed_on(parts: &[&[u8]]) -> String {
        let mut encoded = Encoded::new(());
        parts.iter().for_each(|part| encoded.reader.read(part, &mut encoded.ready));
        encoded.reader.give_up(&mut encoded.ready);
        String::from_utf8_lossy(&encoded.ready).into_owned()
    }

    const RAW: &str = "GET /x?filter=userName eq \"é\"&y=<z> HTTP/1.1\r\nHost: x\r\n\r\n";
    const CLEAN: &str =
        "GET /x?filter=userName%20eq%20%22%C3%A9%22&y=%3Cz%3E HTTP/1.1\r\nHost: x\r\n\r\n";

    #[test]
    fn a_query_is_encoded_and_nothing_else_is() {
        let post = |length: &str, body: &str| {
            format!("POST /\"y\"?a=\"b\" HTTP/1.1\r\n{length}\r\n\r\n{body}")
        };
        let encoded = |length: &str, body: &str| post(length, body).replace("\"b\"", "%22b%22");
        for (sent, expected) in [
            (RAW.to_owned(), CLEAN.to_owned()),
            (format!("\r\n{RAW}{RAW}"), format!("\r\n{CLEAN}{CLEAN}")),
            (post("content-LENGTH: 58", RAW) + RAW, encoded("content-LENGTH: 58", RAW) + CLEAN),
            (post("Content-Length: 0", "") + RAW, encoded("Content-Length: 0", "") + CLEAN),
            (post("Transfer-Encoding: chunked", RAW), encoded("Transfer-Encoding: chunked", RAW)),
            (
                post("Content-Length: 1\r\nContent-Length: 2", RAW),
                encoded("Content-Length: 1\r\nContent-Length: 2", RAW),
            ),
            (post("Content-Length: +1", RAW), encoded("Content-Length: +1", RAW)),
            ("GET /a b HTTP/1.1\r\n\r\n".to_owned(), "GET /a b HTTP/1.1\r\n\r\n".to_owned()),
            ("GET /?\"".to_owned(), "GET /?\"".to_owned()),
        ] {
            assert_eq!(RAW.len(), 58);
            assert_eq!(passed_on(&[sent.as_bytes()]), expected);
        }
        let endless = "x".repeat(2 * LONGEST_LINE);
        assert_eq!(passed_on(&[endless.as_bytes(), RAW.as_bytes()]), format!("{endless}{RAW}"));
    }

    proptest! {
        #[test]
        fn however_the_bytes_come_the_same_is_passed_on(
            bytes in prop::collection::vec(prop::sample::select(
                &[RAW, "POST /?\" HTTP/1.1\r\nContent-Length: 3\r\n\r\n\"\"\"", "\r\n", "\"", "x: y\r\n"][..]
            ), 0..5),
            cuts in prop::collection::vec(0..300_usize, 0..5),
        ) {
            let bytes = bytes.concat().into_bytes();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let parts: Vec<_> = cuts.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect();
            prop_assert_eq!(passed_on(&parts), passed_on(&[&bytes]));
        }

        #[test]
        fn any_bytes_go_through(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = passed_on(&[&bytes]);
        }
    }

    async fn told(request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let length = body.collect().await.unwrap().to_bytes().len();
        Response::new(Full::new(Bytes::from(format!("<{}|{length}>", head.uri))))
    }

    #[tokio::test]
    async fn a_query_with_quotation_marks_is_served_on_every_request_of_a_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (_stop, stopped) = watch::channel(false);
        let (limits, gauge) = (ServerLimits::default(), Gauge::default());
        let door = tokio::spawn(serve(listener, limits, gauge, stopped, told));
        let mut connection = TcpStream::connect(address).await.unwrap();
        let body = "x".repeat(20_000);
        let post = format!("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n{body}");
        let last = "GET /?last=\" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let sent = format!("{RAW}{post}{last}");
        connection.write_all(sent.as_bytes()).await.unwrap();
        let mut answers = String::new();
        connection.read_to_string(&mut answers).await.unwrap();
        door.abort();
        for told in
            ["</x?filter=userName%20eq%20%22%C3%A9%22&y=%3Cz%3E|0>", "</p|20000>", "</?last=%22|0>"]
        {
            assert!(answers.contains(told), "{answers}");
        }
    }
}
