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

// newResource says who speaks. Later wins: what is found out about the process, what the program says, OTEL_RESOURCE_ATTRIBUTES,
// OTEL_SERVICE_NAME. There is always a service.instance.id: without one two processes of a service would merge into one set of
// series, silently.
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
	if err != nil && !errors.Is(err, resource.ErrPartialResource) { // a host without a name is no reason not to start
		return nil, fmt.Errorf("resource: %w", err)
	}
	return res, nil
}

// randomUUID returns a version 4 UUID (RFC 9562), as the conventions recommend for service.instance.id.
func randomUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
