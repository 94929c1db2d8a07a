//! The HTTP client of the sinks: who may be connected to, what is sent with every request, what an answer means.
//!
//! No redirect is followed, and a proxy is used only where the sink says so; the address that is connected to is
//! checked; a response's body is read up to a cap, so that the connection can be used again.

mod address;
mod answer;
mod failure;

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use flate2::write::GzEncoder;
use reqwest::header::{CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use reqwest::{
    Certificate, Client, ClientBuilder, Identity, Method, NoProxy, Proxy, RequestBuilder, Response, StatusCode, Url,
};
use tokio_util::bytes::Bytes;

use self::address::GuardedResolver;
use super::error::SinkError;
use super::sinks::WallClock;
use super::transport::{Failure, Outcome};
use crate::config::{Compression, HttpConfig, ProxyConfig, TlsConfig};

/// More of a response is not worth a warm connection.
const RESPONSE_CAP: usize = 64 * 1024;

/// The way to one receiver. Clones share the connections.
#[derive(Clone)]
pub(super) struct HttpClient {
    client: Client,
    url: Url,
    headers: HeaderMap,
    compression: Compression,
    clock: WallClock,
    /// Of the last answer over any of the clones; 0 before there is one.
    last_status: Arc<AtomicU16>,
}

/// What a receiver answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Its beginning, at most [`RESPONSE_CAP`]. The receiver's text: never logged.
    pub(super) body: Vec<u8>,
}

impl HttpClient {
    /// Everything that can be wrong in the configuration is said here.
    pub(super) fn new(sink: &str, config: &HttpConfig, producer: &str, clock: &WallClock) -> Result<Self, SinkError> {
        let url = checked_url(config).map_err(|problem| SinkError::Url { sink: sink.to_owned(), problem })?;
        let headers = headers(sink, config)?;
        let client = client(config, producer).map_err(|source| SinkError::Client { sink: sink.to_owned(), source })?;
        let (compression, clock) = (config.compression, clock.clone());
        Ok(Self { client, url, headers, compression, clock, last_status: Arc::default() })
    }

    /// The URL.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// A POST to the URL with the configured headers.
    pub(super) fn post(&self) -> RequestBuilder {
        self.request(Method::POST, self.url.clone())
    }

    /// A request to another URL of the same receiver, with the configured headers.
    pub(super) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client.request(method, url).headers(self.headers.clone())
    }

    /// The body of a request, compressed where that is configured.
    pub(super) fn with_body(&self, request: RequestBuilder, body: Bytes) -> RequestBuilder {
        match self.compression {
            Compression::None => request.body(body),
            Compression::Gzip => request.header(CONTENT_ENCODING, "gzip").body(gzipped(&body)),
        }
    }

    /// The wall clock's time.
    pub(super) fn now(&self) -> jiff::Timestamp {
        (self.clock)()
    }

    /// Sends a request and reads the answer, whatever it says.
    pub(super) async fn exchange(&self, request: RequestBuilder) -> Result<Answer, Failure> {
        let mut response = request.send().await.map_err(failure::of)?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        self.last_status.store(status.as_u16(), Ordering::Relaxed);
        Ok(Answer { status, headers, body: beginning(response).await })
    }

    /// The status of the last answer, where there was one.
    pub(super) fn last_status(&self) -> Option<u16> {
        Some(self.last_status.load(Ordering::Relaxed)).filter(|status| *status != 0)
    }

    /// Sends a request and judges the answer by its status alone.
    pub(super) async fn deliver(&self, request: RequestBuilder) -> Outcome {
        match self.exchange(request).await {
            Ok(answer) => self.judge(&answer),
            Err(failure) => Outcome::Failed(failure),
        }
    }

    /// What the status and `Retry-After` mean.
    pub(super) fn judge(&self, answer: &Answer) -> Outcome {
        answer::judge(answer.status, &answer.headers, self.now())
    }
}

/// The value of the header `Authorization`.
pub(super) fn authorization(sink: &str, value: String) -> Result<HeaderValue, SinkError> {
    let problem = "has a value that cannot be sent";
    let refused = |_| SinkError::Header { sink: sink.to_owned(), header: "Authorization".to_owned(), problem };
    let mut value = HeaderValue::try_from(value).map_err(refused)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Userinfo would end in the receiver's logs, and a password belongs into a header.
fn checked_url(config: &HttpConfig) -> Result<Url, String> {
    let url = Url::parse(&config.url).map_err(|error| format!("cannot be read: {error}"))?;
    match url.scheme() {
        "https" => {}
        "http" if config.allow_http => {}
        "http" => return Err("is plain http; use https, or set allow_http".to_owned()),
        _ => return Err("must begin with https://".to_owned()),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or password; use auth or headers".to_owned());
    }
    if !config.allow_private {
        address::check_literal(&url).map_err(|refused| format!("names {refused}"))?;
    }
    Ok(url)
}

fn headers(sink: &str, config: &HttpConfig) -> Result<HeaderMap, SinkError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &config.headers {
        let refused = |problem| SinkError::Header { sink: sink.to_owned(), header: name.clone(), problem };
        let name = HeaderName::try_from(name).map_err(|_| refused("is not a header name"))?;
        let mut value = HeaderValue::try_from(&value.0).map_err(|_| refused("has a value that cannot be sent"))?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

fn client(config: &HttpConfig, producer: &str) -> reqwest::Result<Client> {
    let builder = Client::builder()
        .user_agent(producer)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .https_only(!config.allow_http)
        .timeout(config.timeout)
        .connect_timeout(config.timeout)
        .dns_resolver(GuardedResolver::new(config.allow_private, config.proxy.iter().flat_map(proxy_hosts)));
    let builder = with_tls(builder, &config.tls)?;
    config.proxy.iter().try_fold(builder, with_proxy)?.build()
}

/// A given authority stands instead of the platform's roots, not beside them.
fn with_tls(builder: ClientBuilder, tls: &TlsConfig) -> reqwest::Result<ClientBuilder> {
    let builder = match &tls.ca_certificate {
        Some(pem) => builder.tls_certs_only(Certificate::from_pem_bundle(pem.as_bytes())?),
        None => builder,
    };
    match &tls.identity {
        Some(pem) => Ok(builder.identity(Identity::from_pem(pem.0.as_bytes())?)),
        None => Ok(builder),
    }
}

fn with_proxy(builder: ClientBuilder, proxy: &ProxyConfig) -> reqwest::Result<ClientBuilder> {
    let except = |proxied: Proxy| proxied.no_proxy(NoProxy::from_string(&proxy.exceptions));
    let http = proxy.http.iter().map(|url| Proxy::http(&*url.0).map(except));
    let https = proxy.https.iter().map(|url| Proxy::https(&*url.0).map(except));
    http.chain(https).try_fold(builder, |builder, proxied| Ok(builder.proxy(proxied?)))
}

fn proxy_hosts(proxy: &ProxyConfig) -> impl Iterator<Item = String> {
    let urls = proxy.http.iter().chain(&proxy.https);
    urls.filter_map(|url| Some(Url::parse(&url.0).ok()?.host_str()?.to_owned()))
}

fn gzipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("a vector takes everything")
}

/// What comes of the body does not matter to the delivery, because the status has been judged.
async fn beginning(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() <= RESPONSE_CAP
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(RESPONSE_CAP);
    body
}

#[cfg(test)]
mod tests;
