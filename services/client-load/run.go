package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"

	"mini-redis/internal/program"
	"mini-redis/internal/telemetry"
)

// serviceName is what the program calls itself in traces and metrics.
const serviceName = "client-load"

// Exit codes. exitFailed is also that of a wrong flag, so that 2 says one thing
// alone: the run was made, and was not good enough.
const (
	exitFailed    = program.ExitError
	exitThreshold = 2
)

// flushTimeout bounds how long the last spans and metrics may take to leave.
const flushTimeout = 5 * time.Second

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	cfg, err := parseConfig(args, getenv, stdout)
	if err != nil {
		return err
	}
	logger, err := telemetry.NewLogger(stderr, getenv)
	if err != nil {
		return program.Errorf(exitFailed, "%w", err)
	}
	tel, err := telemetry.Start(ctx, telemetry.Options{
		Service:    serviceName,
		Version:    program.Number(),
		Getenv:     getenv,
		Logger:     logger,
		Attributes: []attribute.KeyValue{attribute.String("load.run.id", cfg.runID)},
	})
	if err != nil {
		return program.Errorf(exitFailed, "%w", err)
	}
	flush := sync.OnceFunc(func() { flush(tel, logger) })
	defer flush()

	redis.SetLogger(redisLog{logger})
	client, err := connect(ctx, cfg, tel)
	if err != nil {
		return program.Errorf(exitFailed, "%w", err)
	}
	defer client.Close()
	if cfg.adminAddr != "" {
		admin, err := telemetry.StartAdmin(telemetry.AdminOptions{Addr: cfg.adminAddr, Registry: tel.Registry(), Logger: logger})
		if err != nil {
			return program.Errorf(exitFailed, "%w", err)
		}
		defer admin.Close(context.WithoutCancel(ctx))
		logger.Info("admin endpoint", "addr", admin.Addr())
	}

	fmt.Fprintln(stdout, cfg.headline())
	result, err := load(ctx, cfg, client, tel.Registry(), logger, stdout)
	if err != nil {
		return program.Errorf(exitFailed, "%w", err)
	}
	flush() // whoever reads the report may look for the last trace
	return conclude(cfg, result, stdout)
}

// flush sends what telemetry still holds.
func flush(tel *telemetry.Telemetry, logger *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	if err := tel.Shutdown(ctx); err != nil {
		logger.Warn("telemetry was not delivered", "error", err)
	}
}
