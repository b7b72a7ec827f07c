package console

import "testing"

// callSites returns the location of its caller, by CallSite and by the deprecated Here.
func callSites() [2]Site { return [2]Site{CallSite(1), Here(1)} }

func TestCallSite(t *testing.T) {
	sites := callSites()
	want := Site{
		file: "console/site_test.go", line: 9, function: "mini-redis/console.TestCallSite", pkg: "mini-redis/console",
	}
	for i, got := range sites {
		if got != want {
			t.Errorf("site %d is %+v, want %+v", i, got, want)
		}
	}
	if direct := [2]Site{CallSite(0), Here(0)}; direct[0] != direct[1] || direct[0].function != want.function {
		t.Errorf("CallSite(0) is %+v, Here(0) is %+v", direct[0], direct[1])
	}
	if got := CallSite(1000); got != (Site{}) {
		t.Errorf("a site beyond the stack is %+v, want the zero Site", got)
	}
}
