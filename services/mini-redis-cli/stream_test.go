package main

import (
	"strings"
	"testing"
	"time"

	"mini-redis/internal/servertest"
)

func TestSubscribePrintsMessagesUntilStopped(t *testing.T) {
	servertest.Each(t, func(t *testing.T, addr string) {
		cli := servertest.Start(t, run, nil, withAddr(addr, "--no-raw", "subscribe", "news", "weather")...)
		begun := "Reading messages... (press Ctrl-C to quit)\n" +
			"1) \"subscribe\"\n2) \"news\"\n3) (integer) 1\n1) \"subscribe\"\n2) \"weather\"\n3) (integer) 2\n"
		cli.Stdout.MustShow(t, begun)
		if got := runCLI(t.Context(), nil, withAddr(addr, "publish", "weather", "rain\nand wind")...); got.stdout != "1\n" {
			t.Errorf("publish: %+v", got)
		}
		cli.Stdout.MustShow(t, begun+"1) \"message\"\n2) \"weather\"\n3) \"rain\\nand wind\"\n")
		if code := cli.Stop(); code != 0 || cli.Stderr.String() != "" {
			t.Errorf("exit code %d, %q", code, cli.Stderr.String())
		}
	})
}

func TestSubscribeRawRESP3(t *testing.T) {
	servertest.Each(t, func(t *testing.T, addr string) {
		cli := servertest.Start(t, run, nil, withAddr(addr, "-3", "psubscribe", "n*")...)
		cli.Stdout.MustShow(t, "psubscribe\nn*\n1\n")
		runCLI(t.Context(), nil, withAddr(addr, "publish", "news", "text")...)
		cli.Stdout.MustShow(t, "psubscribe\nn*\n1\npmessage\nn*\nnews\ntext\n")
		if code := cli.Stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
}

func TestSubscribeErrorReply(t *testing.T) {
	servertest.Each(t, func(t *testing.T, addr string) {
		got := runCLI(t.Context(), nil, withAddr(addr, "subscribe")...)
		if got.code != exitFailed || got.stdout != "ERR wrong number of arguments for 'subscribe' command\n\n" || got.stderr != "" {
			t.Errorf("%+v", got)
		}
	})
}

func TestMonitor(t *testing.T) {
	addr := servertest.Redis(t)
	cli := servertest.Start(t, run, nil, withAddr(addr, "monitor")...)
	cli.Stdout.MustShow(t, "OK\n")
	runCLI(t.Context(), nil, withAddr(addr, "get", "k\n")...)
	cli.Stdout.Await(t, "the GET", func(text string) bool { return strings.HasSuffix(text, `"get" "k\n"`+"\n") })
	if code := cli.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestBlockingCommandCanBeInterrupted(t *testing.T) {
	servertest.Each(t, func(t *testing.T, addr string) {
		cli := servertest.Start(t, run, nil, withAddr(addr, "blpop", "list", "0")...)
		blocked := func() bool {
			return strings.Contains(runCLI(t.Context(), nil, withAddr(addr, "info", "clients")...).stdout, "blocked_clients:1")
		}
		for deadline := time.Now().Add(20 * time.Second); !blocked(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("timeout: INFO reports no blocked client")
			}
		}
		if code := cli.Stop(); code != exitFailed || !strings.HasSuffix(cli.Stderr.String(), "interrupted before the reply\n") {
			t.Errorf("exit code %d, %q", code, cli.Stderr.String())
		}
	})
}
