// Package e2e tests the charts on a Kubernetes cluster, from install to
// uninstall: complete traces, load runs that must pass and load runs that must
// fail, network policies, data loss when pods are killed, an upgrade and its
// rollback. `task e2e` prepares the cluster and runs the test. The test log
// contains the measurements.
//
// The test uses kubectl, helm and the scripts of deploy/, as a user would. It
// queries Jaeger and Prometheus with internal/inspect.
package e2e
