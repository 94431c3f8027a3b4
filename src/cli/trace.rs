//! Traces of a command by OTLP over HTTP: the command, its phases, each region, each attempt of a call.
//!
//! Only spans leave, and of these only what is named where they are made: no event, parameter, body or key.
//! Where to, and with which headers, the usual variables say (`OTEL_EXPORTER_OTLP_ENDPOINT` and the like);
//! without them nothing is collected. What cannot be delivered is told at the end, and fails nothing.

use std::{
    env,
    fmt::{self, Display},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{
    ExporterBuildError, OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL, SpanExporter, WithExportConfig as _,
};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanData},
};
use tracing::{Level, Subscriber};
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

use super::{redact::redact, terminal::Terminal};

/// Spans that may wait for delivery: those of a large scan at its fastest.
const QUEUE: usize = 1 << 16;

/// How long the end of the program waits for the last spans.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// What was collected, to be sent.
pub(super) struct Traces {
    provider: SdkTracerProvider,
    lost: Arc<Lost>,
}

/// Spans that were not delivered, and why the first was not.
#[derive(Debug, Default)]
struct Lost {
    spans: AtomicU64,
    reason: Mutex<Option<String>>,
}

impl Lost {
    fn note(&self, spans: usize, error: &dyn Display) {
        self.spans.fetch_add(spans as u64, Ordering::Relaxed);
        if let Ok(mut reason) = self.reason.lock() {
            reason.get_or_insert_with(|| error.to_string());
        }
    }
}

impl Traces {
    /// Begins to collect, if a variable says where to send it.
    pub(super) fn start(terminal: &Terminal) -> Option<Self> {
        let set = |name: &str| env::var(name).is_ok_and(|value| !value.is_empty());
        if ![OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT].into_iter().any(set) {
            return None;
        }
        match exporter() {
            Ok(exporter) => Some(Self::sending_by(exporter)),
            Err(error) => {
                terminal.warning(&format!(
                    "no traces are sent: the exporter cannot be made: {}",
                    redact(&error.to_string())
                ));
                None
            }
        }
    }

    fn sending_by(exporter: SpanExporter) -> Self {
        let lost = Arc::new(Lost::default());
        let counted = Counted { exporter, lost: Arc::clone(&lost) };
        let config = BatchConfigBuilder::default().with_max_queue_size(QUEUE).build();
        let processor = BatchSpanProcessor::builder(counted).with_batch_config(config).build();
        // `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` go before our own name.
        let named = env::var("OTEL_SERVICE_NAME").is_ok_and(|name| !name.is_empty());
        let resource = Resource::builder();
        let resource = if named { resource } else { resource.with_service_name(env!("CARGO_PKG_NAME")) };
        let provider =
            SdkTracerProvider::builder().with_span_processor(processor).with_resource(resource.build()).build();
        Self { provider, lost }
    }

    /// Takes the program's own spans.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let tracer = self.provider.tracer(env!("CARGO_PKG_NAME"));
        let spans = |metadata: &tracing::Metadata<'_>| {
            metadata.is_span() && metadata.target().starts_with("portcullis") && *metadata.level() <= Level::DEBUG
        };
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(spans))
    }

    /// Sends what is left, and tells what could not be sent.
    pub(super) fn end(self, terminal: &Terminal) {
        if let Err(error) = self.provider.shutdown_with_timeout(LAST_WORDS)
            && self.lost.spans.load(Ordering::Relaxed) == 0
        {
            self.lost.note(0, &error);
        }
        let spans = self.lost.spans.load(Ordering::Relaxed);
        let reason = self.lost.reason.lock().ok().and_then(|mut reason| reason.take());
        if let Some(reason) = reason {
            terminal.warning(&format!(
                "traces were not delivered ({spans} spans at least): {}; check OTEL_EXPORTER_OTLP_ENDPOINT",
                redact(&reason)
            ));
        }
    }
}

fn exporter() -> Result<SpanExporter, ExporterBuildError> {
    let builder = SpanExporter::builder().with_http();
    let protocol = [OTEL_EXPORTER_OTLP_TRACES_PROTOCOL, OTEL_EXPORTER_OTLP_PROTOCOL];
    let protocol = protocol.into_iter().find_map(|name| env::var(name).ok()).unwrap_or_default();
    let protocol = match protocol.as_str() {
        "http/json" => opentelemetry_otlp::Protocol::HttpJson,
        _ => opentelemetry_otlp::Protocol::HttpBinary,
    };
    builder.with_protocol(protocol).build()
}

/// Sends, and counts what did not arrive.
struct Counted {
    exporter: SpanExporter,
    lost: Arc<Lost>,
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The exporter's own text holds its headers.
        f.debug_struct("Counted").field("lost", &self.lost).finish_non_exhaustive()
    }
}

impl opentelemetry_sdk::trace::SpanExporter for Counted {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let sent = opentelemetry_sdk::trace::SpanExporter::export(&self.exporter, batch).await;
        sent.inspect_err(|error: &OTelSdkError| self.lost.note(spans, error))
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
