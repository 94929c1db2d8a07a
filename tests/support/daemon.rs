//! The daemon as a process of its own: its folder, its lines, its port, its signals, its end.
//!
//! Deliberately absent: what it is configured to do, and what is expected of it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{PATIENCE, looking};

/// A folder with a configuration, in which processes run one after the other: what they store outlives them.
pub struct Home {
    folder: TempDir,
    executable: PathBuf,
    leading: Vec<String>,
}

/// How a process ended, and all that it said.
#[derive(Debug)]
pub struct Ended {
    /// None if a signal ended it.
    pub code: Option<i32>,
    /// The whole lines of standard output: what a crash tore in the middle is left out.
    pub lines: Vec<String>,
    /// Standard error.
    pub log: String,
}

/// A process that runs. It is killed when dropped.
pub struct Daemon {
    child: Child,
    stdout: Arc<Lines>,
    stderr: Arc<Lines>,
    readers: [JoinHandle<()>; 2],
}

#[derive(Default)]
struct Lines(Mutex<Vec<(Instant, String)>>);

impl Home {
    /// A new folder for processes of `executable`, whose arguments begin with `leading`.
    pub fn new(executable: impl Into<PathBuf>, leading: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let leading = leading.iter().map(|argument| (*argument).to_owned()).collect();
        Self { folder, executable: executable.into(), leading }
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the folder, at once: nobody reads half of it.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let (written, path) = (self.path(".written"), self.path(name));
        std::fs::write(&written, text).expect("the folder is writable");
        std::fs::rename(written, &path).expect("the folder is writable");
        path
    }

    /// Writes the configuration that [`Self::start`] and [`Self::with_config`] use.
    pub fn configure(&self, yaml: impl AsRef<[u8]>) {
        self.write("trailrisk.yaml", yaml);
    }

    /// A command in the folder, with credentials and nothing else from this process's environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.executable);
        command
            .args(&self.leading)
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// A command with this folder's configuration.
    pub fn with_config(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.arg("--config").arg(self.path("trailrisk.yaml"));
        command
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        Daemon::spawn(self.command(arguments)).ended().await
    }

    /// Runs a command to its end, with `typed` as its standard input.
    pub async fn run_typing(&self, mut command: Command, typed: &str) -> Ended {
        let input = self.write("typed", typed);
        command.stdin(std::fs::File::open(input).expect("it was just written"));
        Daemon::spawn(command).ended().await
    }

    /// Starts the daemon; it may not be ready yet.
    pub fn start(&self) -> Daemon {
        Daemon::spawn(self.with_config(&["run"]))
    }
}

impl Daemon {
    /// Starts a command and reads what it says.
    pub fn spawn(mut command: Command) -> Self {
        let spawned = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.expect("the executable can be started");
        let (stdout, stderr) = (Arc::<Lines>::default(), Arc::<Lines>::default());
        let readers = [
            tokio::spawn(read(child.stdout.take().expect("it is piped"), Arc::clone(&stdout))),
            tokio::spawn(read(child.stderr.take().expect("it is piped"), Arc::clone(&stderr))),
        ];
        Self { child, stdout, stderr, readers }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("it was not waited for")
    }

    /// The risk events so far.
    pub fn lines(&self) -> Vec<String> {
        self.stdout.all()
    }

    /// The risk events so far but for the first `skip`.
    pub fn lines_after(&self, skip: usize) -> Vec<String> {
        self.stdout.0.lock().expect("no reader panics").iter().skip(skip).map(|(_, line)| line.clone()).collect()
    }

    /// The risk events so far, each with the moment in which it could be read.
    pub fn timed_lines(&self) -> Vec<(Instant, String)> {
        self.stdout.timed()
    }

    /// The log so far.
    pub fn log(&self) -> Vec<String> {
        self.stderr.all()
    }

    /// The address of the admin port, from the log line of the start (JSON, level info).
    pub async fn admin(&self) -> String {
        self.until(PATIENCE, "it says where its admin port listens", || async { self.admin_address() }).await
    }

    /// Waits until `/readyz` says yes.
    ///
    /// # Panics
    /// When it does not come to that.
    pub async fn ready(&self) {
        let ready = || async { self.get("/readyz").await.filter(|(status, _)| *status == 200) };
        self.until(PATIENCE, "it is ready", ready).await;
    }

    /// Waits for the log lines with these words. A line may come later than what was done after it can be seen
    /// elsewhere, in `/metrics` for example, since the log has a pipe of its own.
    ///
    /// # Panics
    /// When none comes.
    pub async fn until_logged(&self, words: &str) -> Vec<String> {
        let has = |line: &String| line.contains(words);
        let logged =
            || async { Some(self.log().into_iter().filter(has).collect()).filter(|lines: &Vec<_>| !lines.is_empty()) };
        self.until(PATIENCE, &format!("{words:?} is logged"), logged).await
    }

