//! `trailrisk healthcheck`: asks the daemon beside it whether it is alive. For images that hold no shell and no curl.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// The most that is read of an answer.
const MAX_ANSWER: u64 = 16 * 1024;

/// Why the daemon is not known to be alive.
#[derive(Debug, thiserror::Error)]
pub enum HealthcheckError {
    /// The configured port is 0, so nobody but the daemon knows which it took.
    #[error("admin.listen has port 0, which cannot be asked; configure a fixed port")]
    UnknownPort,
    /// Nobody answered in time.
    #[error("no answer from http://{address}/livez")]
    Unreachable {
        /// Whom we asked.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// The daemon says that it is not alive, or something else listens there.
    #[error("http://{address}/livez answered: {answer}")]
    NotAlive {
        /// Whom we asked.
        address: SocketAddr,
        /// The status line and the body.
        answer: String,
    },
}

/// Asks `/livez` at the configured address; `timeout` holds for connecting, writing and each read.
///
/// # Errors
/// When there is no answer, or another one than 200.
pub fn healthcheck(listen: SocketAddr, timeout: Duration) -> Result<(), HealthcheckError> {
    if listen.port() == 0 {
        return Err(HealthcheckError::UnknownPort);
    }
    let address = reachable(listen);
    let answer = ask(address, timeout)
        .map_err(|error| HealthcheckError::Unreachable { address, source: in_words(error, timeout) })?;
    let is_ok = answer.split_whitespace().nth(1) == Some("200") && answer.starts_with("HTTP/1.");
    if is_ok { Ok(()) } else { Err(HealthcheckError::NotAlive { address, answer: summary(&answer) }) }
}

/// A wildcard address is listened on, but asked by loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn ask(address: SocketAddr, timeout: Duration) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    write!(stream, "GET /livez HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The system calls what took too long "temporarily unavailable".
fn in_words(error: io::Error, timeout: Duration) -> io::Error {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            io::Error::new(ErrorKind::TimedOut, format!("it did not answer within {timeout:?}"))
        }
        _ => error,
    }
}

/// The status line and the body, on one line.
fn summary(answer: &str) -> String {
    let status = answer.lines().next().unwrap_or_default();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).trim();
    if status.is_empty() { "nothing".to_owned() } else { format!("{status}: {}", body.replace('\n', "; ")) }
}
