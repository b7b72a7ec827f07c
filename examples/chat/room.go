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

// chatMessage is the payload of a message in the channel, as JSON.
type chatMessage struct {
	SenderID string `json:"seat"` // distinguishes members with the same name
	From     string `json:"from"`
	Event    string `json:"does,omitempty"` // "joined" or "left"; then Text is empty
	Text     string `json:"text,omitempty"`
}

// room is one member's view of a room. Only the goroutine of run uses it: run
// selects between typed lines and received messages, so no lock is needed.
type room struct {
	app                    *setup.App
	channel                string
	senderID, name         string
	out                    io.Writer
	linePrefix, lineSuffix string // printed around a line; on a terminal they clear and restore the prompt
	last                   trace.Span
}

func newRoom(app *setup.App, roomName, name string, out io.Writer) *room {
	r := &room{app: app, channel: "chat:" + roomName, senderID: rand.Text(), name: name, out: out}
	if isTerminal(out) {
		r.linePrefix, r.lineSuffix = "\r\x1b[K", "> "
	}
	return r
}

// run joins the room and returns when ctx ends, typed is closed or the line is /quit.
func (r *room) run(ctx context.Context, typed <-chan string) error {
	subscription := r.app.Redis.Subscribe(ctx, r.channel)
	defer subscription.Close()
	if _, err := subscription.Receive(ctx); err != nil {
		return fmt.Errorf("SUBSCRIBE: %w", err)
	}
	receivers, err := r.publish(ctx, "join", chatMessage{Event: "joined"})
	if err != nil {
		return err
	}
	r.print("%s: %s. /trace shows your last trace, /quit leaves.", strings.TrimPrefix(r.channel, "chat:"), otherMembers(receivers-1))
	defer r.leave(ctx)

	messages := subscription.Channel()
	for {
		select {
		case <-ctx.Done():
			return nil
		case message := <-messages:
			r.showMessage(message)
		case line, ok := <-typed:
			if !ok || line == "/quit" {
				return nil
			}
			r.handleLine(ctx, line)
		}
	}
}

func otherMembers(others int64) string {
	switch others {
	case 0:
		return "no other members"
	case 1:
		return "1 other member"
	}
	return fmt.Sprintf("%d other members", others)
}

func (r *room) handleLine(ctx context.Context, line string) {
	switch {
	case line == "/trace":
		r.print("%s", r.app.Link(r.last))
	case strings.HasPrefix(line, "/"):
		r.print("unknown command %s; commands: /trace, /quit", line)
	case strings.TrimSpace(line) == "":
		r.print("")
	default:
		if _, err := r.publish(ctx, "say", chatMessage{Text: line}); err != nil {
			r.print("not sent: %v", err)
			return
		}
		fmt.Fprint(r.out, r.lineSuffix) // the terminal already shows the typed line
	}
}

// publish sends one message in a trace whose root span is named what. It returns
// the number of subscribers that received it, including this member.
func (r *room) publish(ctx context.Context, what string, msg chatMessage) (receivers int64, err error) {
	msg.SenderID, msg.From = r.senderID, r.name
	text, err := json.Marshal(msg)
	if err != nil {
		return 0, err
	}
	ctx, span := r.app.Tracer.Start(ctx, what)
	defer span.End()
	r.last = span
	if receivers, err = r.app.Redis.Publish(ctx, r.channel, text).Result(); err != nil {
		return 0, fmt.Errorf("PUBLISH: %w", err)
	}
	return receivers, nil
}

func (r *room) showMessage(message *redis.Message) {
	var msg chatMessage
	switch err := json.Unmarshal([]byte(message.Payload), &msg); {
	case err != nil:
		msg = chatMessage{From: "?", Text: message.Payload} // published by another program
	case msg.SenderID == r.senderID:
		return
	}
	if msg.Event != "" {
		r.print("%s %s", printable(msg.From), printable(msg.Event))
		return
	}
	r.print("%s: %s", printable(msg.From), printable(msg.Text))
}

func (r *room) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	fmt.Fprintf(r.out, "%slast trace  %s\n", r.linePrefix, r.app.Link(r.last))
	_, _ = r.publish(ctx, "leave", chatMessage{Event: "left"}) // the program exits: an error would help no user
}

// print prints a line. It erases the line that the user is typing from the
// screen, but the terminal keeps it in its buffer and sends it on Enter.
func (r *room) print(format string, args ...any) {
	fmt.Fprintf(r.out, r.linePrefix+format+"\n"+r.lineSuffix, args...)
}

// printable replaces control characters, so that messages of other members
// cannot send escape sequences to this terminal.
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
