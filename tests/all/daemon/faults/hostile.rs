//! A webhook receiver that does what it should not, from a seed: spoken byte by byte, since no HTTP server would.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
/// Answers that are words only.
const WORDS: [(&str, &str); 9] = [
    ("500", "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n"),
    ("503", "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"),
    ("429", "HTTP/1.1 429 Slow Down\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n"),
    ("408", "HTTP/1.1 408 Too Slow\r\ncontent-length: 0\r\n\r\n"),
    ("401", "HTTP/1.1 401 Who\r\ncontent-length: 0\r\n\r\n"),
    ("404", "HTTP/1.1 404 Gone\r\ncontent-length: 0\r\n\r\n"),
    ("redirect", "HTTP/1.1 307 There\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"),
    ("garbage", "\u{0}\u{1b}[31m what? \r\n\r\n"),
    ("half a head", "HTTP/1.1 200 O"),
];

/// What happens to a request.
#[derive(Clone, Copy)]
enum Fault {
    /// These words, of this name.
    Words(&'static str, &'static str),
    /// The event is refused.
    Refused,
    /// No answer.
    Silent,
    /// A success, one byte a second.
    SlowLoris,
    /// The connection is reset before the body is read.
    ResetEarly,
    /// It is taken, and the connection reset before the answer.
    LostAnswer,
    /// A success, and another answer that nobody asked for.
    Twice,
    /// A success; the connection is closed without a word.
    ClosedAfter,
    /// A success with a body that breaks off.
    HalfBody,
    /// A success with a body larger than anybody needs.
    LargeBody,
}

/// A request that came whole.
#[derive(Clone, Debug)]
pub struct Request {
    /// The idempotency key.
    pub key: String,
    pub body: String,
    /// Whether it was answered by a success; the answer may have been lost.
    pub taken: bool,
    /// Whether it was refused for what it is.
    pub refused: bool,
}

/// A running receiver.
pub struct Hostile {
    pub url: String,
    state: Arc<Mutex<State>>,
    server: JoinHandle<()>,
}

struct State {
    rng: Rng,
    /// How many faults are still to come.
    left: usize,
    struck: BTreeMap<&'static str, usize>,
    requests: Vec<Request>,
    /// Requests of another path than the configured one.
    astray: usize,
}

struct Received {
    path: String,
    key: String,
    body: String,
}

impl Hostile {
    /// One that does so many things that it should not, and then behaves.
    pub async fn start(seed: u64, faults: usize) -> Self {
        let (struck, requests) = (BTreeMap::new(), Vec::new());
        let state = State { rng: Rng::with_seed(seed), left: faults, struck, requests, astray: 0 };
        let state = Arc::new(Mutex::new(state));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("bound"));
        let server = tokio::spawn(accept(listener, Arc::clone(&state)));
        Self { url, state, server }
    }

    /// The `sinks` section for it.
    pub fn sink(&self) -> Value {
        json!([{
            "name": "soc", "type": "webhook", "url": self.url, "allow_http": true, "allow_private": true,
            "timeout": "1s", "retry_min": "10ms", "retry_max": "300ms",
        }])
    }

    /// How many faults are still to come.
    pub fn left(&self) -> usize {
        self.state.lock().expect("no handler panics").left
    }

    /// The faults so far, by name.
    pub fn struck(&self) -> BTreeMap<&'static str, usize> {
        self.state.lock().expect("no handler panics").struck.clone()
    }

    /// The requests so far, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.state.lock().expect("no handler panics").requests.clone()
    }

    /// Requests of another path than the configured one.
    pub fn astray(&self) -> usize {
        self.state.lock().expect("no handler panics").astray
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl State {
    /// Every other request is struck, until all faults are.
    fn draw(&mut self) -> Option<Fault> {
        if self.left == 0 || self.rng.bool() {
            return None;
        }
        self.left -= 1;
        let fault = match self.rng.usize(..WORDS.len() + 9) {
            0 => Fault::Refused,
            1 => Fault::Silent,
            2 => Fault::SlowLoris,
            3 => Fault::ResetEarly,
            4 => Fault::LostAnswer,
            5 => Fault::Twice,
            6 => Fault::ClosedAfter,
            7 => Fault::HalfBody,
            8 => Fault::LargeBody,
            words => Fault::Words(WORDS[words - 9].0, WORDS[words - 9].1),
        };
        *self.struck.entry(fault.name()).or_default() += 1;
        Some(fault)
    }

    fn note(&mut self, received: Received, fault: Option<Fault>) {
        if received.path != "/hook" {
            self.astray += 1;
        }
        let taken = fault.is_none_or(Fault::takes);
        let refused = matches!(fault, Some(Fault::Refused));
        self.requests.push(Request { key: received.key, body: received.body, taken, refused });
    }
}

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Self::Words(name, _) => name,
            Self::Refused => "422",
            Self::Silent => "silent",
            Self::SlowLoris => "slow loris",
            Self::ResetEarly => "reset early",
            Self::LostAnswer => "lost answer",
            Self::Twice => "answers twice",
            Self::ClosedAfter => "closed after",
            Self::HalfBody => "half a body",
            Self::LargeBody => "large body",
        }
    }

    fn takes(self) -> bool {
        matches!(self, Self::LostAnswer | Self::Twice | Self::ClosedAfter | Self::HalfBody | Self::LargeBody)
    }
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        // However a connection ends is the client's matter.
        tokio::spawn(async move { drop(serve(BufReader::new(stream), &state).await) });
    }
}

