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

// collectorConn is one connection to a collector. The exporters use this connection instead of
// dialling themselves for three reasons: they would read the process's environment instead of
// Options.Getenv, both signals can share one connection, and the connection's interceptor sees the
// outcome of every call.
type collectorConn struct {
	conn   *grpc.ClientConn
	health *exportHealth
}

// exportCall passes data between one export and the connection's interceptor, through the context.
type exportCall struct {
	final    bool  // in: the program is shutting down, so wait for the connection instead of failing at once
	accepted bool  // out: the collector accepted the request
	rejected int64 // out: spans or data points it rejected nevertheless (partial success)
}

type exportCallKey struct{}

func withExportCall(ctx context.Context, c *exportCall) context.Context {
	return context.WithValue(ctx, exportCallKey{}, c)
}

// Reconnection: the delay between attempts grows from reconnectMinDelay to reconnectMaxDelay.
const (
	reconnectMinDelay = 250 * time.Millisecond
	reconnectMaxDelay = 5 * time.Second
	dialTimeout       = 5 * time.Second
	// Without keepalive, a peer that disappears without closing the connection (a killed pod) is
	// detected only after the kernel's 15 minutes. On Linux gRPC also sets keepaliveTimeout as
	// TCP_USER_TIMEOUT. A server with default settings closes connections with a ping interval
	// under 5 minutes.
	keepaliveTimeout  = 20 * time.Second
	keepaliveInterval = 6 * time.Minute
)

// connect prepares a connection. It does not dial.
func connect(d dialConfig, health *exportHealth) (*collectorConn, error) {
	creds, err := d.credentials()
	if err != nil {
		return nil, err
	}
	l := &collectorConn{health: health}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithUserAgent("OTel-OTLP-Exporter-Go/" + otlptrace.Version()),
		grpc.WithDisableServiceConfig(), // avoids a DNS TXT lookup at every start
		grpc.WithChainUnaryInterceptor(l.interceptExport),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveInterval, Timeout: keepaliveTimeout}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: reconnectMinDelay, Multiplier: 2, Jitter: 0.2, MaxDelay: reconnectMaxDelay},
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

// credentials returns the transport credentials for d.
func (d dialConfig) credentials() (credentials.TransportCredentials, error) {
	if d.plaintext {
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

// interceptExport is the interceptor of every export call. It reports the outcome to health and
// stores it in the call's exportCall. The exporters convert a partial success into an error of a
// private type that contains the number of rejected spans only as text.
func (l *collectorConn) interceptExport(
	ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	c, ok := ctx.Value(exportCallKey{}).(*exportCall)
	if !ok {
		c = &exportCall{}
	}
	if c.final {
		opts = append(opts, grpc.WaitForReady(true))
	}
	err := invoke(ctx, method, req, reply, cc, opts...)
	if err != nil {
		l.health.failed(err)
		return err
	}
	c.accepted = true
	var message string
	switch r := reply.(type) {
	case *coltracepb.ExportTraceServiceResponse:
		c.rejected, message = r.GetPartialSuccess().GetRejectedSpans(), r.GetPartialSuccess().GetErrorMessage()
	case *colmetricspb.ExportMetricsServiceResponse:
		c.rejected, message = r.GetPartialSuccess().GetRejectedDataPoints(), r.GetPartialSuccess().GetErrorMessage()
	}
	l.health.succeeded(c.rejected, message)
	return nil
}

// errCollectorUnreachable is the cause of a flush that was cancelled because the collector could
// not be reached.
var errCollectorUnreachable = errors.New("the collector cannot be reached")

// cancelIfUnreachable returns a context for a flush. It is cancelled with errCollectorUnreachable
// if an attempt to connect fails that began after the call, if there is no connection at deadline,
// or if the connection is lost after that. A collector that is connected but answers slowly does
// not cancel it; ctx bounds that wait.
func (l *collectorConn) cancelIfUnreachable(ctx context.Context, deadline time.Time) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	// A connection in TransientFailure keeps that state until it is ready again, so a failure of
	// the next attempt is not visible.
	state := l.conn.GetState()
	alreadyFailed := state == connectivity.TransientFailure
	l.conn.ResetConnectBackoff()
	go func() {
		graceCtx, stop := context.WithDeadline(ctx, deadline)
		defer stop()
		for graceCtx.Err() == nil {
			if state == connectivity.TransientFailure && !alreadyFailed {
				cancel(errCollectorUnreachable)
				return
			}
			l.conn.WaitForStateChange(graceCtx, state)
			state = l.conn.GetState()
			alreadyFailed = alreadyFailed && state == connectivity.TransientFailure
		}
		for ctx.Err() == nil {
			if state = l.conn.GetState(); state != connectivity.Ready {
				cancel(errCollectorUnreachable)
				return
			}
			l.conn.WaitForStateChange(ctx, state)
		}
	}()
	return ctx, func() { cancel(nil) }
}
