//! The listener and its limits. axum's own `serve` sets no time-outs, so that idle connections could shut out the
//! liveness probe; hence hyper directly.

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{AdminState, routes};
use crate::telemetry::{Alarm, Recovered};

/// Connections at a time. To one more the oldest gives way: if it had to wait, whoever holds so many open, at no cost, would
/// shut the probe out, and a process that is not seen to live is killed.
const MAX_CONNECTIONS: usize = 64;
/// How long a client may take to send its request's head, and how long a connection may idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// After this a connection ends with the answer under way.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(60);
/// How long the answer under way may take once the connection is to end.
const LAST_ANSWER: Duration = Duration::from_secs(2);
/// Bytes of a request's head.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Headers of a request.
const MAX_HEADERS: usize = 64;
/// Pause after a failed accept (out of file descriptors), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the admin port could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Another process listens there.
    #[error("admin.listen {address} is in use by another process; stop it or choose another port")]
    InUse {
        /// The configured address.
        address: SocketAddr,
    },
    /// Everything else.
    #[error("cannot listen on admin.listen {address}")]
    Bind {
        /// The configured address.
        address: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
}

/// The admin port, bound and not yet served: what cannot be bound is known before anything else is started.
#[derive(Debug)]
pub struct AdminServer {
    listener: TcpListener,
    address: SocketAddr,
    refusing: Alarm,
}

impl AdminServer {
    /// Binds the port.
    ///
    /// # Errors
    /// When the address is in use, is not this host's, or may not be bound.
    pub async fn bind(address: SocketAddr) -> Result<Self, AdminError> {
        let listener = TcpListener::bind(address).await.map_err(|source| bind_error(address, source))?;
        let address = listener.local_addr().map_err(|source| bind_error(address, source))?;
        Ok(Self { listener, address, refusing: Alarm::default() })
    }

    /// Where it listens; of port 0, the port that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `shutdown` completes, then ends the connections after the answers under way.
    pub async fn serve(self, state: AdminState, shutdown: impl Future<Output = ()> + Send) {
        let router = routes::router(state);
        let (mut open, connections) = (VecDeque::new(), TaskTracker::new());
        let stop = CancellationToken::new();
        let mut shutdown = pin!(shutdown);
        loop {
            let stream = tokio::select! {
                biased;
                () = &mut shutdown => break,
                accepted = self.accept() => accepted,
            };
            make_room(&mut open);
            open.push_back(connections.spawn(answer(stream, router.clone(), stop.clone())).abort_handle());
        }
        stop.cancel();
        connections.close();
        connections.wait().await;
    }

    /// The next connection.
    async fn accept(&self) -> TcpStream {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    if let Some(Recovered { times, seconds }) = self.refusing.clear() {
                        tracing::info!(attempts = times, seconds, "the admin port accepts connections again");
                    }
                    return stream;
                }
                Err(error) => {
                    if let Some(repeats) = self.refusing.raise() {
                        tracing::warn!(%error, repeats, "the admin port cannot accept a connection");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

fn bind_error(address: SocketAddr, source: std::io::Error) -> AdminError {
    match source.kind() {
        std::io::ErrorKind::AddrInUse => AdminError::InUse { address },
        _ => AdminError::Bind { address, source },
    }
}

/// For one connection more: the oldest ends where it is.
fn make_room(open: &mut VecDeque<AbortHandle>) {
    open.retain(|connection| !connection.is_finished());
    if open.len() >= MAX_CONNECTIONS {
        open.pop_front().iter().for_each(AbortHandle::abort);
    }
}

type Connection = http1::Connection<TokioIo<TcpStream>, TowerToHyperService<Router>>;

async fn answer(stream: TcpStream, router: Router, stop: CancellationToken) {
    let service = TowerToHyperService::new(router);
    let mut connection = pin!(protocol().serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        biased;
        // What a client does wrong is its own matter.
        _ = connection.as_mut() => {}
        () = stop.cancelled() => end(connection).await,
        () = tokio::time::sleep(CONNECTION_LIFETIME) => end(connection).await,
    }
}

async fn end(mut connection: Pin<&mut Connection>) {
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(LAST_ANSWER, connection).await;
}

fn protocol() -> http1::Builder {
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS);
    protocol
}
