package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"

	"mini-redis/examples/internal/setup"
)

// utterance is what goes through the channel, as JSON.
type utterance struct {
	Seat string `json:"seat"` // tells two people of one name apart
	From string `json:"from"`
	Does string `json:"does,omitempty"` // "joined" or "left" in place of a text
	Text string `json:"text,omitempty"`
}

// room is a room as one person sees it. One goroutine owns it: what is typed and
// what arrives meet in talk's select, so nothing here needs a lock.
type room struct {
	app           *setup.App
	channel       string
	seat, name    string
	out           io.Writer
	before, after string // around a line, where a prompt has to make way for it
	last          trace.Span
}

func newRoom(app *setup.App, roomName, name string, out io.Writer) *room {
	r := &room{app: app, channel: "chat:" + roomName, seat: rand.Text(), name: name, out: out}
	if isTerminal(out) {
		r.before, r.after = "\r\x1b[K", "> "
	}
	return r
}

// talk joins the room and stays until ctx ends or nothing more is typed.
func (r *room) talk(ctx context.Context, typed <-chan string) error {
	subscription := r.app.Redis.Subscribe(ctx, r.channel)
	defer subscription.Close()
	if _, err := subscription.Receive(ctx); err != nil {
		return fmt.Errorf("SUBSCRIBE: %w", err)
	}
	heard, err := r.publish(ctx, "join", utterance{Does: "joined"})
	if err != nil {
		return err
	}
	r.print("%s: %s. /trace shows your last trace, /quit leaves.", strings.TrimPrefix(r.channel, "chat:"), company(heard-1))
	defer r.leave(ctx)

	messages := subscription.Channel()
	for {
		select {
		case <-ctx.Done():
			return nil
		case message := <-messages:
			r.hear(message)
		case line, ok := <-typed:
			if !ok || line == "/quit" {
				return nil
			}
			r.say(ctx, line)
		}
	}
}

func company(others int64) string {
	switch others {
	case 0:
		return "nobody else is here"
	case 1:
		return "one other is here"
	}
	return fmt.Sprintf("%d others are here", others)
}

func (r *room) say(ctx context.Context, line string) {
	switch {
	case line == "/trace":
		r.print("%s", r.app.Link(r.last))
	case strings.HasPrefix(line, "/"):
		r.print("%s is no command: /trace, /quit", line)
	case strings.TrimSpace(line) == "":
		r.print("")
	default:
		if _, err := r.publish(ctx, "say", utterance{Text: line}); err != nil {
			r.print("nobody heard that: %v", err)
			return
		}
		fmt.Fprint(r.out, r.after) // the terminal shows the line already
	}
}

// publish makes one trace of sending one utterance, and says how many heard it,
// the speaker among them.
func (r *room) publish(ctx context.Context, what string, u utterance) (heard int64, err error) {
	u.Seat, u.From = r.seat, r.name
	text, err := json.Marshal(u)
	if err != nil {
		return 0, err
	}
	ctx, span := r.app.Tracer.Start(ctx, what)
	defer span.End()
	r.last = span
	if heard, err = r.app.Redis.Publish(ctx, r.channel, text).Result(); err != nil {
		return 0, fmt.Errorf("PUBLISH: %w", err)
	}
	return heard, nil
}

func (r *room) hear(message *redis.Message) {
	var u utterance
	switch err := json.Unmarshal([]byte(message.Payload), &u); {
	case err != nil:
		u = utterance{From: "?", Text: message.Payload} // from someone without this program
	case u.Seat == r.seat:
		return
	}
	if u.Does != "" {
		r.print("%s %s", printable(u.From), printable(u.Does))
		return
	}
	r.print("%s: %s", printable(u.From), printable(u.Text))
}

func (r *room) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	fmt.Fprintf(r.out, "%slast trace  %s\n", r.before, r.app.Link(r.last))
	_, _ = r.publish(ctx, "leave", utterance{Does: "left"}) // who could be told that it failed?
}

// print shows a line. What was being typed is still in the terminal's own
// line, out of sight, and goes out with Enter.
func (r *room) print(format string, args ...any) {
	fmt.Fprintf(r.out, r.before+format+"\n"+r.after, args...)
}

// printable keeps what others send from steering this terminal.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return '·'
	}, text)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
