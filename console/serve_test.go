package console

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"mini-redis/console/hdr"
	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/goroutinespb"
	"mini-redis/console/wire/instrumentpb"
	"mini-redis/console/wire/tracepb"
)

// serve serves a console. The default of PublishInterval is 5 ms.
func serve(t *testing.T, o Options, so ServeOptions) (*Console, *Server) {
	t.Helper()
	if o.PublishInterval == 0 {
		o.PublishInterval = 5 * ms
	}
	if so.Addr == "" {
		so.Addr = "127.0.0.1:0"
	}
	c := New(o)
	s, err := c.Listen(so)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeNow(t, s) })
	return c, s
}

func closeNow(t *testing.T, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
}

func dial(t *testing.T, s *Server, creds credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	if creds == nil {
		creds = insecure.NewCredentials()
	}
	conn, err := grpc.NewClient(s.Addr().String(), grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestHeadersAreSentImmediately(t *testing.T) {
	_, s := serve(t, Options{PublishInterval: time.Hour}, ServeOptions{})
	client := instrumentpb.NewInstrumentClient(dial(t, s, nil))
	updates := must[grpc.ServerStreamingClient[instrumentpb.Update]](t)(client.WatchUpdates(t.Context(), &instrumentpb.InstrumentRequest{}))
	must[metadata.MD](t)(updates.Header())
	if u := must[*instrumentpb.Update](t)(updates.Recv()); u.Now == nil || u.NewMetadata == nil {
		t.Errorf("%v", u)
	}
	states := must[grpc.ServerStreamingClient[instrumentpb.State]](t)(client.WatchState(t.Context(), &instrumentpb.StateRequest{}))
	must[metadata.MD](t)(states.Header())
	if s := must[*instrumentpb.State](t)(states.Recv()); s.Temporality != instrumentpb.Temporality_LIVE {
		t.Errorf("%v", s)
	}
}

func TestPauseAffectsOnlyThatViewer(t *testing.T) {
	c, s := serve(t, Options{}, ServeOptions{})
	type viewer struct {
		client  instrumentpb.InstrumentClient
		updates grpc.ServerStreamingClient[instrumentpb.Update]
		states  grpc.ServerStreamingClient[instrumentpb.State]
	}
	connect := func() viewer {
		t.Helper()
		client := instrumentpb.NewInstrumentClient(dial(t, s, nil))
		return viewer{
			client,
			must[grpc.ServerStreamingClient[instrumentpb.Update]](t)(client.WatchUpdates(t.Context(), &instrumentpb.InstrumentRequest{})),
			must[grpc.ServerStreamingClient[instrumentpb.State]](t)(client.WatchState(t.Context(), &instrumentpb.StateRequest{})),
		}
	}
	a, b := connect(), connect()
	live, paused := instrumentpb.Temporality_LIVE, instrumentpb.Temporality_PAUSED
	state := func(v viewer, want instrumentpb.Temporality) {
		t.Helper()
		if got := must[*instrumentpb.State](t)(v.states.Recv()); got.Temporality != want {
			t.Fatalf("%v, want %v", got.Temporality, want)
		}
	}
	// updatesOf sends the updates to a channel, so that the test can check that there is none.
	updatesOf := func(v viewer) chan *instrumentpb.Update {
		ch := make(chan *instrumentpb.Update, 10_000)
		go func() {
			for {
				u, err := v.updates.Recv()
				if err != nil {
					return
				}
				ch <- u
			}
		}()
		return ch
	}
	state(a, live)
	state(b, live)
	if _, err := a.client.Pause(t.Context(), &instrumentpb.PauseRequest{}); err != nil {
		t.Fatal(err)
	}
	state(a, paused)
	ua, ub := updatesOf(a), updatesOf(b)
	task := c.NewTask(TaskOptions{Name: "made during the pause"})
	receives := func(ch chan *instrumentpb.Update) {
		t.Helper()
		waitUntil(t, func() bool {
			select {
			case u := <-ch:
				return u.GetTaskUpdate().GetStatsUpdate()[task.ID()] != nil
			default:
				return false
			}
		})
	}
	receives(ub)
	for range 20 { // b has received many updates since, and a none
		<-ub
	}
	for len(ua) > 0 {
		if u := <-ua; u.GetTaskUpdate().GetStatsUpdate()[task.ID()] != nil {
			t.Error("a paused viewer received the task")
		}
	}
	if _, err := a.client.Resume(t.Context(), &instrumentpb.ResumeRequest{}); err != nil {
		t.Fatal(err)
	}
	state(a, live)
	receives(ua)
}

func TestWatched(t *testing.T) {
	c, s := serve(t, Options{}, ServeOptions{MaxViewers: 1})
	client := instrumentpb.NewInstrumentClient(dial(t, s, nil))
	ctx, leave := context.WithCancel(t.Context())
	first := must[grpc.ServerStreamingClient[instrumentpb.Update]](t)(client.WatchUpdates(ctx, &instrumentpb.InstrumentRequest{}))
	must[*instrumentpb.Update](t)(first.Recv())
	if !c.Watched() {
		t.Error("Watched is false while a viewer is connected")
	}
	second := must[grpc.ServerStreamingClient[instrumentpb.Update]](t)(client.WatchUpdates(t.Context(), &instrumentpb.InstrumentRequest{}))
	if _, err := second.Recv(); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("viewer over the limit: %v, want RESOURCE_EXHAUSTED", err)
	}
	leave()
	waitUntil(t, func() bool { return !c.Watched() })
}

func TestDetailsEndWithTheTask(t *testing.T) {
	c, s := serve(t, Options{}, ServeOptions{})
	client := instrumentpb.NewInstrumentClient(dial(t, s, nil))
	task := c.NewTask(TaskOptions{})
	stream := must[grpc.ServerStreamingClient[taskDetails]](t)(client.WatchTaskDetails(t.Context(), &instrumentpb.TaskDetailsRequest{Id: &commonpb.Id{Id: task.ID()}}))
	if d := must[*taskDetails](t)(stream.Recv()); d.TaskId.Id != task.ID() || d.Now == nil {
		t.Errorf("%v", d)
	}
	at := c.Mono()
	task.Polled(at, at+1000, at+6000)
	task.Drop()
	var last *taskDetails
	for {
		d, err := stream.Recv()
		if err != nil {
			if err.Error() != "EOF" {
				t.Error(err)
			}
			break
		}
		last = d
	}
	polls, err := hdr.Decode(last.GetHistogram().GetRawHistogram())
	if err != nil || polls.Total() != 1 || polls.Max()/32 != 5000/32 {
		t.Errorf("%+v, %v", polls, err)
	}
	scheduled, err := hdr.Decode(last.GetScheduledTimesHistogram().GetRawHistogram())
	if err != nil || scheduled.Total() != 1 || scheduled.Max()/8 != 1000/8 {
		t.Errorf("%+v, %v", scheduled, err)
	}
	stream = must[grpc.ServerStreamingClient[taskDetails]](t)(client.WatchTaskDetails(t.Context(), &instrumentpb.TaskDetailsRequest{Id: &commonpb.Id{Id: 999}}))
	if _, err := stream.Recv(); status.Code(err) != codes.NotFound {
		t.Errorf("unknown task: %v, want NOT_FOUND", err)
	}
}

func TestNonLoopbackNeedsTLSAndToken(t *testing.T) {
	for _, o := range []ServeOptions{{Addr: "0.0.0.0:0"}, {Addr: ":0"}, {Addr: "0.0.0.0:0", Token: "t"}, {Addr: "[::]:0", TLS: &tls.Config{}}} {
		if s, err := New(Options{}).Listen(o); !errors.Is(err, ErrExposed) {
			t.Errorf("%+v: %v, %v", o, s, err)
		}
	}
	cert, pool := certificate(t)
	_, s := serve(t, Options{}, ServeOptions{Addr: "0.0.0.0:0", Token: "secret", TLS: &tls.Config{Certificates: []tls.Certificate{cert}}})
	conn := dial(t, s, credentials.NewTLS(&tls.Config{RootCAs: pool, ServerName: "console"}))
	client := instrumentpb.NewInstrumentClient(conn)
	f := func(token string, want codes.Code) {
		t.Helper()
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", token)
		stream := must[grpc.ServerStreamingClient[instrumentpb.Update]](t)(client.WatchUpdates(ctx, &instrumentpb.InstrumentRequest{}))
		if _, err := stream.Recv(); status.Code(err) != want {
			t.Errorf("token %q: %v, want %v", token, err, want)
		}
		if _, err := client.Pause(ctx, &instrumentpb.PauseRequest{}); status.Code(err) != want {
			t.Errorf("token %q: %v, want %v", token, err, want)
		}
	}
	f("", codes.Unauthenticated)
	f("Bearer wrong", codes.Unauthenticated)
	f("secret", codes.Unauthenticated)
	f("Bearer secret", codes.OK)
}

func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "console"}, DNSNames: []string{"console"},
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der := must[[]byte](t)(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))
	pool := x509.NewCertPool()
	pool.AddCert(must[*x509.Certificate](t)(x509.ParseCertificate(der)))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestCloseEndsTheStreams(t *testing.T) {
	c, s := serve(t, Options{}, ServeOptions{})
	stream := must[grpc.ServerStreamingClient[instrumentpb.Update]](t)(instrumentpb.NewInstrumentClient(dial(t, s, nil)).WatchUpdates(t.Context(), &instrumentpb.InstrumentRequest{}))
	must[*instrumentpb.Update](t)(stream.Recv())
	closeNow(t, s)
	for {
		if _, err := stream.Recv(); err != nil {
			if status.Code(err) != codes.Unavailable {
				t.Error(err)
			}
			break
		}
	}
	waitUntil(t, func() bool { return !c.Watched() })
	if _, err := net.Dial("tcp", s.Addr().String()); err == nil {
		t.Error("the server still listens after Close")
	}
}

