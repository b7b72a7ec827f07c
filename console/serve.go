package console

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"mini-redis/console/wire/eventspb"
	"mini-redis/console/wire/goroutinespb"
	"mini-redis/console/wire/instrumentpb"
	"mini-redis/console/wire/tracepb"
)

// DefaultAddr is where a console is served unless another place is asked for:
// the port that tokio-console looks at.
const DefaultAddr = "127.0.0.1:6669"

// ErrExposed is what Listen returns for an address that others can reach,
// without both TLS and a token: a console tells keys, addresses and names.
var ErrExposed = errors.New("console: an address beyond loopback needs TLS and a token")

// ServeOptions say where and to whom a console is served.
type ServeOptions struct {
	Addr string // default DefaultAddr
	// Listener takes the place of Addr.
	Listener net.Listener
	// TLS and Token protect a console that others can reach. The token is asked
	// for as "authorization: Bearer TOKEN". The stock tokio-console can speak
	// neither; services/console speaks both.
	TLS   *tls.Config
	Token string
	// MaxViewers bounds how many streams of updates there may be at a time, and of
	// spans, and of events. Default 16.
	MaxViewers int
}

// Server is a console that is being served.
type Server struct {
	listener net.Listener
	grpc     *grpc.Server
	stopping chan struct{}
	once     sync.Once
	done     chan error
}

// Listen serves the console until Close. On a console that is off it does
// nothing and returns a nil *Server, on which Close does nothing either.
func (c *Console) Listen(o ServeOptions) (*Server, error) {
	if c == nil {
		return nil, nil
	}
	set(&o.Addr, DefaultAddr)
	set(&o.MaxViewers, 16)
	l := o.Listener
	if l == nil {
		if !loopback(o.Addr) && (o.TLS == nil || o.Token == "") {
			return nil, fmt.Errorf("%w (%s)", ErrExposed, o.Addr)
		}
		var err error
		if l, err = net.Listen("tcp", o.Addr); err != nil {
			return nil, fmt.Errorf("console: %w", err)
		}
	}
	s := &Server{listener: l, stopping: make(chan struct{}), done: make(chan error, 1)}
	s.grpc = grpc.NewServer(o.options()...)
	service := &service{c: c, stopping: s.stopping, viewers: make(chan struct{}, o.MaxViewers)}
	instrumentpb.RegisterInstrumentServer(s.grpc, service)
	if c.o.Spans != nil {
		tracepb.RegisterTraceServer(s.grpc, &traceService{c: c, stopping: s.stopping, viewers: make(chan struct{}, o.MaxViewers)})
	}
	if c.o.Logs != nil {
		eventspb.RegisterEventsServer(s.grpc, &eventService{c: c, stopping: s.stopping, viewers: make(chan struct{}, o.MaxViewers)})
	}
	if c.o.Goroutines != nil {
		goroutinespb.RegisterGoroutinesServer(s.grpc, &goroutineService{c: c, stopping: s.stopping})
	}
	go func() { s.done <- s.grpc.Serve(l) }()
	return s, nil
}

// loopback reports whether only this machine can reach the address.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func (o ServeOptions) options() []grpc.ServerOption {
	list := []grpc.ServerOption{
		grpc.StatsHandler(connections{}),
		grpc.MaxRecvMsgSize(64 << 10), // requests are a number at most
		grpc.MaxConcurrentStreams(64),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute}), // a viewer that vanished is not kept for
	}
	if o.TLS != nil {
		list = append(list, grpc.Creds(credentials.NewTLS(o.TLS)))
	}
	if o.Token != "" {
		list = append(list,
			grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
				if err := o.admit(ctx); err != nil {
					return nil, err
				}
				return next(ctx, req)
			}),
			grpc.StreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
				if err := o.admit(stream.Context()); err != nil {
					return err
				}
				return next(srv, stream)
			}))
	}
	return list
}

func (o ServeOptions) admit(ctx context.Context) error {
	md, _ := metadata.FromIncomingContext(ctx)
	for _, v := range md.Get("authorization") {
		if subtle.ConstantTimeCompare([]byte(v), []byte("Bearer "+o.Token)) == 1 {
			return nil
		}
	}
	return status.Error(codes.Unauthenticated, "the console asks for a token")
}

// Addr is where the console is served; nil for a nil server.
func (s *Server) Addr() net.Addr {
	if s == nil {
		return nil
	}
	return s.listener.Addr()
}

// Close ends every viewer's streams and stops serving. Viewers that do not go
// by the context's end are cut off.
func (s *Server) Close(ctx context.Context) error {
	if s == nil {
		return nil
	}
	s.once.Do(func() { close(s.stopping) })
	gone := make(chan struct{})
	go func() {
		s.grpc.GracefulStop()
		close(gone)
	}()
	select {
	case <-gone:
	case <-ctx.Done():
		s.grpc.Stop()
		<-gone
	}
	return nil
}
