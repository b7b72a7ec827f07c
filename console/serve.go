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

// DefaultAddr is the default address of a console: the one to which tokio-console connects by
// default.
const DefaultAddr = "127.0.0.1:6669"

// ErrExposed is returned by Listen for an address that is not a loopback address, unless both TLS
// and Token are set. A console discloses keys, addresses and names.
var ErrExposed = errors.New("console: an address beyond loopback needs TLS and a token")

// ServeOptions configures how a console is served.
type ServeOptions struct {
	Addr string // default DefaultAddr
	// Listener is used instead of Addr if it is not nil. Listen does not check its address.
	Listener net.Listener
	// TLS and Token protect a console that other machines can reach. A client sends the token as
	// "authorization: Bearer TOKEN". The stock tokio-console supports neither; services/console
	// supports both.
	TLS   *tls.Config
	Token string
	// MaxViewers bounds the number of simultaneous streams of updates, and likewise of spans and of
	// events. Default: 16.
	MaxViewers int
}

// Server serves a console.
type Server struct {
	listener net.Listener
	grpc     *grpc.Server
	stopping chan struct{}
	once     sync.Once
	done     chan error
}

// Listen serves the console until Close is called. For a nil Console it does nothing and returns a
// nil *Server, whose Close does nothing.
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

// loopback reports whether addr can be reached from this machine only.
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
		grpc.StatsHandler(connTagger{}),
		grpc.MaxRecvMsgSize(64 << 10), // a request holds at most one number
		grpc.MaxConcurrentStreams(64),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute}), // detects viewers that disappeared without closing the connection
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

// Addr returns the address on which the console is served, or nil for a nil Server.
func (s *Server) Addr() net.Addr {
	if s == nil {
		return nil
	}
	return s.listener.Addr()
}

// Close ends all streams and stops serving. When ctx is done it closes the connections of the
// remaining viewers. It always returns nil.
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
