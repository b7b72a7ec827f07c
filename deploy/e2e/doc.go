// Package e2e holds the charts against a real cluster, from install to
// uninstall: a whole trace, load runs that pass and that must fail, who is let
// in and who is not, what is lost when pods are killed, an upgrade and its
// rollback. `task e2e` prepares the cluster and runs it; what it measures is in
// its log.
//
// It works through kubectl, helm and the scripts beside the charts, as a person
// would, and asks Jaeger and Prometheus by internal/inspect.
package e2e
