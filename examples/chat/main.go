// Command chat is a chat for terminals over Redis's pub/sub.
//
//	go run ./examples/chat -name ann     # in one terminal
//	go run ./examples/chat -name bob     # in another
//
// Everybody in a room subscribes to the room's channel; saying something is a
// PUBLISH to it. Each thing said is a trace: "say", the CLIENT's PUBLISH, the
// SERVER's. /trace shows the last one. There is no history, because Redis keeps no
// messages, and nobody checks who you say you are.
package main

import (
	"bufio"
	"context"
	"io"
	"os"

	"mini-redis/examples/internal/setup"
	"mini-redis/internal/program"
)

// maxLine bounds what is said at once, in bytes; a longer line is said in pieces.
const maxLine = 4096

func main() { program.Main(run) }

func run(ctx context.Context, args []string, getenv func(string) string, stdout, _ io.Writer) error {
	flags := program.Flags("chat", "chat is a chat room in the terminal. /trace shows your last trace, /quit or Ctrl-C leaves.")
	name := flags.String("name", getenv("USER"), "what the others see")
	roomName := flags.String("room", "lobby", "which room")
	if err := program.Parse(flags, args, getenv, stdout); err != nil {
		return err
	}
	if *name == "" {
		return program.Errorf(program.ExitUsage, "-name is needed: who are you?")
	}
	app, err := setup.Start(ctx, "chat", getenv)
	if err != nil {
		return err
	}
	defer app.Close()
	r := newRoom(app, *roomName, *name, stdout)
	if err := r.talk(ctx, readLines(os.Stdin)); err != nil {
		return err
	}
	return app.Flush()
}

// readLines makes a channel of what is typed, since reading cannot be
// interrupted but waiting for a channel can. It closes at the end of the input.
func readLines(in io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		reader := bufio.NewReaderSize(in, maxLine)
		for {
			line, _, err := reader.ReadLine()
			if err != nil {
				return
			}
			lines <- string(line)
		}
	}()
	return lines
}
