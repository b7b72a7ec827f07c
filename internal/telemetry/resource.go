package telemetry

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// Namespace is the service.namespace of every program of the project.
const Namespace = "mini-redis"

// newResource returns the resource. Its sources, in increasing order of precedence, are the
// detected attributes of the process, Options, OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME. It
// always contains service.instance.id: without it, the series of two processes of a service would
// be merged.
func newResource(ctx context.Context, e *env, o Options) (*resource.Resource, error) {
	attrs := []attribute.KeyValue{
		semconv.ServiceNamespace(Namespace),
		semconv.ServiceInstanceID(randomUUID()),
	}
	if o.Service != "" {
		attrs = append(attrs, semconv.ServiceName(o.Service))
	}
	if o.Version != "" {
		attrs = append(attrs, semconv.ServiceVersion(o.Version))
	}
	attrs = append(attrs, o.Attributes...)

	const list = "OTEL_RESOURCE_ATTRIBUTES"
	for _, kv := range e.pairs(list, e.text(list, "")) {
		attrs = append(attrs, attribute.String(kv[0], kv[1]))
	}
	if name := e.text("OTEL_SERVICE_NAME", ""); name != "" {
		attrs = append(attrs, semconv.ServiceName(name))
	}
	if err := e.err(); err != nil {
		return nil, err
	}
	res, err := resource.New(ctx,
		resource.WithSchemaURL(semconv.SchemaURL),
		resource.WithTelemetrySDK(),
		resource.WithHost(),
		resource.WithProcessPID(),
		resource.WithProcessRuntimeName(),
		resource.WithProcessRuntimeVersion(),
		resource.WithAttributes(attrs...),
	)
	if err != nil && !errors.Is(err, resource.ErrPartialResource) { // start also if, for example, the host has no name
		return nil, fmt.Errorf("resource: %w", err)
	}
	return res, nil
}

// randomUUID returns a version 4 UUID (RFC 9562), which the semantic conventions recommend for
// service.instance.id.
func randomUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
