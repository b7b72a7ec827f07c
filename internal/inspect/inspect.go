// Package inspect reads traces and metrics from a running stack through public HTTP APIs: Jaeger's
// query API, Prometheus's query API, and the text format of a /metrics endpoint. services/stack,
// services/stack-check and the cluster tests use it.
package inspect

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Client sends HTTP GET requests. The zero value uses http.DefaultClient.
type Client struct{ HTTP *http.Client }

func (c Client) get(ctx context.Context, url string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 300))
		_ = response.Body.Close()
		return nil, fmt.Errorf("%s: %w: %s", url, &StatusError{response.StatusCode}, strings.TrimSpace(string(text)))
	}
	return response.Body, nil
}

// StatusError is the error for an HTTP status other than 200.
type StatusError struct{ Code int }

func (e *StatusError) Error() string { return "HTTP status " + strconv.Itoa(e.Code) }

// IsStatus reports whether err is a [StatusError] with the given code.
func IsStatus(err error, code int) bool {
	var status *StatusError
	return errors.As(err, &status) && status.Code == code
}

func (c Client) json(ctx context.Context, url string, into any) error {
	body, err := c.get(ctx, url)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := json.NewDecoder(body).Decode(into); err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	return nil
}

// Ready returns nil if url answers 200.
func (c Client) Ready(ctx context.Context, url string) error {
	body, err := c.get(ctx, url)
	if err != nil {
		return err
	}
	return body.Close()
}

// Totals reads a /metrics endpoint and returns the sum of each metric over all its series.
func (c Client) Totals(ctx context.Context, url string) (map[string]float64, error) {
	body, err := c.get(ctx, url)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	totals := map[string]float64{}
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		name := line[:max(0, strings.IndexAny(line, "{ "))]
		if name == "" || strings.HasPrefix(line, "#") {
			continue
		}
		rest := line[len(name):]
		if end := strings.LastIndexByte(rest, '}'); end >= 0 {
			rest = rest[end+1:]
		}
		fields := strings.Fields(rest) // value and optional timestamp
		if len(fields) == 0 {
			continue
		}
		if value, err := strconv.ParseFloat(fields[0], 64); err == nil {
			totals[name] += value
		}
	}
	return totals, lines.Err()
}
