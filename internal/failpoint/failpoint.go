// Package failpoint lets a test kill a process, or have it fail, before and
// after each of its steps. Without the build tag "failpoint" it costs nothing.
package failpoint

// Step does one thing to the file system that must be safe to die before and
// after. Every change that a kill must not spoil goes through it, with a name by
// which a test build can be told where to die (see on.go). It returns do's error.
func Step(name string, do func() error) error {
	if err := reach(name, "before"); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return reach(name, "after")
}