    /// Waits until `look` sees something.
    ///
    /// # Panics
    /// When it does not come to pass within `limit`; with what the process has logged.
    pub async fn until<T, F>(&self, limit: Duration, what: &str, look: impl FnMut() -> F) -> T
    where
        F: Future<Output = Option<T>>,
    {
        let seen = tokio::time::timeout(limit, looking(look)).await;
        seen.unwrap_or_else(|_| panic!("waited {} s in vain: {what}\n{}", limit.as_secs(), self.log().join("\n")))
    }

    /// Asks the admin port: status and body. None while it does not answer.
    pub async fn get(&self, path: &str) -> Option<(u16, String)> {
        let address = self.admin_address()?;
        let mut stream = TcpStream::connect(&address).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
    }

    /// What `/metrics` says.
    pub async fn metrics(&self) -> String {
        self.get("/metrics").await.map(|(_, body)| body).unwrap_or_default()
    }

    /// One sample of `/metrics`, by its name and labels as they are written there; 0 where there is none.
    pub async fn metric(&self, series: &str) -> f64 {
        let metrics = self.metrics().await;
        let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok());
        value.unwrap_or(0.0)
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let path = format!("/proc/{}/status", self.pid());
        let status = std::fs::read_to_string(path).expect("Linux, and it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("every process has it");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of KiB") * 1024
    }

    /// Sends a signal, such as `TERM`.
    pub async fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status().await;
        assert!(sent.is_ok_and(|status| status.success()), "SIG{name} is sent");
    }

    /// SIGKILL, then everything that it had said.
    pub async fn kill(mut self) -> Ended {
        self.child.start_kill().expect("it was not waited for");
        self.ended().await
    }

    /// SIGTERM, then its end.
    pub async fn stop(self) -> Ended {
        self.signal("TERM").await;
        self.ended().await
    }

    /// Waits for its end.
    pub async fn ended(self) -> Ended {
        self.ended_within(PATIENCE).await
    }

    /// Waits for its end, for that long at most.
    pub async fn ended_within(mut self, patience: Duration) -> Ended {
        let ending = async {
            let status = self.child.wait().await.expect("it was started");
            // The pipes end with the process; what it had written is still in them.
            for reader in &mut self.readers {
                reader.await.expect("a reader does not panic");
            }
            status
        };
        let status: Result<ExitStatus, _> = tokio::time::timeout(patience, ending).await;
        let log = self.stderr.all().join("\n");
        let status = status.unwrap_or_else(|_| panic!("it did not end within {} s:\n{log}", patience.as_secs()));
        let lines = self.stdout.all();
        super::schema::check_lines(&lines);
        Ended { code: status.code(), lines, log }
    }

    /// Closes the reading end of its standard output.
    pub async fn close_stdout(&mut self) {
        let reader = std::mem::replace(&mut self.readers[0], tokio::spawn(async {}));
        reader.abort();
        assert!(reader.await.is_err_and(|end| end.is_cancelled()), "the reader was reading");
    }

    fn admin_address(&self) -> Option<String> {
        let start = |line: &String| Some(line.split_once(r#""admin":""#)?.1.split_once('"')?.0.to_owned());
        self.stderr.all().iter().find_map(start)
    }
}

impl Lines {
    fn all(&self) -> Vec<String> {
        self.timed().into_iter().map(|(_, line)| line).collect()
    }

    fn timed(&self) -> Vec<(Instant, String)> {
        self.0.lock().expect("no reader panics").clone()
    }
}

async fn read(pipe: impl AsyncRead + Unpin, lines: Arc<Lines>) {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while pipe.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
        // Without its end a line is torn: the process was killed while it wrote.
        if line.pop() == Some(b'\n') {
            let text = String::from_utf8(std::mem::take(&mut line)).expect("UTF-8");
            lines.0.lock().expect("no reader panics").push((Instant::now(), text));
        }
    }
}

/// An address that has to be known before somebody listens there. Until then who connects is refused; the port is given
/// to nobody else, since a socket that does not listen holds it, and lets in who asks for exactly this one.
pub struct Reserved(TcpSocket);

impl Reserved {
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        // As every listener does on this system: two of them may share an address of which one listens.
        socket.set_reuseaddr(true).expect("an option of every socket");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        Self(socket)
    }

    pub fn address(&self) -> String {
        self.0.local_addr().expect("it is bound").to_string()
    }
}

/// A file of this package.
pub fn package(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
