package backends

import (
	"slices"
	"strings"
)

// backendEnv is the environment of a program that is not the project's own: what any program may need, and nothing that
// would configure it behind the stack's back.
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

// collectorEnv is that of a backend, too, unless the user has it configured further: an overlay may name any variable, and an
// exporter's library look for its own, such as credentials.
func (s Settings) collectorEnv(extra ...string) []string {
	if len(s.Overlays) == 0 {
		return s.backendEnv(extra...)
	}
	env := append([]string{"COLLECTOR_DATA=" + s.path("data", "collector")}, s.userEnv()...)
	return append(env, extra...)
}

// ownEnv is the environment of the server and the load: the user's, so that sampling and batching can be tried out, but for
// variables that would send the telemetry elsewhere or give it another name.
func (s Settings) ownEnv(extra ...string) []string {
	env := []string{
		// A lab is watched: the programs send sooner than the specification's defaults (5 s and 60 s). The user's own win.
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

// userEnv is the user's environment without what would send the telemetry elsewhere or give it another name.
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

// Sampled says whether the user's environment chooses which calls are traced, so that not every operation is a trace.
func (s Settings) Sampled() bool {
	return slices.ContainsFunc(s.Environ, func(entry string) bool {
		name, value, _ := strings.Cut(entry, "=")
		return name == "OTEL_TRACES_SAMPLER" && value != "" && value != "parentbased_always_on" && value != "always_on"
	})
}
