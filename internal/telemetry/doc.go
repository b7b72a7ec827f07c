// Package telemetry starts and flushes a program's telemetry: traces, metrics, logs, health checks
// and profiles. It is the only package that imports the OpenTelemetry SDK and its exporters. The
// other packages receive the interfaces of the OpenTelemetry API (trace.TracerProvider,
// metric.MeterProvider, propagation.TextMapPropagator) as parameters. The programs under services/
// and examples/ call Start first and Shutdown last. Package resptrace and the server's package
// observe create the spans.
//
//	log, err := telemetry.NewLogger(os.Stdout, os.Getenv)
//	tel, err := telemetry.Start(ctx, telemetry.Options{Service: "mini-redis", Version: version, Logger: log})
//	admin, err := telemetry.StartAdmin(telemetry.AdminOptions{
//		Addr: "127.0.0.1:9121", Registry: tel.Registry(), Ready: ready, Healthy: healthy,
//	})
//	...
//	_ = admin.Close(ctx)
//	err = tel.Shutdown(ctx) // flushes the remaining spans, then the final metrics
//
// # Traces
//
//	tracer.Start ... span.End()  ──┐                                   ┌─ goroutine: batch, convert, retry ── OTLP/gRPC
//	                               ├── Sink ── one bounded queue ──────┘
//	hot path: Record ── Emit ──────┘    └───── Subscribe (lossy) ──────── live views
//
// Every finished span passes through the Sink. The sink is the only span processor of the tracer
// provider, so it receives the spans of the SDK. Hot paths write a Record instead: a flat struct of
// numbers and a shared Describer. Emit copies it into a lock-free queue in about 100 ns without an
// allocation; the SDK's Start and End take about 2,600 ns and 13 allocations (BenchmarkEmit,
// BenchmarkSDK). The exporting goroutine calls the Describer for the name and the attributes and
// passes the record to the OTLP exporter as a span of the SDK. With conversion and marshalling
// included, a record costs two thirds of a span of the SDK (BenchmarkEndToEnd).
//
// Recording a span never blocks. The sink drops and counts spans that do not fit into the queue. It
// retries a failed batch until OTEL_BSP_EXPORT_TIMEOUT has passed if the OTLP specification calls
// the error retryable. While a collector is unreachable, the program logs one warning at once, then
// at most one per minute, and one message when exports succeed again. Every span is counted in
// exactly one of these series:
//
//	otel_sdk_exporter_span_exported_total                                   exported
//	otel_sdk_exporter_span_exported_total{error_type="UNAVAILABLE"...}      failed; "rejected": the collector rejected it
//	otel_sdk_processor_span_processed_total{error_type="queue_full"}        dropped: the queue was full
//	otel_sdk_processor_span_processed_total{error_type="already_shutdown"}  dropped: ended after Shutdown
//
// There are also otel_sdk_processor_span_queue_size and _capacity, otel_sdk_exporter_span_inflight
// and, for pushed metrics, otel_sdk_exporter_metric_data_point_exported_total. The names are those
// that the semantic conventions define for SDK metrics, in Prometheus spelling.
//
// # Metrics
//
// The client_golang registry holds all metrics. A program registers its collectors there.
// Instruments of the OpenTelemetry API, such as those of the go-redis hook, are exported to the
// registry under Prometheus names (db_client_operation_duration_seconds) and without scope labels.
// The registry is read in two ways. Only one of them may feed Prometheus in an environment, because
// otherwise every sum counts twice:
//
//   - /metrics of StartAdmin: always available, in the OpenMetrics format with exemplars if the
//     client accepts it, and with the resource in target_info;
//   - the OTLP push, every OTEL_METRIC_EXPORT_INTERVAL and at Shutdown: the same registry without
//     target_info, which an OTLP receiver creates from the resource.
//     OTEL_METRICS_EXPORTER=prometheus or none turns it off.
//
// The push uses the Prometheus bridge of opentelemetry-go-contrib with four corrections (see
// producer): among them, exemplars are exported, and a histogram with classic and native buckets is
// exported as both. Temporality is always cumulative.
//
// # Resource
//
// service.name, service.namespace (mini-redis), service.version, service.instance.id (a random UUID
// unless OTEL_RESOURCE_ATTRIBUTES sets it), process.pid, process.runtime.name and .version,
// host.name, telemetry.sdk.*, and Options.Attributes. OTEL_RESOURCE_ATTRIBUTES overrides all of
// them, and OTEL_SERVICE_NAME overrides OTEL_RESOURCE_ATTRIBUTES.
//
// # Settings
//
// OTEL_* variables work as the OpenTelemetry specification defines them, with two differences.
// First, Start returns an error that names an invalid setting, where the specification asks for a
// warning. Second, an OTLP endpoint on loopback without a scheme, OTEL_EXPORTER_OTLP_INSECURE or a
// certificate uses plaintext, where the Go exporters use TLS.
//
//	OTEL_SDK_DISABLED               true: no spans, no push, no instruments of the OpenTelemetry API; contexts are still
//	                                propagated, and /metrics still serves the metrics of client_golang
//	OTEL_PROPAGATORS                tracecontext,baggage; also b3, b3multi, jaeger, xray, ottrace, none
//	OTEL_TRACES_SAMPLER, _ARG       parentbased_always_on; all six samplers of the specification
//	OTEL_TRACES_EXPORTER            otlp; none: spans are recorded only for subscribers and logs
//	OTEL_METRICS_EXPORTER           otlp; prometheus and none: no push
//	OTEL_METRICS_EXEMPLAR_FILTER    trace_based, always_on, always_off
//	OTEL_METRIC_EXPORT_INTERVAL, OTEL_METRIC_EXPORT_TIMEOUT
//	OTEL_BSP_MAX_QUEUE_SIZE (2048), OTEL_BSP_MAX_EXPORT_BATCH_SIZE (512), OTEL_BSP_SCHEDULE_DELAY (5000), OTEL_BSP_EXPORT_TIMEOUT (30000)
//	OTEL_SPAN_*_LIMIT, OTEL_ATTRIBUTE_*_LIMIT, OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT, OTEL_LINK_ATTRIBUTE_COUNT_LIMIT
//	OTEL_RESOURCE_ATTRIBUTES, OTEL_SERVICE_NAME
//	OTEL_EXPORTER_OTLP_*            OTEL_EXPORTER_OTLP_TRACES_* and OTEL_EXPORTER_OTLP_METRICS_* override it:
//	  ENDPOINT                      localhost:4317; http://host:port (plaintext), https://host:port (TLS), host:port, unix:///path
//	  PROTOCOL                      grpc; no other protocol is built in
//	  INSECURE, CERTIFICATE, CLIENT_CERTIFICATE, CLIENT_KEY, HEADERS, TIMEOUT (10000), COMPRESSION (none, gzip)
//	LOG_LEVEL, LOG_FORMAT           see NewLogger
//
// # Health checks
//
// StartAdmin also serves /healthz and /readyz, for the liveness and readiness probes of Kubernetes.
// Each answers 200, or 503 with the text of the error that AdminOptions.Healthy or
// AdminOptions.Ready returned. The endpoint takes no lock to answer a probe, so it also answers
// while the rest of the program is stuck.
//
// # Shutdown
//
// Shutdown ends when everything is flushed, and at the latest when its context ends (after 10 s if
// the context has no deadline). If the first attempt to connect to the collector fails, it ends at
// once, so a short program without a collector does not wait. If there has been no connection for
// some time, it ends within 1 s. It waits for a collector that is connected but does not answer
// until the context ends.
package telemetry
