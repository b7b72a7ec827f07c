package backends

import "mini-redis/services/stack/internal/ports"

// Ports are the stack's loopback ports. Ports that are used from outside the stack have default
// numbers; the others are any free ports.
type Ports struct {
	RESP, Admin, Console                *ports.Port
	OTLPGRPC, OTLPHTTP                  *ports.Port
	CollectorHealth, CollectorTelemetry *ports.Port
	JaegerHTTP, JaegerGRPC, JaegerOTLP  *ports.Port
	JaegerHealth, JaegerTelemetry       *ports.Port
	Prometheus                          *ports.Port
}

// ReservePorts reserves all ports of the stack.
func ReservePorts() (p Ports, err error) {
	for _, want := range []struct {
		port    **ports.Port
		purpose string
		number  int // default; 0 if there is none
	}{
		{&p.RESP, "RESP", 6379},
		{&p.Admin, "the server's admin endpoint", 9121},
		{&p.Console, "the server's console", 6669},
		{&p.OTLPGRPC, "OTLP over gRPC", 4317},
		{&p.OTLPHTTP, "OTLP over HTTP", 4318},
		{&p.CollectorHealth, "the collector's health", 13133},
		{&p.CollectorTelemetry, "the collector's own metrics", 0},
		{&p.JaegerHTTP, "Jaeger", 16686},
		{&p.JaegerGRPC, "Jaeger's gRPC API", 0},
		{&p.JaegerOTLP, "Jaeger's OTLP receiver", 0},
		{&p.JaegerHealth, "Jaeger's health", 0},
		{&p.JaegerTelemetry, "Jaeger's own metrics", 0},
		{&p.Prometheus, "Prometheus", 9090},
	} {
		if *want.port, err = ports.Reserve(want.purpose, want.number); err != nil {
			p.release()
			return Ports{}, err
		}
	}
	return p, nil
}

// Moved returns the ports whose default number was in use.
func (p Ports) Moved() (moved []*ports.Port) {
	for _, port := range p.all() {
		if port != nil && port.Moved() {
			moved = append(moved, port)
		}
	}
	return moved
}

func (p Ports) release() {
	for _, port := range p.all() {
		if port != nil {
			port.Release()
		}
	}
}

func (p Ports) all() []*ports.Port {
	return []*ports.Port{
		p.RESP, p.Admin, p.Console, p.OTLPGRPC, p.OTLPHTTP, p.CollectorHealth, p.CollectorTelemetry,
		p.JaegerHTTP, p.JaegerGRPC, p.JaegerOTLP, p.JaegerHealth, p.JaegerTelemetry, p.Prometheus,
	}
}
