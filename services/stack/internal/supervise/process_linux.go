package supervise

import "syscall"

const needsGuard = false

// bindLife lets the kernel kill the child when the thread that forked it ends; see Nursery. SIGKILL, because there is
// nobody left to insist when a child does not heed SIGTERM.
func bindLife(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
