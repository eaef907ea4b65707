package store

// step does one thing to the file system that must be safe to die before and
// after. Every change of the store goes through it, so that a test build can
// kill the process at each one by name.
func step(name string, do func() error) error {
	if err := failpoint(name, "before"); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return failpoint(name, "after")
}
