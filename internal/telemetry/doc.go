// Package telemetry starts, feeds and flushes what a program of this project tells about itself: traces, metrics, logs, health and
// profiles. It is the only package that imports the OpenTelemetry SDK and its exporters; the others take the API's interfaces
// (trace.TracerProvider, metric.MeterProvider, propagation.TextMapPropagator) from here as parameters. Its neighbours are the
// programs under services/ and examples/, which call Start first and Shutdown last, and resptrace and the server's observe
// package, which make the spans.
//
//	log, err := telemetry.NewLogger(os.Stdout, os.Getenv)
//	tel, err := telemetry.Start(ctx, telemetry.Options{Service: "mini-redis", Version: version, Logger: log})
//	admin, err := telemetry.StartAdmin(telemetry.AdminOptions{Addr: "127.0.0.1:9121", Registry: tel.Registry(), Ready: ready})
//	...
//	_ = admin.Close(ctx)
//	err = tel.Shutdown(ctx) // the last spans, then the last metrics
//
// # Traces
//
//	tracer.Start ... span.End()  ──┐                                   ┌─ goroutine: batch, convert, retry ── OTLP/gRPC
//	                               ├── Sink ── one bounded queue ──────┘
//	hot loop: Record ── Emit ──────┘    └───── Subscribe (lossy) ──────── live views
//
// Every finished span takes one way, the Sink. Spans of the SDK enter because the sink is the tracer provider's only processor. Hot
// paths write a Record instead: numbers in a flat struct and a shared Describer, copied into a lock-free queue in about a hundred
// nanoseconds with no allocation, where the SDK's Start to End takes some 2,600 and thirteen (BenchmarkEmit, BenchmarkSDK). The
// exporting goroutine asks the Describer for a name and attributes and shows the record to the OTLP exporter as a span of the SDK;
// with that included a record costs two thirds of what a span of the SDK does (BenchmarkWholeWay).
//
// Nothing waits for telemetry. What finds no room is dropped and counted; a batch that fails is tried again while
// OTEL_BSP_EXPORT_TIMEOUT lasts, if the OTLP specification calls the error retryable; a dead collector is told to the log once, then at
// most once a minute, and once when it is back. Every span that was handed in ends in exactly one of these series:
//
//	otel_sdk_exporter_span_exported_total                                   arrived
//	otel_sdk_exporter_span_exported_total{error_type="UNAVAILABLE"...}      given up; rejected: the collector refused it
//	otel_sdk_processor_span_processed_total{error_type="queue_full"}        no room
//	otel_sdk_processor_span_processed_total{error_type="already_shutdown"}  too late
//
// beside otel_sdk_processor_span_queue_size and _capacity, otel_sdk_exporter_span_inflight, and for pushed metrics
// otel_sdk_exporter_metric_data_point_exported_total. The names are the semantic conventions' for an SDK's own metrics, as
// Prometheus spells them.
//
// # Metrics
//
// The client_golang registry is the one truth. A program registers collectors there; instruments of the OpenTelemetry API (the
// go-redis hook's) end there too, under Prometheus names (db_client_operation_duration_seconds) and without scope labels. Two ways lead
// out of it, and exactly one should feed Prometheus in an environment, or every sum counts twice:
//
//   - /metrics of StartAdmin, always there: OpenMetrics with exemplars for those who accept it, and target_info with the resource;
//   - the OTLP push, every OTEL_METRIC_EXPORT_INTERVAL and at Shutdown: the same registry without target_info, which a receiver
//     of OTLP makes from the resource. Switched off by OTEL_METRICS_EXPORTER=prometheus or none.
//
// The push goes through contrib's Prometheus bridge, mended in four places (see producer): exemplars arrive, and a histogram with classic
// and native buckets arrives as both. Temporality is always cumulative.
//
// # Resource
//
// service.name, service.namespace (mini-redis), service.version, service.instance.id (always: a random UUID where
// OTEL_RESOURCE_ATTRIBUTES gives none), process.pid, process.runtime.name and .version, host.name, telemetry.sdk.*, and
// Options.Attributes. OTEL_RESOURCE_ATTRIBUTES wins over all of it, and OTEL_SERVICE_NAME over that.
//
// # Settings
//
// OTEL_* as the OpenTelemetry specification defines them, with two differences. A bad value is an error of Start that names the setting,
// not a warning that is overlooked. And an OTLP endpoint on loopback without a scheme, OTEL_EXPORTER_OTLP_INSECURE or a certificate is
// plain text, where the Go exporters would use TLS.
//
//	OTEL_SDK_DISABLED               true: no spans, no push, no instruments of the OpenTelemetry API; contexts still travel,
//	                                and /metrics still serves client_golang's
//	OTEL_PROPAGATORS                tracecontext,baggage; also b3, b3multi, jaeger, xray, ottrace, none
//	OTEL_TRACES_SAMPLER, _ARG       parentbased_always_on; the six of the specification
//	OTEL_TRACES_EXPORTER            otlp; none: spans are made for subscribers and logs only
//	OTEL_METRICS_EXPORTER           otlp; prometheus and none: no push
//	OTEL_METRICS_EXEMPLAR_FILTER    trace_based, always_on, always_off
//	OTEL_METRIC_EXPORT_INTERVAL, OTEL_METRIC_EXPORT_TIMEOUT
//	OTEL_BSP_MAX_QUEUE_SIZE (2048), OTEL_BSP_MAX_EXPORT_BATCH_SIZE (512), OTEL_BSP_SCHEDULE_DELAY (5000), OTEL_BSP_EXPORT_TIMEOUT (30000)
//	OTEL_SPAN_*_LIMIT, OTEL_ATTRIBUTE_*_LIMIT, OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT, OTEL_LINK_ATTRIBUTE_COUNT_LIMIT
//	OTEL_RESOURCE_ATTRIBUTES, OTEL_SERVICE_NAME
//	OTEL_EXPORTER_OTLP_*            and, winning, OTEL_EXPORTER_OTLP_TRACES_* and OTEL_EXPORTER_OTLP_METRICS_*:
//	  ENDPOINT                      localhost:4317; http://host:port (plain text), https://host:port (TLS), host:port, unix:///path
//	  PROTOCOL                      grpc; nothing else is built in
//	  INSECURE, CERTIFICATE, CLIENT_CERTIFICATE, CLIENT_KEY, HEADERS, TIMEOUT (10000), COMPRESSION (none, gzip)
//	LOG_LEVEL, LOG_FORMAT           NewLogger
//
// # Ending
//
// Shutdown is bounded three ways: by its context; at once, where the first attempt to reach the collector fails (a program of a
// moment, and no collector running); and below a second, where there has been no connection for some time. A collector that takes the
// connection and does not answer is waited for until the context ends, or ten seconds where it has no deadline.
package telemetry
