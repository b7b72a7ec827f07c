package backends

import (
	"slices"
	"strings"
)

// backendEnv returns the environment of a program of another project. It contains only general
// variables of the user, so that the user's environment cannot change the program's configuration.
func (s Settings) backendEnv(extra ...string) []string {
	keep := []string{"PATH", "HOME", "USER", "TMPDIR", "TZ", "LANG", "GODEBUG"}
	var env []string
	for _, entry := range s.Environ {
		name, _, _ := strings.Cut(entry, "=")
		if slices.Contains(keep, name) {
			env = append(env, entry)
		}
	}
	return append(env, extra...)
}

// collectorEnv returns the environment of the collector. Without overlays it is that of a backend.
// With overlays it contains the user's variables: an overlay may use any variable, and the
// libraries of an exporter may read their own, such as credentials.
func (s Settings) collectorEnv(extra ...string) []string {
	if len(s.Overlays) == 0 {
		return s.backendEnv(extra...)
	}
	env := append([]string{"COLLECTOR_DATA=" + s.path("data", "collector")}, s.userEnv()...)
	return append(env, extra...)
}

// ownEnv returns the environment of the server and the load. It is the user's environment, so that
// the user can configure sampling and batching, without the variables that would redirect or rename
// the telemetry.
func (s Settings) ownEnv(extra ...string) []string {
	env := []string{
		// Shorter than the defaults of the specification (5 s and 60 s), so that data appears sooner.
		// Values of the user take precedence.
		"OTEL_BSP_SCHEDULE_DELAY=500",
		"OTEL_METRIC_EXPORT_INTERVAL=2000",
	}
	env = append(env, s.userEnv()...)
	env = append(env,
		"OTEL_EXPORTER_OTLP_ENDPOINT="+s.Ports.OTLPGRPC.URL(""),
		"MINI_REDIS_ADDR="+s.Ports.RESP.Addr(),
		"MINI_REDIS_JAEGER="+s.Ports.JaegerHTTP.URL(""),
	)
	return append(env, extra...)
}

// userEnv returns the user's environment without the variables that would redirect or rename the
// telemetry.
func (s Settings) userEnv() []string {
	return slices.DeleteFunc(slices.Clone(s.Environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return redirectsTelemetry(name)
	})
}

func redirectsTelemetry(name string) bool {
	switch name {
	case "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER",
		"OTEL_PROPAGATORS", "GOMEMLIMIT":
		return true
	}
	return strings.HasPrefix(name, "OTEL_EXPORTER_OTLP_")
}

// Sampled reports whether the user's environment selects a sampler, so that not every operation has
// a trace.
func (s Settings) Sampled() bool {
	return slices.ContainsFunc(s.Environ, func(entry string) bool {
		name, value, _ := strings.Cut(entry, "=")
		return name == "OTEL_TRACES_SAMPLER" && value != "" && value != "parentbased_always_on" && value != "always_on"
	})
}
