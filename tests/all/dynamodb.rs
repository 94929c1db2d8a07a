//! An in-process DynamoDB on a free port of 127.0.0.1: dynoxide, behind a layer that fails on demand.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use dynoxide::Database;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::kinesis::{Faults, TESTS, fail_on_demand};

/// What of a request and its answer is passed on.
const HEADERS: [&str; 6] =
    ["authorization", "content-type", "x-amz-date", "x-amz-target", "x-amzn-requestid", "x-amz-crc32"];

/// A running in-process DynamoDB; it stops when dropped.
pub struct LocalDynamo {
    url: String,
    client: Client,
    faults: Arc<Faults>,
    servers: [JoinHandle<()>; 2],
}

struct Inner {
    url: String,
    http: reqwest::Client,
}

impl LocalDynamo {
    /// Starts one without a table.
    pub async fn start() -> Self {
        let (listener, inner) = bound().await;
        let database = Database::memory().expect("SQLite is built in");
        let server = tokio::spawn(dynoxide::server::serve_on(listener, database));
        let (listener, url) = bound().await;
        let faults = Arc::new(Faults::default());
        let inner = Arc::new(Inner { url: inner, http: reqwest::Client::new() });
        let app = fail_on_demand(Router::new().fallback(pass_on).with_state(inner), Arc::clone(&faults));
        let front = tokio::spawn(async move { axum::serve(listener, app).await.expect("serving never fails") });
        let settings = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(&url)
            .credentials_provider(Credentials::new(TESTS, "local", None, None, "tests"));
        let client = Client::from_conf(settings.build());
        Self { url, client, faults, servers: [server, front] }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What shall go wrong.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// A client of it that no fault meets.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A table with the key that the daemon needs.
    pub async fn create_table(&self, name: &str) {
        self.create_table_with(name, "leaseKey").await;
    }

    /// A table with another key.
    pub async fn create_table_with(&self, name: &str, key: &str) {
        let attribute = AttributeDefinition::builder().attribute_name(key).attribute_type(ScalarAttributeType::S);
        let schema = KeySchemaElement::builder().attribute_name(key).key_type(KeyType::Hash);
        let request = self.client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
        let request = request.attribute_definitions(attribute.build().expect("it is whole"));
        request.key_schema(schema.build().expect("it is whole")).send().await.expect("the table is new");
    }

    /// The keys of all items.
    pub async fn keys(&self, table: &str) -> Vec<String> {
        let pages = self.client.scan().table_name(table).send().await.expect("it can be read");
        pages.items().iter().map(|item| item["leaseKey"].as_s().expect("a text").clone()).collect()
    }
}

impl Drop for LocalDynamo {
    fn drop(&mut self) {
        self.servers.iter().for_each(JoinHandle::abort);
    }
}

async fn bound() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    (listener, url)
}

async fn pass_on(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> Response {
    let mut request = inner.http.post(&inner.url).body(body);
    for name in HEADERS {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value.as_bytes());
        }
    }
    let answer = request.send().await.expect("it is in this process");
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let mut response = Response::new(Body::from(answer.bytes().await.expect("the whole answer")));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    for name in HEADERS {
        if let Some(value) = headers.get(name) {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("it was one");
            response.headers_mut().insert(name, value);
        }
    }
    response
}
