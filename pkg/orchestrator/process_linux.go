package orchestrator

import "syscall"

// ownProcessGroup keeps the terminal's signals from a child.
func ownProcessGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// ownSession makes a child independent of this process and its terminal.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// diesWithParent sends the child a SIGTERM when the thread that started it
// ends (prctl(2), PR_SET_PDEATHSIG): the caller locks that thread.
func diesWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
