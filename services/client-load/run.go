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

// serviceName is the resource attribute service.name of the program's telemetry.
const serviceName = "client-load"

// Exit codes. An invalid flag also exits with exitFailed, so that code 2 has one
// meaning: the run was completed and violated a threshold.
const (
	exitFailed    = program.ExitError
	exitThreshold = 2
)

// flushTimeout is the limit for exporting the last spans and metrics.
const flushTimeout = 5 * time.Second

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	cfg, err := parseConfig(args, getenv, stdout, stderr)
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
	flush() // before the report is printed: it names the last trace
	return writeReport(cfg, result, stdout)
}

// flush exports the telemetry that is still buffered and stops the exporters.
func flush(tel *telemetry.Telemetry, logger *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	if err := tel.Shutdown(ctx); err != nil {
		logger.Warn("flushing telemetry failed", "error", err)
	}
}
