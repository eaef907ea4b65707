package credentials

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/plan"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// lockAuth fills in the auth blocks of locks. The variables are the user's, the
// lock may be a stranger's: each use is said aloud.
func (g *gatherer) lockAuth() error {
	var errs []error
	for _, a := range g.o.Auth {
		if err := g.lockAuthOf(a); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (g *gatherer) lockAuthOf(a plan.Auth) error {
	where := fmt.Sprintf("%s:%d", a.Lock, a.Line)
	c := wire.Credential{Source: where}
	var names []string
	fill := func(template string) (string, error) {
		value, used, err := expand(template, g.env)
		if err == nil && value != "" {
			value, err = secret(value)
		}
		if err != nil {
			return "", fmt.Errorf("%s: auth: %w%s", where, err, hintFor(err))
		}
		names = append(names, used...)
		g.secretIn(used...)
		return value, nil
	}
	var err, also error
	if a.Header != "" {
		var value string
		value, err = fill(a.Value)
		c.Header = map[string]string{a.Header: value}
	} else {
		c.User, err = fill(a.User)
		c.Password, also = fill(a.Password)
	}
	if err := errors.Join(err, also); err != nil {
		return err
	}
	for _, raw := range a.URLs {
		u, err := url.Parse(raw)
		if err != nil || u.Hostname() == "" {
			continue
		}
		c.Host, c.Prefix = hostPort(u), u.Path
		g.found = append(g.found, found{c, tierLock})
		if len(names) > 0 {
			g.note("$"+strings.Join(names, ", $"), u.Hostname(), where)
		}
	}
	return nil
}

// hintFor says what to do about a variable that is not set.
func hintFor(err error) string {
	var name unset
	if errors.As(err, &name) {
		return fmt.Sprintf(" (export %s before the build)", string(name))
	}
	return ""
}