async fn serve(mut stream: BufReader<TcpStream>, state: &Mutex<State>) -> io::Result<()> {
    let with = |work: &mut dyn FnMut(&mut State)| work(&mut state.lock().expect("no handler panics"));
    while let Some((mut received, length)) = head(&mut stream).await? {
        let mut fault = None;
        with(&mut |state| fault = state.draw());
        if matches!(fault, Some(Fault::ResetEarly)) {
            return stream.get_ref().set_zero_linger();
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        received.body = String::from_utf8(body).expect("JSON is UTF-8");
        let mut received = Some(received);
        with(&mut |state| state.note(received.take().expect("once"), fault));
        if !answer(stream.get_mut(), fault).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// The head of the next request and the length of its body; none when the connection ends.
async fn head(stream: &mut BufReader<TcpStream>) -> io::Result<Option<(Received, usize)>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut received, mut length) = (Received { path, key: String::new(), body: String::new() }, 0);
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        match line.trim_end().split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value)) {
            Some((name, value)) if name == "content-length" => length = value.parse().expect("a length"),
            Some((name, value)) if name == "idempotency-key" => received.key = value.to_owned(),
            Some(_) => {}
            None => return Ok(Some((received, length))),
        }
    }
}

/// Answers, and says whether the connection goes on.
async fn answer(stream: &mut TcpStream, fault: Option<Fault>) -> io::Result<bool> {
    match fault {
        None => stream.write_all(OK.as_bytes()).await?,
        Some(Fault::Words(name, words)) => {
            stream.write_all(words.as_bytes()).await?;
            return Ok(!["503", "garbage", "half a head"].contains(&name));
        }
        Some(Fault::Refused) => stream.write_all(b"HTTP/1.1 422 No\r\ncontent-length: 0\r\n\r\n").await?,
        Some(Fault::Silent) => std::future::pending().await,
        Some(Fault::SlowLoris) => {
            for byte in OK.as_bytes() {
                stream.write_all(&[*byte]).await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        Some(Fault::ResetEarly | Fault::LostAnswer) => {
            stream.set_zero_linger()?;
            return Ok(false);
        }
        Some(Fault::Twice) => {
            let twice = format!("{OK}HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(twice.as_bytes()).await?;
        }
        Some(Fault::ClosedAfter) => {
            stream.write_all(OK.as_bytes()).await?;
            return Ok(false);
        }
        Some(Fault::HalfBody) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf").await?;
            return Ok(false);
        }
        Some(Fault::LargeBody) => {
            let size = 1 << 20;
            stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n").as_bytes()).await?;
            stream.write_all(&vec![b'x'; size]).await?;
        }
    }
    Ok(true)
}
