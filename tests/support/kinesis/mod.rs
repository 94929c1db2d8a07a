//! An in-process Kinesis on a free port of 127.0.0.1: ferrokinesis, behind a layer that repairs where it differs from
//! Kinesis (`repairs`) and fails on demand (`faults`).

mod arrivals;
mod canned;
mod endpoint;
mod fan_out;
mod faults;
mod repairs;
mod torn;

use std::ops::Deref;
use std::sync::Arc;

use ferrokinesis::store::{Store, StoreOptions};
use tokio::task::JoinHandle;

pub use canned::{CannedStream, StreamSettings};
pub use endpoint::{Endpoint, TESTS};
pub use faults::{Fault, Faults, PushFault, layer as fail_on_demand};

use fan_out::FanOut;
use repairs::Repairs;

/// A running in-process Kinesis; it stops when dropped.
pub struct LocalKinesis {
    endpoint: Endpoint,
    faults: Arc<Faults>,
    store: Store,
    server: JoinHandle<()>,
}

impl LocalKinesis {
    /// Starts one in which streams and reshards are ready after a millisecond.
    pub async fn start() -> Self {
        Self::start_with(Self::quick()).await
    }

    /// The options of [`Self::start`].
    pub fn quick() -> StoreOptions {
        StoreOptions {
            create_stream_ms: 1,
            update_stream_ms: 1,
            delete_stream_ms: 1,
            shard_limit: 1000,
            ..StoreOptions::default()
        }
    }

    /// Starts one with options of one's own.
    pub async fn start_with(options: StoreOptions) -> Self {
        let (app, store) = ferrokinesis::create_app(options);
        let faults = Arc::new(Faults::default());
        let repairs = Repairs::new(store.clone(), Arc::clone(&faults));
        // The repairs are inside, so that a fault replaces the whole answer.
        let app = repairs::layer(app, repairs);
        let fan_out = Arc::new(FanOut::new(Arc::clone(&faults)));
        let app = fan_out::layer(app, Arc::clone(&fan_out));
        let app = faults::layer(app, Arc::clone(&faults));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.expect("serving never fails") });
        let endpoint = Endpoint::new(url);
        fan_out.connect(endpoint.client().clone());
        Self { endpoint, faults, store, server }
    }

    /// What shall go wrong.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// As [`Endpoint::put`], and all of it arrives at the moment of the call: what is dated now is not late because the
    /// machine was too busy to put it.
    pub async fn put(&self, stream: &str, records: impl IntoIterator<Item = (String, Vec<u8>)>) {
        let records: Vec<_> = records.into_iter().collect();
        let _held = self.faults.hold_clock();
        self.endpoint.put(stream, records).await;
    }

    /// Everything that a stream holds now passes its retention.
    pub async fn trim(&self, stream: &str) {
        let keys: Vec<String> = self.store.get_record_store(stream).await.into_keys().collect();
        self.store.delete_record_keys(stream, &keys).await;
    }
}

impl Deref for LocalKinesis {
    type Target = Endpoint;

    fn deref(&self) -> &Endpoint {
        &self.endpoint
    }
}

impl Drop for LocalKinesis {
    fn drop(&mut self) {
        self.server.abort();
    }
}
