//go:build !linux

package orchestrator

import "syscall"

func ownProcessGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
func ownSession() *syscall.SysProcAttr      { return &syscall.SysProcAttr{Setsid: true} }
func diesWithParent() *syscall.SysProcAttr  { return nil }
