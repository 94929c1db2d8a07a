//! The emulator kinesis-local (npm, 0.6), run by Node as a process of its own: pages, lineage, `ChildShards` and
//! `MillisBehindLatest` as Kinesis has them. It listens on every address, so run these tests in a network namespace:
//!
//! ```text
//! npm install --no-save --prefix FOLDER kinesis-local@0.6.2
//! TRAILRISK_KINESIS_LOCAL=FOLDER/node_modules/kinesis-local/main.js \
//!   unshare --net bash -c 'ip link set lo up && cargo test --offline kinesis_local'
//! ```
//!
//! Without the variable these tests are skipped, and say so; with `TRAILRISK_REQUIRE_KINESIS_LOCAL=1` they fail then.

use std::io::Write as _;
use std::net::TcpListener;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tokio::net::TcpStream;
use tokio::sync::OnceCell;

use crate::support::kinesis::Endpoint;
use crate::support::wait_until;

/// One for all tests of this process: it takes seconds to start.
static PROCESS: OnceCell<Process> = OnceCell::const_new();

/// What Node runs: it ends with its standard input, which this process holds open. So it ends however this one does;
/// nothing is dropped at the end of a test binary.
const PROGRAM: &str = "process.stdin.on('end', () => process.exit()).resume(); require(process.argv[1])";

/// The emulator, and a client of it in this test's runtime.
pub struct Emulator(Endpoint);

struct Process {
    port: u16,
    /// Holds its standard input.
    _child: Child,
}

impl Emulator {
    /// The emulator; none if this machine has none, which is said.
    ///
    /// # Panics
    /// When it is missing and required, or does not start.
    pub async fn get() -> Option<Self> {
        let Some(main) = std::env::var_os("TRAILRISK_KINESIS_LOCAL") else {
            skip();
            return None;
        };
        let process = PROCESS.get_or_init(|| Process::start(PathBuf::from(main))).await;
        Some(Self(Endpoint::new(format!("http://127.0.0.1:{}", process.port))))
    }
}

impl Deref for Emulator {
    type Target = Endpoint;

    fn deref(&self) -> &Endpoint {
        &self.0
    }
}

/// Says so past the test harness, which keeps what a successful test prints to itself.
fn skip() {
    let required = std::env::var_os("TRAILRISK_REQUIRE_KINESIS_LOCAL").is_some_and(|value| value == "1");
    assert!(!required, "TRAILRISK_KINESIS_LOCAL must hold the path of kinesis-local's main.js");
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let note = format!("SKIPPED {test}: TRAILRISK_KINESIS_LOCAL names no kinesis-local\n");
    std::io::stderr().write_all(note.as_bytes()).expect("standard error is open");
}

impl Process {
    async fn start(main: PathBuf) -> Self {
        let [port, tls_port] = free_ports();
        let mut child = Command::new("node")
            .args(["--eval", PROGRAM])
            .arg(&main)
            // Its certificate lies beside it.
            .current_dir(main.parent().unwrap_or(Path::new(".")))
            .envs([("KINESIS_MOCK_PLAIN_PORT", port.to_string()), ("KINESIS_MOCK_TLS_PORT", tls_port.to_string())])
            .envs(["CREATE_STREAM", "SPLIT_SHARD", "MERGE_SHARDS", "UPDATE_SHARD_COUNT"].map(instantly))
            .envs([("SHARD_LIMIT", "1000"), ("LOG_LEVEL", "ERROR")])
            // It complains of a busy machine otherwise.
            .env("CATS_EFFECT_CPU_STARVATION_CHECK_INITIAL_DELAY", "1d")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("node can be started");
        wait_until("kinesis-local listens", || {
            let ended = child.try_wait().expect("it can be asked");
            assert_eq!(ended, None, "kinesis-local ended by itself");
            async move { TcpStream::connect(("127.0.0.1", port)).await.ok() }
        })
        .await;
        Self { port, _child: child }
    }
}

fn instantly(operation: &str) -> (String, &str) {
    (format!("{operation}_DURATION"), "10ms")
}

/// Two free ports below those that the system gives to whoever asks for any, so that nobody takes them meanwhile; other
/// processes that run these tests begin elsewhere.
fn free_ports() -> [u16; 2] {
    let offset = u16::try_from(std::process::id() % 10_000).expect("below 10,000");
    let mut free = (20_000 + offset..).filter(|port| TcpListener::bind(("0.0.0.0", *port)).is_ok());
    std::array::from_fn(|_| free.next().expect("a free port"))
}
