// Command chat is a chat for terminals over Redis's pub/sub.
//
//	go run ./examples/chat -name ann     # in one terminal
//	go run ./examples/chat -name bob     # in another
//
// Every member of a room subscribes to the room's channel. Sending a message is
// a PUBLISH to the channel. Each message is a trace of three spans: "say", the
// CLIENT span of PUBLISH and its SERVER span. The command /trace prints a link to
// the last trace. There is no history, because Redis does not store published
// messages, and names are not verified.
package main

import (
	"bufio"
	"context"
	"io"
	"os"

	"mini-redis/examples/internal/setup"
	"mini-redis/internal/program"
)

// maxLine is the maximum size of a message in bytes. A longer line is sent as several messages.
const maxLine = 4096

func main() { program.Main(run) }

func run(ctx context.Context, args []string, getenv func(string) string, stdout, _ io.Writer) error {
	flags := program.Flags("chat", "chat is a chat room in the terminal. /trace prints a link to your last trace, /quit or Ctrl-C leaves.")
	name := flags.String("name", getenv("USER"), "`name` that the other members see")
	roomName := flags.String("room", "lobby", "`name` of the room")
	if err := program.Parse(flags, args, getenv, stdout); err != nil {
		return err
	}
	if *name == "" {
		return program.Errorf(program.ExitUsage, "-name is required, because USER is not set")
	}
	app, err := setup.Start(ctx, "chat", getenv)
	if err != nil {
		return err
	}
	defer app.Close()
	r := newRoom(app, *roomName, *name, stdout)
	if err := r.run(ctx, readLines(os.Stdin)); err != nil {
		return err
	}
	return app.Flush()
}

// readLines sends the lines of in to a channel, because a read cannot be
// cancelled but a receive can. It closes the channel at the end of the input.
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
