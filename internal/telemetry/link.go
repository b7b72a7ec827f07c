package telemetry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	colmetricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/keepalive"
)

// link is one connection to a collector. The exporters are handed the connection instead of dialling themselves, because the
// settings come from Options.Getenv and they would read the process's environment, because both signals can share it, and because
// here is the one place that sees every call's outcome.
type link struct {
	conn   *grpc.ClientConn
	health *health
}

// call is what one export says to, and learns from, the connection it travels on.
type call struct {
	last     bool  // the program is ending: wait for the connection rather than fail at once
	answered bool  // the collector accepted the request
	rejected int64 // spans or data points it refused all the same
}

type callKey struct{}

func withCall(ctx context.Context, c *call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// How the connection comes back: quickly at first, and never more than reconnectMax after the collector does.
const (
	reconnectFirst = 250 * time.Millisecond
	reconnectMax   = 5 * time.Second
	dialTimeout    = 5 * time.Second
	// A peer that vanished without a word (a killed pod) must not hold the connection for the kernel's 15 minutes. On Linux gRPC
	// takes deadPeer as TCP_USER_TIMEOUT; pings more often than pingEvery would offend a server with default settings.
	deadPeer  = 20 * time.Second
	pingEvery = 6 * time.Minute
)

// connect prepares a connection; it does not touch the network.
func connect(d dialing, health *health) (*link, error) {
	creds, err := d.credentials()
	if err != nil {
		return nil, err
	}
	l := &link{health: health}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithUserAgent("OTel-OTLP-Exporter-Go/" + otlptrace.Version()),
		grpc.WithDisableServiceConfig(), // saves a TXT look-up at every start
		grpc.WithChainUnaryInterceptor(l.watch),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingEvery, Timeout: deadPeer}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: reconnectFirst, Multiplier: 2, Jitter: 0.2, MaxDelay: reconnectMax},
			MinConnectTimeout: dialTimeout,
		}),
	}
	if d.gzip {
		options = append(options, grpc.WithDefaultCallOptions(grpc.UseCompressor(gzip.Name)))
	}
	if l.conn, err = grpc.NewClient(d.address, options...); err != nil {
		return nil, fmt.Errorf("OTLP endpoint %q: %w", d.address, err)
	}
	return l, nil
}

// credentials are the transport security a dialing asks for.
func (d dialing) credentials() (credentials.TransportCredentials, error) {
	if d.plain {
		return insecure.NewCredentials(), nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if d.ca != "" {
		pem, err := os.ReadFile(d.ca)
		if err != nil {
			return nil, fmt.Errorf("OTLP certificate: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("OTLP certificate: no PEM certificate in %s", d.ca)
		}
	}
	if d.cert != "" {
		pair, err := tls.LoadX509KeyPair(d.cert, d.key)
		if err != nil {
			return nil, fmt.Errorf("OTLP client certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return credentials.NewTLS(config), nil
}

// watch sees every export call: it tells health how it went and the caller what the reply says. The exporters turn a partial
// success into an error of a private type, from which the number of rejected spans could only be parsed.
func (l *link) watch(
	ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		c = &call{}
	}
	if c.last {
		opts = append(opts, grpc.WaitForReady(true))
	}
	err := invoke(ctx, method, req, reply, cc, opts...)
	if err != nil {
		l.health.failed(err)
		return err
	}
	c.answered = true
	var complaint string
	switch r := reply.(type) {
	case *coltracepb.ExportTraceServiceResponse:
		c.rejected, complaint = r.GetPartialSuccess().GetRejectedSpans(), r.GetPartialSuccess().GetErrorMessage()
	case *colmetricspb.ExportMetricsServiceResponse:
		c.rejected, complaint = r.GetPartialSuccess().GetRejectedDataPoints(), r.GetPartialSuccess().GetErrorMessage()
	}
	l.health.succeeded(c.rejected, complaint)
	return nil
}

// errCollectorAway is the cause of a flush that was given up because the collector could not be reached.
var errCollectorAway = errors.New("the collector cannot be reached")

// unlessAway returns a context that ends, with errCollectorAway, when it becomes clear that there is no connection to flush over:
// as soon as an attempt to connect fails that was begun after the call, and in any case at deadline if there is no connection by then
// or it is lost later. A collector that answers slowly is not away: for that there is ctx.
func (l *link) unlessAway(ctx context.Context, deadline time.Time) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	// A connection already known as broken keeps that state until it is ready again: its next attempt can only be awaited.
	state := l.conn.GetState()
	broken := state == connectivity.TransientFailure
	l.conn.ResetConnectBackoff()
	go func() {
		grace, stop := context.WithDeadline(ctx, deadline)
		defer stop()
		for grace.Err() == nil {
			if state == connectivity.TransientFailure && !broken {
				cancel(errCollectorAway)
				return
			}
			l.conn.WaitForStateChange(grace, state)
			state = l.conn.GetState()
			broken = broken && state == connectivity.TransientFailure
		}
		for ctx.Err() == nil {
			if state = l.conn.GetState(); state != connectivity.Ready {
				cancel(errCollectorAway)
				return
			}
			l.conn.WaitForStateChange(ctx, state)
		}
	}()
	return ctx, func() { cancel(nil) }
}