func TestMissingServicesAreUnimplemented(t *testing.T) {
	_, s := serve(t, Options{}, ServeOptions{})
	conn := dial(t, s, nil)
	spans := must[grpc.ServerStreamingClient[tracepb.TraceEvent]](t)(tracepb.NewTraceClient(conn).Watch(t.Context(), &tracepb.WatchRequest{}))
	if _, err := spans.Recv(); status.Code(err) != codes.Unimplemented {
		t.Error(err)
	}
	goroutines := must[grpc.ServerStreamingClient[goroutinespb.Snapshot]](t)(goroutinespb.NewGoroutinesClient(conn).Watch(t.Context(), &goroutinespb.WatchRequest{}))
	if _, err := goroutines.Recv(); status.Code(err) != codes.Unimplemented {
		t.Error(err)
	}
}

type fixedGoroutines struct {
	asked []int
	rests atomic.Int32
}

func (f *fixedGoroutines) Rest() { f.rests.Add(1) }

func (f *fixedGoroutines) Snapshot(_ context.Context, limit int) (*goroutinespb.Snapshot, error) {
	f.asked = append(f.asked, limit)
	if limit == 13 {
		return nil, errors.New("snapshot failed")
	}
	return &goroutinespb.Snapshot{Total: uint64(len(f.asked))}, nil
}

func TestViewersShareGoroutineSnapshots(t *testing.T) {
	source := &fixedGoroutines{}
	_, s := serve(t, Options{Goroutines: source, PublishInterval: time.Hour}, ServeOptions{})
	client := goroutinespb.NewGoroutinesClient(dial(t, s, nil))
	ask := func(limit uint32) (*goroutinespb.Snapshot, error) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		return must[grpc.ServerStreamingClient[goroutinespb.Snapshot]](t)(client.Watch(ctx, &goroutinespb.WatchRequest{Limit: limit})).Recv()
	}
	for range 3 {
		if got := must[*goroutinespb.Snapshot](t)(ask(0)); got.Total != 1 {
			t.Errorf("%d snapshots for 3 viewers, want 1", got.Total)
		}
	}
	if got := must[*goroutinespb.Snapshot](t)(ask(5)); got.Total != 2 || source.asked[1] != 5 || source.asked[0] != maxGoroutines {
		t.Errorf("%v, limits %v", got, source.asked)
	}
	waitUntil(t, func() bool { return source.rests.Load() > 0 })
	if _, err := ask(13); status.Code(err) != codes.Unavailable {
		t.Error(err)
	}
}
